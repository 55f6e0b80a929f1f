"""`streamer failures`: lists the relay's failure queue, and publishes failed records again.

command ─► queue (messages as Failures) ─► redrive (reads the records again, relays them, deletes the message)
"""
