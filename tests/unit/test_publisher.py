from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
from unittest.mock import Mock

import pytest

from streamer.change import GONE, Item, Key
from streamer.configuration import Notice
from streamer.intake.decode import decode
from streamer.intake.receive import Decoded, QueueMessage, decode_message
from streamer.publisher import Publisher
from streamer.subscriptions import ConfigurationSubscriptions
from streamer.telemetry.counters import Lags
from streamer.telemetry.tracing import NoTracing, Span, Tracing
from tests.factories import NOW_MS, state
from tests.unit.streams.fakes import Bench

ROW = (Key("wire:1", "2026-11-22T14:56:00.000Z"), Item(state(source=None)))
"""What `record(1)` brings, as a read finds it."""
WRONG = (Key("wire:9", "2026-11-22T14:56:00.000Z"), Item(None, "unscored", "score"))


def record(number: int, **members: object) -> dict[str, Any]:
    return {
        "op": "INSERT",
        "table": "sentiment",
        "keys": {"source_id": f"wire:{number}", "timestamp": "2026-11-22T14:56:00.000Z"},
        "new": {"matched_tickers": ["AAPL"], "sentiment": "positive", "score": 0.5},
        "seq": str(number + 1),
        "committed_at": NOW_MS // 1000,
    } | members


def message(*records: object, **members: object) -> QueueMessage:
    return holding({"v": 1, "relayed_at": NOW_MS, "changes": records} | members)


def holding(content: dict[str, object]) -> QueueMessage:
    body = json.dumps(content)
    return QueueMessage(id="m-1", receipt="r", body=body, received_at_ms=NOW_MS + 5, sent_at_ms=None, receive_count=1)


class Shown:
    """In place of the configurations that streams show."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def received(self, notices: Sequence[Notice]) -> None:
        self.notices += notices


class Fed:
    """A publisher over a delivery with one open stream, and what its client was told."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        self.bench = Bench()
        self.lags = Lags()
        self.shown = Shown()
        self.publisher = Publisher(
            self.bench.hub,
            self.bench.delivery,
            self.bench.counters,
            self.lags,
            subscriptions=cast("ConfigurationSubscriptions", self.shown),
            tracing=tracing,
            now_ms=self.bench.wall_ms,
        )

    def take(self, messages: Sequence[QueueMessage]) -> Sequence[Key]:
        return self.publisher.take([decoded(message) for message in messages])

    def count(self, name: str) -> int:
        return self.bench.counters[name]


def decoded(message: QueueMessage) -> Decoded:
    return decode_message(message, "sentiment", "users")


async def test_delivered_means_that_the_hub_has_it() -> None:
    fed = Fed()
    fed.take([message(record(1), record(2)), message(record(1))])
    assert (fed.count("messages_received"), fed.count("changes_received"), fed.count("changes_known")) == (2, 3, 1)
    assert fed.count("events_published") == len(fed.bench.hub.history) == 2
    assert fed.publisher.changed_ms == NOW_MS
    lags = fed.lags.snapshot()
    assert lags["relayed_to_received"]["p50_ms"] == 5
    assert lags["received_to_sent"]["count"] == 1, "of what was sent"


async def test_what_was_received_together_goes_out_together() -> None:
    fed = Fed()
    fed.take([message(record(number)) for number in range(1, 4)])
    assert fed.lags.snapshot()["received_to_sent"]["count"] == 3, "none waits for the next flush"


async def test_the_whole_way_is_measured_from_the_write_to_the_streams() -> None:
    fed = Fed()
    fed.take([message(record(1, committed_at=NOW_MS // 1000 - 3), record(2), relayed_at=NOW_MS - 1_000)])
    lags = fed.lags.snapshot()
    assert lags["committed_to_sent"] == {"p50_ms": 3_000, "p99_ms": 3_000, "count": 1}
    fed.take([message(record(1, committed_at=NOW_MS // 1000 - 3))])
    assert fed.lags.snapshot()["committed_to_sent"]["count"] == 1, "of what was new"


class Spans(NoTracing):
    """Keeps the spans of messages."""

    def __init__(self) -> None:
        self.told: list[tuple[str | None, str | None, dict[str, str | int]]] = []

    @contextmanager
    def message(self, header: str | None, traceparent: str | None = None) -> Iterator[Span]:
        notes: dict[str, str | int] = {}
        span = Mock(spec=Span)
        span.note = lambda **said: notes.update(said)
        yield span
        self.told.append((header, traceparent, notes))


async def test_each_message_of_changes_is_a_span_of_its_trace() -> None:
    spans = Spans()
    fed = Fed(spans)
    canary = holding({"v": 1, "canary": {"sent_at": NOW_MS}, "trace": "Root=3"})
    first = message(record(1), record(2), trace="Root=1", traceparent="00-1")
    fed.take([first, canary, message(record(2), trace="Root=2")])
    assert spans.told == [
        ("Root=1", "00-1", {"changes": 2, "events": 2}),
        ("Root=2", None, {"changes": 1, "events": 0}),
    ]


async def test_poison_beside_a_good_message_costs_the_good_one_nothing(caplog: pytest.LogCaptureFixture) -> None:
    fed = Fed()
    fed.take([message(v=2), message(record(1))])
    assert (fed.count("messages_poison"), fed.count("events_published")) == (1, 1)
    (line,) = [logged for logged in caplog.records if logged.message == "poison message dropped"]
    assert vars(line)["message_id"] == "m-1"
    assert vars(line)["reason"] == "version"


async def test_a_bug_in_decoding_is_poison_and_not_a_message_that_comes_back_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fed = Fed()

    def failing(body: str, *tables: str) -> Any:
        if "boom" in body:
            raise ZeroDivisionError("boom")
        return decode(body, *tables)

    monkeypatch.setattr("streamer.intake.receive.decode", failing)
    with caplog.at_level(logging.CRITICAL):
        fed.take([message(record(1), trace="boom"), message(record(2))])
    assert (fed.count("messages_poison"), fed.count("events_published")) == (1, 1)


async def test_a_message_full_of_broken_changes_is_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    fed = Fed()
    fed.take([message(*[0] * 10_000, record(1))])
    assert (fed.count("changes_faulty"), fed.count("events_published")) == (10_000, 1)
    (line,) = [logged for logged in caplog.records if logged.message == "changes dropped"]
    assert vars(line)["changes"] == 10_000
    assert len(vars(line)["detail"]) < 1000


async def test_an_item_that_breaks_a_rule_is_counted_each_time_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    fed = Fed()
    wrong = {"matched_tickers": ["AAPL", "no ticker"], "sentiment": "bullish", "score": 1}
    for number in (1, 2):
        fed.take([message(record(1, new=wrong, seq=str(number)))])
    assert fed.count("items_invalid") == 2
    (line,) = [logged for logged in caplog.records if logged.message == "item is no event"]
    assert (vars(line)["source_id"], vars(line)["fault"]) == ("wire:1", "label")


def at(number: int, timestamp: str) -> dict[str, Any]:
    return record(number, keys={"source_id": f"wire:{number}", "timestamp": timestamp})


async def test_a_timestamp_that_queries_may_not_find_is_named_and_counted_once_and_published(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fed = Fed()
    right, offset, space = "2026-11-22T14:56:00.000Z", "2026-11-22T15:56:00.000+01:00", "2026-11-22 14:56:00.000Z"
    for _ in range(2):
        fed.take([message(at(1, right), at(2, offset), at(3, space))])
    assert fed.count("timestamps_irregular") == 2
    lines = [logged for logged in caplog.records if logged.levelno >= logging.WARNING]
    assert [(vars(line)["source_id"], vars(line)["timestamp"]) for line in lines] == [
        ("wire:2", offset),
        ("wire:3", space),
    ]
    assert all("queries may not find" in line.message for line in lines)
    assert fed.count("events_published") == 3, "as ever"
    monkeypatch.setattr("streamer.publisher.LOGGED_KEYS", 10)
    fed.take([message(*(at(number, offset) for number in range(100)))])
    assert len(fed.publisher._unsortable) == 10
    assert fed.count("timestamps_irregular") == 101


async def test_a_clock_that_is_ahead_does_not_stick() -> None:
    fed = Fed()
    far = NOW_MS + 10**11
    fed.take([message(record(1), relayed_at=far), holding({"v": 1, "canary": {"sent_at": far}})])
    assert fed.publisher.canary_ms == NOW_MS
    fed.bench.now += 60
    fed.take([message(record(2), relayed_at=NOW_MS + 60_000)])
    following = fed.bench.hub.history.after(fed.bench.hub.history.dated_after(NOW_MS + 1000))
    assert len(list(following)) == 1


class Hostile:
    """A hub that cannot make the events of some items, for as long as a test likes."""

    def __init__(self, fed: Fed, monkeypatch: pytest.MonkeyPatch, *sources: str) -> None:
        self.sources = set(sources)
        frame = fed.bench.hub._frame

        def failing(event: Any, kind: Any, ticker: str | None) -> Any:
            if getattr(event, "source_id", None) in self.sources and ticker == "MSFT":
                raise ZeroDivisionError
            return frame(event, kind, ticker)

        monkeypatch.setattr(fed.bench.hub, "_frame", failing)


BOTH = {"matched_tickers": ["AAPL", "MSFT"], "sentiment": "positive", "score": 0.5}
BOTH_ITEM = Item(state("positive", "AAPL", "MSFT", source=None))


async def test_a_message_that_fails_fails_alone_and_is_counted_and_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fed = Fed()
    Hostile(fed, monkeypatch, "wire:2")
    fed.take([message(record(1)), message(record(2, new=BOTH)), message(record(3))])
    assert (fed.count("messages_received"), fed.count("messages_failed"), fed.count("events_published")) == (3, 1, 2)
    (line,) = [logged for logged in caplog.records if logged.levelno >= logging.WARNING]
    assert vars(line)["message_id"] == "m-1"
    assert "table queries publish its changes" in line.message
    assert not fed.bench.hub.take_pending(), "what was published of it, and beside it, went out"


@pytest.mark.parametrize("known", [False, True])
async def test_what_a_failed_message_held_is_published_by_the_next_queries(
    known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed = Fed()
    key = Key("wire:2", ROW[0].timestamp)
    if known:
        fed.take([message(record(2, seq="1"))])
    hostile = Hostile(fed, monkeypatch, "wire:2")
    fed.take([message(record(2, new=BOTH, seq="3"), record(4))])
    assert fed.count("messages_failed") == 1
    hostile.sources.clear()

    def query() -> None:
        fed.bench.now += 15
        rows = [(key, BOTH_ITEM), (Key("wire:4", key.timestamp), ROW[1])]
        now_ms, as_of = fed.bench.wall_ms(), fed.publisher.revision()
        taken = fed.publisher.observe(rows, began_ms=now_ms, as_of=as_of, consistent=False)
        again = [row for row in rows if row[0] in taken.read_again]
        as_of = fed.publisher.revision()
        assert not fed.publisher.observe(again, began_ms=now_ms, as_of=as_of, consistent=True).read_again

    query()
    hub = fed.bench.hub
    assert hub.ledger.published_state(key) == BOTH_ITEM.state
    told = {(frame.key, frame.ticker) for frame in hub.history.after(0)}
    assert told >= {(key, "AAPL"), (key, "MSFT"), (Key("wire:4", key.timestamp), "AAPL")}
    published = fed.count("events_published")
    query()
    assert fed.count("events_published") == published, "once"


async def test_rows_that_fail_are_published_by_the_query_that_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = Fed()
    key = Key("wire:2", ROW[0].timestamp)
    hostile = Hostile(fed, monkeypatch, "wire:2")

    def observe() -> list[Key]:
        revision = fed.publisher.revision()
        rows = [(key, BOTH_ITEM)]
        return list(fed.publisher.observe(rows, began_ms=NOW_MS, as_of=revision, consistent=True).fetched)

    with pytest.raises(ZeroDivisionError):
        observe()
    hostile.sources.clear()
    assert observe() == [key]
    assert [frame.ticker for frame in fed.bench.hub.history.after(0)][-2:] == ["AAPL", "MSFT"]


async def test_what_a_query_brings_is_published_counted_and_judged() -> None:
    fed = Fed()

    def query() -> tuple[list[Key], int, list[int]]:
        taken = fed.publisher.observe([ROW, WRONG], began_ms=NOW_MS, as_of=fed.publisher.revision(), consistent=False)
        again = fed.publisher.observe([ROW, WRONG], began_ms=NOW_MS, as_of=fed.publisher.revision(), consistent=False)
        assert not again.fetched
        missed = fed.publisher.proved(NOW_MS, NOW_MS - 180_000, taken.fetched)
        return list(taken.fetched), missed, [len(taken.read_again), len(again.read_again)]

    assert query() == ([ROW[0]], 1, [0, 0])
    assert fed.publisher.changed_ms == NOW_MS
    counted = ("items_queried", "items_fetched", "items_missed", "items_invalid", "queries", "events_published")
    assert [fed.count(name) for name in counted] == [4, 1, 1, 1, 1, 1]
    assert fed.bench.hub.watermark_ms == NOW_MS - 10_000
    fed.take([message(record(1))])
    assert (fed.count("changes_known"), fed.count("events_published")) == (1, 1)
    assert fed.publisher.proved(NOW_MS, NOW_MS - 180_000, [ROW[0]]) == 0, "push has brought it"
    assert fed.count("items_missed") == 1


async def test_what_a_query_brings_goes_out_to_the_streams() -> None:
    fed = Fed()
    flushed: list[int] = []
    published = fed.bench.delivery.schedule_flush
    fed.bench.delivery.schedule_flush = lambda: (flushed.append(1), published())[1]  # type: ignore[method-assign,func-returns-value]
    for _ in range(2):
        fed.publisher.observe([ROW], began_ms=NOW_MS, as_of=0, consistent=False)
    assert len(flushed) == 1, "not where nothing was published"
    assert not fed.bench.hub.take_pending()


async def test_a_withdrawal_by_a_read_is_counted_as_one() -> None:
    fed = Fed()
    fed.take([message(record(1))])
    gone = [(ROW[0], GONE)]
    revision = fed.publisher.revision()
    taken = fed.publisher.observe(gone, began_ms=NOW_MS, as_of=revision, consistent=True)
    assert list(taken.fetched) == [ROW[0]]
    assert fed.count("events_withdrawn") == 1


async def test_learning_is_counted_nowhere_but_in_the_window() -> None:
    fed = Fed()
    before = fed.bench.counters.snapshot()
    assert fed.publisher.backfill([ROW], NOW_MS - 3_600_000, remember=("", "9"))
    assert fed.bench.counters.snapshot() == before
    assert fed.bench.hub.window.metrics(NOW_MS).total == 1


async def test_what_is_told_of_configurations_is_handed_on_beside_the_changes() -> None:
    fed = Fed()
    told = record(2, table="users", keys={"PK": "USER#ada", "SK": "CONFIG#chips"}, op="REMOVE")
    fed.take([message(record(1), told)])
    assert fed.shown.notices == [Notice("ada", "chips", None, 3, NOW_MS // 1000)]
    assert fed.count("events_published") == 1


async def test_what_only_a_read_can_decide_is_returned() -> None:
    fed = Fed()
    fed.publisher.observe([ROW], began_ms=NOW_MS, as_of=0, consistent=False)
    other = {"matched_tickers": ["AAPL"], "sentiment": "negative", "score": 0.5}
    assert fed.take([message(record(1, new=other), record(2))]) == [ROW[0]]
    assert fed.count("changes_undecided") == 1


async def test_a_switch_of_the_mode_has_the_configurations_checked() -> None:
    bench, subscriptions = Bench(), Mock(spec=ConfigurationSubscriptions)
    publisher = Publisher(bench.hub, bench.delivery, bench.counters, Lags(), subscriptions=subscriptions)
    publisher.announce_mode()
    subscriptions.check_soon.assert_called_once_with()
