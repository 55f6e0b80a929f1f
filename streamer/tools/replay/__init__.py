"""`streamer replay`: sends recorded stream records to a topic (through the relay), to a table or to the running demo.

command ─► replay:  reader (files) ─► faults ─► playback (timing) ─► new_keys ─► target
"""
