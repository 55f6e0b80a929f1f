"""What a Lambda event source mapping does for a DynamoDB stream: reads its shards in order, calls a handler batch by
batch, retries from the checkpoint that the handler returns, and reports what it gives up to a destination.

    shards ─► mapping ─► handler         lookup: failed records, read again by their sequence numbers
                 └─ checkpoint ─► destination (the on-failure queue)

The demo, `streamer record`, `replay` and `failures redrive` use it; nothing here is part of the deployed service.
"""

from streamer.event_source.checkpoint import RetryPolicy
from streamer.event_source.destination import FailureQueue
from streamer.event_source.mapping import EventSourceMapping, StreamSource

__all__ = ["EventSourceMapping", "FailureQueue", "RetryPolicy", "StreamSource"]
