"""How changes come in: by push, from a queue of our own on the relay's topic, and by queries of the table. Nothing here
knows who takes them; what a message means (decode) and which mode follows (failover) is pure.

    push ─► lease, keepalive, receive ─► decode ─► (consumer: the publisher)
    poll ─► backfill, tables.sentiment ──────────► (consumer: the publisher)
      └─► signals ─► intake ─► failover ─► (the mode)
"""
