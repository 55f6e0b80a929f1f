"""The first hop is measured by the writer's clock and reported once a second."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from streamer.local.first_hop import FirstHop
from tests.unit.event_source.fakes import Clock


def event(*written: float) -> dict[str, Any]:
    """A batch of items with `updated_at`, a delete and a pending item without."""
    images: list[dict[str, Any]] = [
        {"NewImage": {"updated_at": {"S": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")}}}
        for at in written
    ]
    return {"Records": [{"dynamodb": image} for image in [*images, {"OldImage": {}}, {"NewImage": {}}]]}


def test_the_age_of_each_change_at_the_call_is_reported() -> None:
    clock, reports, calls = Clock(), list[dict[str, Any]](), list[Any]()

    def handler(*call: Any) -> str:
        calls.append(call)
        return "answer"

    hop = FirstHop(handler, reports.append, wall=clock)
    assert hop(event(clock.now - 0.040, clock.now - 0.020, clock.now - 0.030), "context") == "answer"
    assert reports == [{"p50_ms": 30.0, "p99_ms": 40.0, "count": 3}]
    assert calls == [(event(clock.now - 0.040, clock.now - 0.020, clock.now - 0.030), "context")]


def test_it_reports_once_a_second_what_the_last_minute_brought() -> None:
    clock, reports = Clock(), list[dict[str, Any]]()
    hop = FirstHop(lambda *call: None, reports.append, wall=clock)
    hop(event(clock.now - 0.010), None)
    clock.pass_(0.5)
    hop(event(clock.now - 0.020), None)
    assert len(reports) == 1
    clock.pass_(0.5)
    hop({"source": "aws.events"}, None)
    assert reports[1] == {"p50_ms": 10.0, "p99_ms": 20.0, "count": 2}
    clock.pass_(120)
    hop({"Records": []}, None)
    assert reports[2] == {"p50_ms": None, "p99_ms": None, "count": 0}
