"""What the container knows and whom it tells: pure state, no await, no clock, no I/O.

Change ─► ledger ─► publish ─► frame (encoded once) ─► history
            │                        └──────────────► waiting for the next flush ─► group of equal filters
            └► window (24 h): timelines for pages, totals for `metrics`, cells for series
"""
