"""`streamer record`: writes the changes of a table, the messages of a topic or the events of a stream to a file.

command ─► table, topic or url (the source) ─► session (limits, status line) ─► recording (the file format)
"""
