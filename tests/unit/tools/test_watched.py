"""A source that is gone is noticed, one that stumbles is not given up."""

from __future__ import annotations

import pytest

from streamer.tools.ending import ToolError
from streamer.tools.watched import Watched
from tests.unit.local.fakes import ARN, Clock, FakeShard, FakeStreams, client_error


def test_a_stream_that_fails_for_long_is_over_and_one_that_recovers_is_not() -> None:
    clock, streams = Clock(), FakeStreams()
    streams.shards["a"] = FakeShard()
    watched = Watched(streams, clock=clock)
    place = watched.get_shard_iterator(StreamArn=ARN, ShardId="a", ShardIteratorType="LATEST")["ShardIterator"]
    clock.pass_(1_000)
    watched.check(30)  # nobody asked: no news
    for _ in range(2):
        streams.failures = [client_error("InternalServerError")]
        with pytest.raises(Exception, match="InternalServerError"):
            watched.get_records(ShardIterator=place, Limit=1)
        watched.get_records(ShardIterator=place, Limit=1)
        clock.pass_(29)
        watched.check(30)
    streams.failures = [client_error("InternalServerError")]
    with pytest.raises(Exception, match="InternalServerError"):
        watched.get_records(ShardIterator=place, Limit=1)
    watched.check(30)
    clock.pass_(2)
    with pytest.raises(ToolError, match=r"the stream has not answered for 31\.0 s: .*InternalServerError"):
        watched.check(30)
