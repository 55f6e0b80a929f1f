"""How changes come in: by push, from a queue of our own on the relay's topic. Nothing here knows who listens; what a
message means (decode) and which mode follows (failover) is pure, the rest is one thread and its calls to AWS.

    aws ─► lease ─► receive ─► push ─► deliver ─► decode ─► (the hub)
                                 └───► signals ─► failover ─► (the mode)
"""
