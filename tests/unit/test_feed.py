from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from streamer.feed import Feed
from streamer.intake.decode import decode
from streamer.intake.receive import Message
from streamer.telemetry.counters import Lags
from tests.factories import NOW_MS
from tests.unit.delivery.fakes import Bench


def record(number: int, **members: object) -> dict[str, Any]:
    return {
        "op": "INSERT",
        "table": "sentiment",
        "keys": {"source_id": f"wire:{number}", "timestamp": "2026-11-22T14:56:00.000Z"},
        "new": {"matched_tickers": ["AAPL"], "sentiment": "positive", "score": 0.5},
        "seq": str(number + 1),
        "committed_at": NOW_MS // 1000,
    } | members


def message(*records: object, **members: object) -> Message:
    return holding({"v": 1, "relayed_at": NOW_MS, "changes": records} | members)


def holding(content: dict[str, object]) -> Message:
    body = json.dumps(content)
    return Message(id="m-1", receipt="r", body=body, received_at_ms=NOW_MS + 5, sent_at_ms=None, receive_count=1)


class Fed:
    """A feed over a delivery with one open stream, and what its client was told."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.lags = Lags()
        self.feed = Feed(
            self.bench.hub,
            self.bench.delivery,
            self.bench.counters,
            self.lags,
            table="sentiment",
            loop=asyncio.get_running_loop(),
            now_ms=self.bench.wall_ms,
        )

    async def deliver(self, messages: Sequence[Message]) -> None:
        await asyncio.to_thread(self.feed.deliver, messages)

    def count(self, name: str) -> int:
        return self.bench.counters[name]


async def test_delivered_means_that_the_hub_has_it() -> None:
    fed = Fed()
    await fed.deliver([message(record(1), record(2)), message(record(1))])
    assert (fed.count("messages_received"), fed.count("changes_received"), fed.count("changes_known")) == (2, 3, 1)
    assert fed.count("events_published") == len(fed.bench.hub.history) == 2
    assert fed.feed.changed_ms == NOW_MS
    lags = fed.lags.snapshot()
    assert lags["relayed_to_received"]["p50_ms"] == 5
    assert lags["received_to_sent"]["count"] == 1, "of what was sent"


async def test_poison_beside_a_good_message_costs_the_good_one_nothing(caplog: pytest.LogCaptureFixture) -> None:
    fed = Fed()
    await fed.deliver([message(v=2), message(record(1))])
    assert (fed.count("messages_poison"), fed.count("events_published")) == (1, 1)
    (line,) = [logged for logged in caplog.records if logged.message == "poison message dropped"]
    assert vars(line)["message_id"] == "m-1"
    assert vars(line)["reason"] == "version"


async def test_a_bug_in_decoding_is_poison_and_not_a_message_that_comes_back_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fed = Fed()

    def failing(body: str, table: str) -> Any:
        if "boom" in body:
            raise ZeroDivisionError("boom")
        return decode(body, table)

    monkeypatch.setattr("streamer.feed.decode", failing)
    with caplog.at_level(logging.CRITICAL):
        await fed.deliver([message(record(1), trace="boom"), message(record(2))])
    assert (fed.count("messages_poison"), fed.count("events_published")) == (1, 1)


async def test_a_message_full_of_broken_changes_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    fed = Fed()
    await fed.deliver([message(*[0] * 10_000, record(1))])
    assert (fed.count("changes_faulty"), fed.count("events_published")) == (10_000, 1)
    (line,) = [logged for logged in caplog.records if logged.message == "changes dropped"]
    assert vars(line)["changes"] == 10_000
    assert len(vars(line)["detail"]) < 1000


async def test_an_item_that_breaks_a_rule_is_counted_each_time_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    fed = Fed()
    wrong = {"matched_tickers": ["AAPL", "no ticker"], "sentiment": "bullish", "score": 1}
    for number in (1, 2):
        await fed.deliver([message(record(1, new=wrong, seq=str(number)))])
    assert fed.count("items_invalid") == 2
    (line,) = [logged for logged in caplog.records if logged.message == "item is no event"]
    assert (vars(line)["source_id"], vars(line)["fault"]) == ("wire:1", "label")


async def test_a_clock_that_is_ahead_does_not_stick() -> None:
    fed = Fed()
    far = NOW_MS + 10**11
    await fed.deliver([message(record(1), relayed_at=far), holding({"v": 1, "canary": {"sent_at": far}})])
    assert fed.feed.canary_ms == NOW_MS
    fed.bench.now += 60
    await fed.deliver([message(record(2), relayed_at=NOW_MS + 60_000)])
    following = fed.bench.hub.history.after(fed.bench.hub.history.dated_after(NOW_MS + 1000))
    assert len(list(following)) == 1


async def test_a_hub_that_fails_tells_the_thread_that_nothing_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = Fed()
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))

    def publish(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fed.bench.hub, "publish", publish)
    with pytest.raises(ZeroDivisionError):
        await fed.deliver([message(record(1))])
    assert len(heard) == 1
