"""All reads and writes of DynamoDB, for the event loop: each request is one call in a worker's thread.

index ─► sentiment (the poll's reads, the walk back) ─► counts        retry ─► a worker ─► DynamoDB
    └──► snapshot (pages of the newest items)
"""
