"""`streamer record`: writes changes or events to a file.

command ─► table, topic or url (one source each) ─► session (limits, status) ─► recording (the file format)
"""
