"""A change record message, turned into stream records and relayed again, is the same message."""

from __future__ import annotations

import json

import pytest

from streamer.tools.relay import FailureSink, LocalRelay, MessageSink
from streamer.tools.replay.messages import parse, to_records
from tests.unit.ingest_relay.stream import RECORDED, recorded


def relayed(records: list[dict[str, object]]) -> list[str]:
    """The messages without the time at which they were made, and what failed."""
    texts: list[str] = []
    tables = {"sentiment": "sentiment", "users": "users"}
    relay = LocalRelay(MessageSink(texts.append), FailureSink(lambda _: None), tables)  # type: ignore[arg-type]
    relay.send(records)
    return [text.partition('"changes"')[2] for text in texts]


@pytest.mark.parametrize("name", RECORDED)
def test_relayed_twice_is_relayed_once(name: str) -> None:
    texts = relayed(recorded(name)["Records"])
    again = [record for text in texts for record in to_records(parse('{"changes"' + text))]
    assert relayed(again) == texts
    assert texts


def test_a_canary_has_no_records() -> None:
    assert to_records(parse('{"v":1,"canary":{"sent_at":1}}')) == []


@pytest.mark.parametrize("changes", ["3", "[3]", "[{}]", '[{"op":1}]'])
def test_what_is_no_change_is_refused(changes: str) -> None:
    with pytest.raises(ValueError, match="chang"):
        to_records(json.loads(f'{{"v":1,"changes":{changes}}}'))
