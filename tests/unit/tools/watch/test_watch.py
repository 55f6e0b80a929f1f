from __future__ import annotations

import asyncio
import io
import os
import pty
import signal
import sys
import termios
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from streamer import tools
from streamer.client import Lost, NotAStream, Received, Reconnect, Stream
from streamer.sse.events import Connected, Event, Heartbeat, Metrics, Reset, SentimentUpdate
from streamer.tools.watch import board as board_module
from streamer.tools.watch.board import Board
from streamer.tools.watch.session import watch
from tests.unit.client.scripted import OK, Visit, answer, serving
from tests.watchdog import WATCHDOG

AT = 1_795_359_400_123
ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"  # the alternate screen
METRICS = Metrics(
    1_234, 1_000, 200, 34, {"NVDA": 1_200, "AAPL": 27, "other": 7}, 20.5, 1.0, "a", "b",
    {"NVDA": {"positive": 1_000, "neutral": 190, "negative": 10, "mean": Decimal("0.216")}},
)  # fmt: skip


def update(ticker: str, label: str = "positive", score: str = "0.375") -> SentimentUpdate:
    return SentimentUpdate("wire:1", "t", "v", ticker, label, Decimal(score), None, None, None, None)


def connected(mode: str = "push") -> Connected:
    return Connected("c", None, "fresh", 0, mode, 3000, 30.0)


def taken(*each: Event | Lost, only: tuple[str, ...] = ()) -> Board:
    board = Board("http://host/api/v2/stream", only)
    for one in each:
        board.take(one if isinstance(one, Lost) else Received(one, one.data(), "evt_1", AT))
    return board


def screen(board: Board, *, at: int = AT, height: int = 24, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    with console.capture() as capture:
        console.print(board.screen(at, height))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_board_has_counts_scores_and_the_last_change_of_each_ticker() -> None:
    board = taken(connected(), METRICS, update("AAPL", "negative", "-0.5"), update("F"), update("NVDA"))
    lines = screen(board, at=AT + 3_000)
    assert lines[0] == "http://host/api/v2/stream  connected, mode push"
    assert lines[1] == "1,234 items: 1,000 ▲  200 ●  34 ▼, 20.5 a minute; 3 changes seen; q ends"
    assert [line.split() for line in lines[4:]] == [
        ["NVDA", "1,200", "1,000", "190", "10", "+0.22", "▲", "+0.38", "3", "s", "ago"],
        ["AAPL", "27", "-", "-", "-", "-", "▼", "-0.50", "3", "s", "ago"],
        ["F", "-", "-", "-", "-", "-", "▲", "+0.38", "3", "s", "ago"],
    ]


def test_only_the_tickers_that_are_asked_for_have_rows() -> None:
    lines = screen(taken(connected(), METRICS, update("F"), only=("F", "AAPL")))
    assert [line.split()[0] for line in lines[4:]] == ["AAPL", "F"]


def test_a_lost_connection_and_a_new_mode_are_said() -> None:
    board = taken(connected(), Lost("it broke\x1b[2J", 1.25))
    assert screen(board)[0] == "http://host/api/v2/stream  lost: it broke\\x1b[2J; next attempt in 1.2 s, mode push"
    board.take(Received(Heartbeat("t", 1, 1, "down"), "{}", "evt_1", AT))
    assert screen(board)[0].endswith("connected, mode down")


def test_a_reset_forgets_the_changes() -> None:
    assert len(screen(taken(connected(), update("F"), Reset("too_old")))) == 4


def test_a_board_fits_the_terminal() -> None:
    board = taken(connected(), METRICS, *(update(f"T{number}") for number in range(50)))
    for height, width in ((10, 40), (24, 80)):
        lines = screen(board, height=height, width=width)
        assert len(lines) <= height
        assert max(map(len, lines)) <= width


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "_MOST_CHANGES", 2)
    assert [line.split()[0] for line in screen(taken(update("A"), update("B"), update("C")))[4:]] == ["C", "B"]


def test_nothing_that_a_terminal_obeys_gets_through() -> None:
    evil: Any = "\x1b]0;title\x07[red]"
    lines = screen(taken(connected(evil), update(evil, evil)))
    assert all(line.isprintable() for line in lines)
    assert "[red]" in lines[4], "no markup either"


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


async def test_q_ends_it_and_leaves_the_terminal_as_it_was(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)

    async def script(visit: Visit) -> None:
        await visit.send(OK, connected())
        os.write(ours, b"xq")
        await visit.gone()

    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    async with serving(script) as server, asyncio.timeout(WATCHDOG):
        await watch(Stream(server.url), Board(server.url), console, theirs)
    assert termios.tcgetattr(theirs) == before


async def test_ctrl_z_gives_the_terminal_back_until_it_continues(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = terminal
    before, stopped, printed = termios.tcgetattr(theirs), [], io.StringIO()

    def stop(number: int) -> None:  # really, the process would stop here
        stopped.append((number, signal.getsignal(number), termios.tcgetattr(theirs), printed.getvalue().count(LEFT)))
        until_stopped.set()

    async def script(visit: Visit) -> None:
        await visit.send(OK, connected())
        os.kill(os.getpid(), signal.SIGTSTP)
        await until_stopped.wait()
        os.write(ours, b"q")
        await visit.gone()

    until_stopped = asyncio.Event()
    monkeypatch.setattr(signal, "raise_signal", stop)
    console = Console(file=printed, force_terminal=True, width=80, height=24)
    async with serving(script) as server, asyncio.timeout(WATCHDOG):
        await watch(Stream(server.url), Board(server.url), console, theirs)
    assert stopped == [(signal.SIGTSTP, signal.SIG_DFL, before, 1)]
    assert printed.getvalue().count(ENTERED) == printed.getvalue().count(LEFT) == 2
    assert termios.tcgetattr(theirs) == before


async def test_a_signal_while_the_screen_is_left_does_not_keep_it() -> None:
    """Ctrl-C is often pressed twice."""

    class Twice(io.StringIO):
        def write(self, text: str) -> int:
            if LEFT in text:
                os.kill(os.getpid(), signal.SIGINT)
            return super().write(text)

    async def script(visit: Visit) -> None:
        await visit.send(OK, connected())
        os.kill(os.getpid(), signal.SIGINT)
        await visit.gone()

    printed = Twice()
    console = Console(file=printed, force_terminal=True, width=80, height=24)
    async with serving(script) as server, asyncio.timeout(WATCHDOG):
        await watch(Stream(server.url), Board(server.url), console, None)
    assert printed.getvalue().count(LEFT) == 1


async def test_what_comes_is_on_the_board_and_an_error_ends_it() -> None:
    async def script(visit: Visit) -> None:
        assert "events=sentiment_update" in visit.path
        await visit.send(OK, connected(), METRICS, update("NVDA"))

    async def no_sleep(_: float) -> None:
        return

    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    async with serving(script, answer("404 Not Found")) as server, asyncio.timeout(WATCHDOG):
        stream = Stream(server.url, events=["sentiment_update"], reconnect=Reconnect(sleep=no_sleep))
        board = Board("u")
        with pytest.raises(NotAStream, match="does not exist"):
            await watch(stream, board, console, None)
    assert screen(board)[4].split()[:2] == ["NVDA", "1,200"]


def test_without_a_terminal_it_names_the_command_for_pipes(capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run(["watch"]) == 2
    assert "use `streamer tail --summary`" in capsys.readouterr().err


def test_a_terminal_whose_cursor_cannot_be_moved_is_refused(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with os.fdopen(os.dup(terminal[1]), "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert tools.run(["watch", "127.0.0.1:1"]) == 2
    assert "TERM=dumb: the table changes in place; use `streamer tail --summary`" in capsys.readouterr().err
