"""The HTTP server: uvicorn with our own listening socket and our own asyncio protocol, which limits each connection.

bytes ─► Requests (h11, SizedBody, ChunkedBody) ─► Connection ─► Exchange ─► ASGI application ─► Exchange ─► bytes, or a
TransportSink that takes over the connection
"""
