"""What an event source mapping is on AWS: reads the tables' streams in order and calls the relay with what it read.

`lineage` says which shards may be read, `shard` reads one, `record` gives a record Lambda's shape, `checkpoint` decides
what follows from the handler's answer, `discard` tells the failure queue, `canary` is the schedule; `pump` obeys them.
"""

from streamer.local.pump.checkpoint import Policy
from streamer.local.pump.pump import Pump, Source

__all__ = ["Policy", "Pump", "Source"]
