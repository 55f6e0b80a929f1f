"""`streamer replay`: sends recorded changes through the relay or to a table, at any speed, with faults if they are
wanted.

    command ─► replay:  reader (files) ─► faults (planned errors) ─► playback (when) ─► new_keys ─► targets
"""
