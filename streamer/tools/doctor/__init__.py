"""`streamer doctor`: examines a deployment through its URL, from where its clients are.

command ─► probe (asks, through wire and network) ─► evidence ─► checks (pure: one finding each) ─► report
"""
