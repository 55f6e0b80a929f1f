"""A table's stream that is gone is noticed; one that fails for a moment is not given up."""

from __future__ import annotations

from typing import Any, cast

import pytest

from streamer.event_source import EventSourceMapping, StreamSource
from streamer.tools.record.table import check_source
from streamer.tools.terminal.errors import ToolError
from tests.unit.event_source.fakes import ARN, Clock, FakeStreams, client_error


def test_a_stream_that_fails_for_30_s_is_over_and_one_that_recovers_is_not() -> None:
    clock, streams = Clock(), FakeStreams()
    mapping = EventSourceMapping(cast("Any", streams), [StreamSource(ARN)], lambda *_: None, clock=clock)
    clock.pass_(1_000)
    check_source(mapping, clock.now)  # no call has failed yet
    mapping.step()
    mapping.error = client_error("InternalServerError")
    clock.pass_(29)
    check_source(mapping, clock.now)
    clock.pass_(2)
    with pytest.raises(ToolError, match=r"no response from the stream for 31\.0 s: .*InternalServerError"):
        check_source(mapping, clock.now)
    clock.pass_(10)
    mapping.step()
    check_source(mapping, clock.now)
