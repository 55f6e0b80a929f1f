from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest

from streamer.client import Received, Unknown
from streamer.sse.events import Event, Heartbeat, Metrics, SentimentUpdate, SentimentWithdrawn
from streamer.tools.tail.formatter import EventFormatter, late_ms

AT = 1_795_359_400_123
"""2026-11-22T14:56:40.123Z."""


def update(**members: object) -> SentimentUpdate:
    given: dict[str, object] = {
        "source_id": "wire:1", "timestamp": "2026-11-22T14:56:40.000Z", "version": "v", "ticker": "AAPL",
        "label": "positive", "score": Decimal("0.375"), "confidence": None, "source": "wire",
        "updated_at": "2026-11-22T14:56:40.100Z", "committed_at": "2026-11-22T14:56:39.000Z",
    } | members  # fmt: skip
    return SentimentUpdate(**given)  # type: ignore[arg-type]  # the test gives what it means to


def received(event: Event | Unknown, *, replayed: bool = False) -> Received:
    data = event.data if isinstance(event, Unknown) else event.data()
    return Received(event, data, "evt_1", AT, replayed)


def line(event: Event | Unknown, *, replayed: bool = False) -> str:
    return EventFormatter(colour=False, zone=UTC).event(received(event, replayed=replayed))


def test_a_line_says_when_what_who_and_how_late() -> None:
    assert line(update()) == "14:56:40.123  ▲ positive  +0.38  AAPL   wire              23 ms  wire:1"


def test_columns_stand_below_each_other_and_grow() -> None:
    text = EventFormatter(colour=False, zone=UTC)
    events = [
        update(), update(label="negative", score=Decimal(-1), ticker="BRK.B", updated_at="2026-11-22T14:56:31Z"),
        update(label="neutral", score=Decimal("0"), source=None, updated_at="2026-11-22T14:46:40.123Z"),
        SentimentWithdrawn("wire:1", "2026-11-22T14:56:40.000Z", "AAPL", "deleted"),
    ]  # fmt: skip
    lines = [text.event(received(event)) for event in events]
    assert lines == [
        "14:56:40.123  ▲ positive  +0.38  AAPL   wire              23 ms  wire:1",
        "14:56:40.123  ▼ negative  -1.00  BRK.B  wire           9,123 ms  wire:1",
        "14:56:40.123  ● neutral   +0.00  AAPL                     600 s  wire:1",
        "14:56:40.123  ✕ withdrawn        AAPL                            wire:1 (deleted)",
    ]
    longer = text.event(received(update(ticker="BTC-USD.X", source="The Agency With A Name")))
    assert "BTC-USD.X  The Agency With A Name      23 ms" in longer, "nothing is cut where there is no width"
    assert text.event(received(update())).index("wire:1") == longer.index("wire:1") - 2


@pytest.mark.parametrize(
    ("width", "rest"),
    [
        (200, "AAPL   Meridian Markets Research      23 ms  meridian:000011/2026-11-22/first-edition"),
        (118, "AAPL   Meridian Markets Research      23 ms  meridian:000011/2026-11-22/first-edition"),
        (117, "AAPL   Meridian Markets Re…      23 ms  meridian:000011/2026-11-22/first-edition"),
        (100, "AAPL   Meridian Markets Re…      23 ms  meridian:000011/2026-11-22…"),
        (81, "AAPL   Meridian Markets Re…      23 ms  meridia…"),
        (80, "AAPL   Meridian Markets Re…      23 ms"),
        (71, "AAPL   Meridian Markets Re…      23 ms"),
        (70, "AAPL       23 ms"),
        (60, "AAPL       23 ms"),
        (45, "AAPL "),
    ],
)
def test_a_line_fits_the_width_and_the_source_id_goes_first(width: int, rest: str) -> None:
    event = update(source="Meridian Markets Research", source_id="meridian:000011/2026-11-22/first-edition")
    text = EventFormatter(colour=False, zone=UTC, width=lambda: width).event(received(event))
    assert text == f"14:56:40.123  ▲ positive  +0.38  {rest}"
    assert len(text) <= width


def test_a_short_source_id_is_whole_at_80_columns() -> None:
    text = EventFormatter(colour=True, zone=UTC, width=lambda: 80)
    assert text.event(received(update())).endswith("23 ms  wire:1")
    assert text.event(received(update(source_id="harborline:000006/a"))).endswith("23 ms  harborline:000…")


def test_wide_characters_count_twice() -> None:
    text = EventFormatter(colour=False, zone=UTC, width=lambda: 80).event(received(update(source="新聞社" * 8)))
    assert "新聞社新聞社新聞社…" in text
    assert text.endswith("…       23 ms  wire:1")


def test_other_lines_fit_the_width_too() -> None:
    metrics = Metrics(1_234, 1_000, 200, 34, {"NVDA": 3}, 20.5, 1.0, "a", "b")
    for width, end in ((80, "34 ▼, 20.5 a minute"), (60, "34 ▼"), (40, "1,234 items:…")):
        text = EventFormatter(colour=False, zone=UTC, width=lambda width=width: width)  # type: ignore[misc]  # bound
        assert text.event(received(metrics)).endswith(end)
    text = EventFormatter(colour=False, zone=UTC, width=lambda: 40)
    assert len(text.event(received(Unknown("news", "x" * 100)))) == 40
    assert text.notice(AT, "x" * 100).endswith("x" * 100), "a reason is never cut"


def test_other_events_say_their_own() -> None:
    metrics = Metrics(1_234, 1_000, 200, 34, {}, 20.5, 1.0, "a", "b")
    assert line(metrics).endswith("Σ metrics    1,234 items: 1,000 ▲  200 ●  34 ▼, 20.5 a minute in the last hour")
    assert "\n" not in line(metrics)
    assert line(Heartbeat("t", 3, 86_412, "push")).endswith("♥ heartbeat  3 connections, up 86,412 s, push")
    assert line(Unknown("news", "x\ny")).endswith("· news       x\\ny")


def test_colours_follow_the_label_and_lateness() -> None:
    text = EventFormatter(colour=True, zone=UTC)
    assert "\x1b[32m▲ positive" in text.event(received(update()))
    assert "\x1b[31m▼ negative" in text.event(received(update(label="negative")))
    assert "\x1b[33m● neutral" in text.event(received(update(label="neutral")))
    assert "\x1b[33m 2,123 ms" in text.event(received(update(updated_at="2026-11-22T14:56:38.000Z")))


def test_nothing_that_a_terminal_obeys_gets_through() -> None:
    evil = "\x1b]0;title\x07\x9b31m\r\n"
    for event in (
        update(source_id=evil, source=evil, label=evil, ticker=evil),
        SentimentWithdrawn(evil, evil, evil, evil),  # type: ignore[arg-type]  # hostile
        Heartbeat(evil, 1, 1, evil),
        Unknown(evil, evil),
    ):
        assert line(event).isprintable()
    assert EventFormatter(colour=False, zone=UTC).notice(AT, evil).isprintable()


@pytest.mark.parametrize("score", ["1e999999999", "-1e999999999", "1e-999999999"])
def test_a_hostile_number_costs_nothing(score: str) -> None:
    hostile = Received(update(score=Decimal(score)), "its data is not written out", "evt_1", AT)
    assert len(EventFormatter(colour=False, zone=UTC).event(hostile)) < 200


@pytest.mark.parametrize(
    ("event", "replayed", "late"),
    [
        (update(), False, 23),
        (update(updated_at=None), False, 1_123),
        (update(updated_at=None, committed_at=None), False, None),
        (update(updated_at="yesterday"), False, None),
        (update(updated_at="2026-11-22T14:56:40.200Z"), False, -77),
        (update(), True, None),
        (Heartbeat("t", 1, 1, "push"), False, None),
    ],
)
def test_how_late_it_is(event: Event, replayed: bool, late: int | None) -> None:
    assert late_ms(received(event, replayed=replayed)) == late


def test_history_is_called_so() -> None:
    assert " history  wire:1" in line(update(), replayed=True)


def test_a_summary_has_a_line_for_each_ticker() -> None:
    by_ticker: dict[str, Any] = {
        "NVDA": {"positive": 1_200, "neutral": 30, "negative": 4, "mean": Decimal("0.216")},
        "AAPL": {"positive": 0, "neutral": 0, "negative": 1, "mean": Decimal(-1)},
        "F": {"mean": 10**400},
        "BAD\x1b[2J": {"positive": "x", "neutral": True, "mean": None},
    }
    by_tag: dict[str, Any] = {"NVDA": 1_234, "AAPL": 1, "BAD\x1b[2J": "many", "F": 2, "other": 7}
    metrics = Metrics(1_234, 1_000, 200, 34, by_tag, 20.5, 1.0, "a", "b", by_ticker)
    text = EventFormatter(colour=False, zone=UTC, summary=True).event(received(metrics))
    assert text.splitlines()[1:] == [
        "              NVDA            1,234 items  1,200 ▲     30 ●      4 ▼   mean +0.22",
        "              AAPL                1 items      0 ▲      0 ●      1 ▼   mean -1.00",
        "              BAD\\x1b[2J          ? items      ? ▲      ? ●      ? ▼   mean ?",
        "              F                   2 items      ? ▲      ? ●      ? ▼   mean ?",
        "              other               7 items",
    ]
    older = Metrics(1_234, 1_000, 200, 34, {"NVDA": 3}, 20.5, 1.0, "a", "b")
    text = EventFormatter(colour=False, zone=UTC, summary=True).event(received(older))
    assert text.splitlines()[1:] == ["              NVDA           3 items"]
