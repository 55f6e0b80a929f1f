"""`streamer queues`: lists the queues of the containers and deletes the queues of dead containers."""
