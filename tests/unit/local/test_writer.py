"""The thin shell around the plan: what is sent to the table, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pytest

from streamer.local.writer import NewsWriter, TableWrite
from tests.unit.event_source.fakes import BEGUN, Clock


class FakeTable:
    """Keeps each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in ("put_item", "update_item", "delete_item"):
            raise AttributeError(name)
        return lambda **request: self.requests.append((name, request))

    put_item: Callable[..., Any]
    update_item: Callable[..., Any]
    delete_item: Callable[..., Any]


class Stop(threading.Event):
    """Waiting moves the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        self._clock.pass_(timeout or 0.0)
        return self.is_set()


KEY = {"source_id": {"S": "harborline:000001"}, "timestamp": {"S": "2026-11-18T11:06:39.500Z"}}


def edit(
    action: Any, at: float = 0.0, values: dict[str, Any] | None = None, removed: tuple[str, ...] = ()
) -> TableWrite:
    return TableWrite(at, action, "harborline:000001", -0.5, values or {}, removed)


def written(*writes: TableWrite) -> list[tuple[str, dict[str, Any]]]:
    table, clock = FakeTable(), Clock()
    NewsWriter(cast("Any", table), "sentiment", wall=clock).run(writes, Stop(clock))
    return table.requests


def test_a_new_item_is_put_whole_with_its_times() -> None:
    [(call, request)] = written(edit("put", 1.25, {"score": Decimal("0.5"), "matched_tickers": ["AAPL"]}))
    assert (call, request["TableName"]) == ("put_item", "sentiment")
    assert request["Item"] == KEY | {
        "score": {"N": "0.5"},
        "matched_tickers": {"L": [{"S": "AAPL"}]},
        "updated_at": {"S": "2026-11-18T11:06:41.250Z"},
        "ttl_timestamp": {"N": str(int(BEGUN) + 1 + 7520)},
    }


def test_an_update_sets_and_removes_and_never_creates() -> None:
    [(call, request)] = written(edit("update", 2.0, {"sentiment": "neutral"}, ("score", "confidence")))
    assert call == "update_item"
    assert request["Key"] == KEY
    assert request["UpdateExpression"] == "SET #0 = :0, #1 = :1 REMOVE #2, #3"
    assert list(request["ExpressionAttributeNames"].values()) == ["sentiment", "updated_at", "score", "confidence"]
    assert request["ExpressionAttributeValues"] == {":0": {"S": "neutral"}, ":1": {"S": "2026-11-18T11:06:42.000Z"}}
    assert request["ConditionExpression"] == "attribute_exists(source_id)"


def test_a_delete_names_the_item() -> None:
    assert written(edit("delete")) == [("delete_item", {"TableName": "sentiment", "Key": KEY})]


def test_each_edit_waits_for_its_time_and_a_late_one_does_not() -> None:
    table: Any = FakeTable()
    clock = Clock()
    stop = Stop(clock)
    writer = NewsWriter(table, "sentiment", wall=clock)
    writer.run([edit("put", 1.0), edit("delete", 4.0), edit("put", 4.0), edit("put", 3.0)], stop)
    assert stop.waits == pytest.approx([1.0, 3.0, 0.0, 0.0])


def test_being_too_slow_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    writer = NewsWriter(cast("Any", FakeTable()), "sentiment", wall=clock)
    clock.pass_(60.0)
    writer.run([edit("put", 1.0), edit("put", 2.0)], Stop(clock))
    assert caplog.messages == ["this machine is too slow for this rate"]


def test_it_stops_between_two_edits() -> None:
    table: Any = FakeTable()
    clock = Clock()
    stop = Stop(clock)
    stop.set()
    NewsWriter(table, "sentiment", wall=clock).run([edit("put")], stop)
    assert table.requests == []
