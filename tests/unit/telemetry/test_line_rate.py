from __future__ import annotations

import logging

from streamer.telemetry.line_rate import MOST_KINDS, LineKind, LineRate

OPENED = LineKind("streamer.web.stream", logging.INFO, "stream opened")
CLOSED = LineKind("streamer.web.stream", logging.INFO, "stream closed")


def test_a_burst_passes_then_so_many_a_second_and_the_next_says_how_many_were_left_out() -> None:
    now = [0.0]
    rate = LineRate(2, 5, clock=lambda: now[0])
    assert [rate.admit(OPENED) for _ in range(8)] == [0] * 5 + [None] * 3
    assert rate.admit(CLOSED) == 0, "each kind for itself"
    now[0] = 0.5
    assert rate.admit(OPENED) == 3
    assert rate.admit(OPENED) is None
    now[0] = 100.0
    assert rate.admit(OPENED) == 1
    assert [rate.admit(OPENED) for _ in range(6)] == [0] * 4 + [None] * 2


def test_what_was_left_out_is_due_when_there_is_room_and_at_the_end() -> None:
    now = [0.0]
    rate = LineRate(1, 1, clock=lambda: now[0])
    assert [rate.admit(OPENED) for _ in range(4)] == [0, None, None, None]
    assert rate.has_suppressed
    assert rate.due() == []
    now[0] = 1.0
    assert rate.due() == [(OPENED, 3)]
    assert (rate.due(), rate.has_suppressed) == ([], False)
    assert rate.admit(OPENED) is None, "saying so took the room"
    assert rate.due(at_end=True) == [(OPENED, 1)]


def test_kinds_beyond_the_most_that_are_remembered_are_not_rated() -> None:
    rate = LineRate(1, 1, clock=lambda: 0.0)
    for number in range(MOST_KINDS):
        rate.admit(LineKind("a", logging.INFO, str(number)))
    for number in range(MOST_KINDS, 10 * MOST_KINDS):
        assert [rate.admit(LineKind("a", logging.INFO, str(number))) for _ in range(2)] == [0, 0]
    assert len(rate._buckets) == MOST_KINDS
