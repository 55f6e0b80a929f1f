"""From frames to sockets: a `Sink` per stream, one flush for what was published, one sweep for what is due.

hub.publish ─► flush: one join of bytes per group of equal filters ─► sink.write of each stream in it
every 250 ms ─► sweep: heartbeats, pings, lifetimes, slow clients, metrics
"""
