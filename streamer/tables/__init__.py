"""All reads of DynamoDB. Everything here blocks and belongs into a thread; nothing here knows who wants to know.

sentiment ─► attribute ─► (change.read_item)        the table query, consistent reads, the walk back for the counts
"""
