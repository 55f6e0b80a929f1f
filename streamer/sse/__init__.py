"""Server-Sent Events, pure: the data of each event (`events`), and the encoder and decoder of the stream.

Specification: WHATWG HTML, 9.2 Server-sent events. The contract for clients is docs/events.md.
"""
