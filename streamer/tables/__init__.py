"""All reads and writes of DynamoDB. The methods are coroutines; each request runs in the thread of a worker.

index ─► sentiment (queries of poll and backfill) ─► window ─► counts, series          retry ─► worker ─► DynamoDB
    └──► snapshot (pages of the newest items)
"""
