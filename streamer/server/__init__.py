"""The HTTP server: uvicorn on a socket of our own, with a protocol of our own that bounds what a client may do.

bytes ─► Requests (h11, Sized, Chunked) ─► Connection ─► Exchange ─► the ASGI application ─► Exchange ─► bytes, or a
TransportSink that takes the connection over.
"""
