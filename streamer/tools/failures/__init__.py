"""`streamer failures`: lists the relay's failure queue, and publishes its records again.

command ─► queue (messages) ─► redrive (reads the records from their stream, relays them, deletes the message)
"""
