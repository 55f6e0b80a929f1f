"""`streamer tail`: shows a stream, one line an event.

command ─► target (which URL) ─► session (follows it) ─► printer ─► formatter (one event as a line)
"""
