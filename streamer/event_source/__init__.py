"""Does the work of a Lambda event source mapping for a DynamoDB stream.

It reads the shards in order, calls a handler with each batch, retries from the checkpoint that the handler returns, and
sends the position of discarded records to an on-failure destination.

    shards ─► mapping ─► handler         lookup: reads failed records again by their sequence numbers
                 └─ checkpoint ─► destination

The demo, `streamer record`, `replay` and `failures redrive` use it. It is not part of the deployed service.
"""

from streamer.event_source.checkpoint import RetryPolicy
from streamer.event_source.destination import FailureQueue
from streamer.event_source.mapping import EventSourceMapping, StreamSource

__all__ = ["EventSourceMapping", "FailureQueue", "RetryPolicy", "StreamSource"]
