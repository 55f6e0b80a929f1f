"""`streamer failures`: lists the relay's failure queue, and publishes failed records again, which it reads from their
stream.

    command ─► queue (messages as Failures) ─► redrive (reads the records again, relays them, deletes the message)
"""
