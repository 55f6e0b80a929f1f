"""`streamer tail`: shows a stream, one line an event. It reconnects and resumes by itself, and reports that between the
events.

    command ─► target (which URL) ─► session (follows it) ─► printer ─► formatter (one event as a line)
"""
