"""A reconnecting client of the stream, for Python."""
