"""The sentiment streamer."""
