"""`streamer record`: writes the changes of a table, the messages of a topic or the events of a stream to a file, with
their times.

    command ─► table, topic or url (one source each) ─► session (limits, status) ─► recording (the file format)
"""
