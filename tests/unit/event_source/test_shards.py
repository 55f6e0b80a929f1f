"""Parents before children: the order of one item's changes across shards."""

from __future__ import annotations

from streamer.event_source.shards import Shard, readable

PARENT, LEFT, RIGHT, GRANDCHILD = (
    Shard("parent", "trimmed long ago"),
    Shard("left", "parent"),
    Shard("right", "parent"),
    Shard("grandchild", "left"),
)
SHARDS = [GRANDCHILD, RIGHT, LEFT, PARENT]


def test_a_shard_without_a_listed_parent_is_read_first() -> None:
    assert readable(SHARDS, set()) == ["parent"]


def test_children_follow_when_their_parent_is_finished() -> None:
    assert readable(SHARDS, {"parent"}) == ["right", "left"]
    assert readable(SHARDS, {"parent", "left"}) == ["grandchild", "right"]


def test_a_finished_shard_is_not_read_again() -> None:
    assert readable(SHARDS, {shard.shard_id for shard in SHARDS}) == []
