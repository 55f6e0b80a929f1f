"""`streamer status`: what one server says about itself.

command ─► reader (the JSON of /api/v2/stream/status) ─► report (an aligned table)
"""
