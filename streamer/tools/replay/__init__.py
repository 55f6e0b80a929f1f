"""`streamer replay`: sends recorded changes through the relay, or to a table.

command ─► replay:  reader (files) ─► faults (planned errors) ─► playback (when) ─► new_keys ─► targets
"""
