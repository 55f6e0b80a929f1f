"""One live line on a terminal, a plain line every ten seconds elsewhere."""

from __future__ import annotations

import io

import pytest

from streamer.local.status_line import StatusLine
from tests.unit.event_source.fakes import Clock

CLEAR = "\r\x1b[2K"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminals_line_is_rewritten_and_other_lines_scroll_above_it() -> None:
    screen = Screen()
    line = StatusLine(screen)
    line.print("listing")
    line.update("1 event")
    line.print("relay: warning")
    line.update("2 events")
    line.close()
    line.close()
    assert screen.getvalue() == f"listing\n{CLEAR}1 event{CLEAR}relay: warning\n1 event{CLEAR}2 events\n"


def test_a_line_that_is_too_long_is_cut_so_that_it_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    screen = Screen()
    StatusLine(screen).update("0123456789abc")
    assert screen.getvalue() == f"{CLEAR}01234567…"


def test_a_file_gets_a_line_every_ten_seconds() -> None:
    file, clock = io.StringIO(), Clock()
    line = StatusLine(file, clock=clock)
    for second in range(25):
        line.update(f"second {second}")
        clock.pass_(1.0)
    line.print("warning")
    line.close()
    assert file.getvalue() == "second 10\nsecond 20\nwarning\n"
