"""`streamer tail`: shows a stream, one line an event. It reconnects and resumes automatically.

command ─► target (the URL) ─► session (follows the stream) ─► printer ─► formatter (one event as a line)
                                                               └─ item_filter (what the stream cannot filter)
"""
