"""`streamer queues`: lists the queues of the containers, and removes those that dead containers left."""
