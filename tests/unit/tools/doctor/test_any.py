"""The checks for any server. Pure: the evidence is made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from streamer.tools.doctor.checks import judge
from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.seen import StreamLog
from streamer.tools.doctor.url import StreamUrl
from tests.unit.tools.doctor.cases import failed, found, frame, head, healthy, log

NUMBERS: Final = tuple((float(at), frame("number", str(at), n=at)) for at in range(1, 40))


def other(main: StreamLog | None = None) -> Evidence:
    """Another server: a number a second, with ids."""
    seen = healthy("https://other.example/events")
    opened = (0.1, b"retry: 2000\n\n: hello\n\n")
    ping = (39.5, b": ping\n\n")
    seen.main = log(opened, *NUMBERS, ping, until=41.0) if main is None else main
    seen.after = log((21.0, b"".join(data for _, data in NUMBERS[10:20])), *NUMBERS[20:25], until=26.0, place="10")
    return seen


def test_a_good_server_is_green() -> None:
    verdicts = {each.check: each.verdict for each in judge(other(), any_server=True)}
    assert {check for check, verdict in verdicts.items() if verdict != "ok"} == {"cors"}


@pytest.mark.parametrize(
    ("check", "main", "verdict", "evidence"),
    [
        ("charset", log(given=head(("content-type", "text/event-stream"))), "fault", "not named"),
        ("keepalive", log((0.1, b": hi\n\n"), until=41), "fault", "41 s without a byte"),
        ("keepalive", replace(log((0.1, b": hi\n\n"), until=9), error="cut"), "fault", "cut after 9 s"),
        ("keepalive", log((0.1, b": hi\n\n"), until=9), "unknown", "only 9 s"),
        ("keepalive", log((0.1, b": hi\n\n"), *NUMBERS, until=41), "unknown", "and no ping"),
        ("keepalive", log((0.1, b": hi\n\n"), (25, b"event: ping\ndata: x\n\n"), until=41), "ok", "1 pings"),
        ("keepalive", replace(log((0.1, b": hi\n\n"), until=9), closed=True), "unknown", "ended the stream after 9 s"),
        ("buffering", log(until=40), "unknown", "nothing was sent, or it is held back"),
        ("headers", log(given=head(("cache-control", ""))), "fault", "none"),
        ("headers", log(given=head(("cache-control", "no-cache"))), "fault", "may compress"),
        ("ids", log((0.1, frame("number", n=1))), "fault", "none of 1 events has an id"),
        ("ids", log((0.1, frame("number", "a:b", n=1))), "fault", "'a:b'"),
        ("ids", log((0.1, b": hi\n\n")), "unknown", "no event came"),
        ("retry", log((0.1, b": hi\n\n")), "fault", "not sent"),
        ("retry", log((0.1, b"retry: 0\n\n")), "fault", "storm"),
        ("framing", log((0.1, b"x"), given=head(("transfer-encoding", ""))), "fault", "neither chunked"),
    ],
)
def test_what_the_standard_and_good_practice_ask_is_checked(
    check: str, main: StreamLog, verdict: str, evidence: str
) -> None:
    finding = found(other(main), check, any_server=True)
    assert (finding.verdict, evidence in finding.evidence) == (verdict, True), finding


@pytest.mark.parametrize(
    ("after", "verdict", "evidence"),
    [
        (StreamLog(), "unknown", "no event with an id"),
        (log(*NUMBERS[20:25], until=26.0, place="10"), "fault", "10 of"),
        (log(given=head(status=400), place="10"), "fault", "status 400"),
        (replace(failed("cut"), place="10"), "fault", "cut"),
        (log(*NUMBERS[:25], until=26.0, place="10"), "ok", "10 older again"),
    ],
)
def test_what_comes_after_the_place_is_compared(after: StreamLog, verdict: str, evidence: str) -> None:
    seen = other()
    seen.after = after
    finding = found(seen, "resume", any_server=True)
    assert (finding.verdict, evidence in finding.evidence) == (verdict, True), finding


def test_without_a_path_of_ours_nothing_is_asked_beside_the_stream() -> None:
    assert StreamUrl.of("https://other.example/events").beside("sentiment") is None
