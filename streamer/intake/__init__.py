"""Intake receives changes: by push, through this container's queue on the relay's topic, and by queries of the table.

It hands them to a consumer that it does not know. `decode` and `failover` are pure.

    push ─► lease, keepalive, receive ─► decode ─► (consumer: the publisher)
    poll ─► backfill, tables.sentiment ──────────► (consumer: the publisher)
      └─► signals ─► intake ─► failover ─► (the mode)
"""
