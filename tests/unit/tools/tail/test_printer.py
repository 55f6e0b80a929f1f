from __future__ import annotations

import io
import json
from datetime import UTC
from decimal import Decimal

import pytest

from streamer import tools
from streamer.client import Lost, Received, Unknown
from streamer.sse.events import Closing, Connected, Event, Heartbeat, Reset, SentimentUpdate
from streamer.tools.tail.formatter import EventFormatter
from streamer.tools.tail.printer import EventPrinter

AT = 1_795_359_400_123


class Told:
    """Lines into memory."""

    def __init__(self, *, as_json: bool = False, control_events: bool = False) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.lines = EventPrinter(
            self.out,
            self.err,
            EventFormatter(colour=False, zone=UTC),
            as_json=as_json,
            control_events=control_events,
            clock=lambda: AT / 1000,
        )

    def show(self, *each: Event | Unknown | Lost) -> None:
        for one in each:
            if isinstance(one, Lost):
                self.lines.show(one)
            else:
                data = one.data if isinstance(one, Unknown) else one.data()
                self.lines.show(Received(one, data, "evt_1", AT))

    @property
    def notices(self) -> list[str]:
        return [line.partition("· ")[2] for line in self.err.getvalue().splitlines()]


def connected(resume: str = "fresh", replayed: int = 0, mode: str = "push") -> Connected:
    return Connected("c", None, resume, replayed, mode, 3000, 30.0)  # type: ignore[arg-type]  # parametrised


def heartbeat(mode: str) -> Heartbeat:
    return Heartbeat("t", 1, 1, mode)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (connected(), "connected: a fresh stream begins; mode push"),
        (connected(replayed=1_234),
         "connected: 1,234 events of the history follow; mode push"),
        (connected("resumed"), "resumed: no event was missed; mode push"),
        (connected("resumed", 2), "resumed: 2 events of the history follow; mode push"),
        (connected("reset", mode="down"),
         "connected, not resumed; mode down: no changes arrive until the server recovers"),
        (Reset("too_old"), "reset (too_old): events before this may be missing; the history follows"),
        (Lost("it broke", 1.25), "lost: it broke; next attempt in 1.2 s"),
    ],
)  # fmt: skip
def test_what_happened_is_told_in_one_line(event: Event | Lost, words: str) -> None:
    told = Told()
    told.show(event)
    assert told.notices == [words]
    assert told.out.getvalue() == ""
    assert told.lines.events == 0


def test_a_mode_is_told_when_it_changes() -> None:
    told = Told()
    told.show(
        heartbeat("push"), connected(), heartbeat("push"), heartbeat("down"), heartbeat("down"), heartbeat("poll")
    )
    assert told.notices[1:] == [
        "mode changed from push to down: no changes arrive until the server recovers",
        "mode changed from down to poll: changes arrive by polling, some seconds late",
    ]


def test_json_keeps_every_digit_and_stays_on_its_line() -> None:
    told = Told(as_json=True)
    score = Decimal("0.12345678901234567890")
    told.show(
        SentimentUpdate("é\u2028", "t", "v", "A", "positive", score, None, None, "2026-11-22T14:56:40.100Z", None)
    )
    told.show(Unknown('a"b', '{"x":\n1}'), Unknown("c", "no\njson"))
    first, second, third = told.out.getvalue().split("\n")[:-1]
    assert '"score":0.1234567890123456789,' in first
    assert json.loads(first)["late_ms"] == 23
    assert json.loads(second) == {"event": 'a"b', "id": "evt_1", "data": {"x": 1}, "late_ms": None}
    assert json.loads(third)["data"] == "no\njson"
    assert told.lines.events == 3


def test_control_events_are_lines_only_if_everything_is_asked_for() -> None:
    events = (connected(), Reset("too_old"), heartbeat("push"), Closing("drain", 1))
    told, all_told = Told(as_json=True), Told(as_json=True, control_events=True)
    told.show(*events)
    all_told.show(*events)
    assert told.out.getvalue() == ""
    assert [json.loads(line)["event"] for line in all_told.out.getvalue().splitlines()] == [e.name for e in events]
    assert all_told.lines.events == 4
    assert all_told.notices == told.notices


def test_the_end_sums_up_if_there_was_a_stream() -> None:
    told = Told()
    told.lines.end(0)
    told.show(connected(), Unknown("a", "1"), connected("resumed"))
    told.lines.end(7)
    assert told.notices[-1] == "ended: 1 events, 1 reconnects, 7 repeats dropped"
    assert len(told.notices) == 3


def test_json_gives_a_terminal_no_orders_and_stays_the_same() -> None:
    told = Told(as_json=True)
    told.show(Unknown("news", '{"title":"\x9b2J é"}'))
    assert told.out.getvalue()[:-1].isprintable()
    assert json.loads(told.out.getvalue())["data"] == {"title": "\x9b2J é"}


@pytest.mark.parametrize("option", ["--from", "--tickers", "--events"])
def test_what_is_no_text_is_a_usage_error(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run(["tail", option, "a\ud800", "http://127.0.0.1:1"]) == 2
    assert f"{option}='a\\ud800'" in capsys.readouterr().err


def test_a_terminal_that_knows_ascii_alone_ends_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    tools.run(["tail", "--from", "1", "--replay", "1"])
    out.write("é")
    out.seek(0)
    assert out.buffer.read() == b"\\xe9"
