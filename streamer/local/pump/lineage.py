"""Which shards of a stream may be read now, so that changes of one item stay in order. Pure.

A shard that fills up is closed, and its children go on: the item's older changes are in the parent.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as DescribeStream lists it."""

    shard_id: str
    parent_id: str | None = None


def readable(shards: Sequence[Shard], finished: Collection[str]) -> list[str]:
    """The ids of the shards to read, in the order listed.

    That is each shard that is not finished and whose parent is finished, or no longer listed (trimmed after 24 hours).
    """
    listed = {shard.shard_id for shard in shards}
    return [
        shard.shard_id
        for shard in shards
        if shard.shard_id not in finished and (shard.parent_id not in listed or shard.parent_id in finished)
    ]
