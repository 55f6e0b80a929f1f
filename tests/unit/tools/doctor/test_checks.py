"""Each check: green, each fault, and unknown. Pure: the evidence is made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from streamer.tools.doctor.checks import judge
from streamer.tools.doctor.evidence import Evidence, Handshake, LoadSeen, NameLookup
from streamer.tools.doctor.seen import BROKEN_CODING, Reply, StreamLog
from streamer.tools.doctor.url import StreamUrl
from tests.unit.tools.doctor.cases import (
    WALL,
    beat,
    connected,
    failed,
    found,
    frame,
    head,
    healthy,
    log,
    reply,
    update,
)  # fmt: skip

Spoil = Callable[[Evidence], object]


def spoiled(spoil: Spoil) -> Evidence:
    seen = healthy()
    spoil(seen)
    return seen


def put(**members: object) -> Spoil:
    """Replaces members of the evidence."""

    def spoil(seen: Evidence) -> None:
        for name, value in members.items():
            setattr(seen, name, value)

    return spoil


def main_head(*more: tuple[str, str], **options: object) -> Spoil:
    def spoil(seen: Evidence) -> None:
        seen.main.head = head(*more, **options)  # type: ignore[arg-type]  # the test gives what it means to

    return spoil


LATER: Final = b"".join(update(number) for number in (4, 5, 6, 7))
MAIN: Final = connected() + beat(0.0)


def test_a_healthy_deployment_is_green_in_every_check_that_was_asked_for() -> None:
    verdicts = {each.check: each.verdict for each in judge(healthy(), any_server=False)}
    assert {check for check, verdict in verdicts.items() if verdict != "ok"} == {"cors", "limit", "closing"}
    assert {verdicts["cors"], verdicts["limit"], verdicts["closing"]} == {"skipped"}


FAULTS: Final[list[tuple[str, Spoil, str, str]]] = [
    ("name", put(names=NameLookup(error="Name or service not known")), "not known", "correct the URL"),
    ("name", put(connection_error="sse.example refuses"), "refuses", "start the service"),
    ("tls", put(url=StreamUrl.of("http://sse.example/api/v2/stream")), "without TLS", "HTTPS"),
    ("tls", put(handshake=Handshake(error="certificate has expired", untrusted=True)), "expired", "renew"),
    (
        "tls",
        put(handshake=Handshake(error="unable to get local issuer certificate", untrusted=True)),
        "local issuer",
        "intermediates",
    ),
    ("tls", put(handshake=Handshake(error="TLS failed: wrong version")), "wrong version", "port"),
    ("tls", put(handshake=Handshake("TLSv1.3", "h2", "CA", WALL + 86_400, WALL)), "1 more days", "renew"),
    ("http2", put(handshake=Handshake("TLSv1.3", "http/1.1", "CA", WALL + 9e6, WALL)), "http/1.1", "HTTP/2"),
    ("content type", main_head(("content-type", "text/html")), "text/html", "URL of the stream"),
    ("content type", main_head(("content-type", "text/event-stream; charset=latin1")), "latin1", "utf-8"),
    ("content type", main_head(("location", "https://b.example/"), status=302), "b.example", "final URL"),
    ("content type", main_head(status=404), "404", "/api/v2/stream"),
    ("content type", main_head(("server", "nginx/1.22.1"), status=502), "502, through nginx/1.22.1", "upstream"),
    ("content type", put(main=failed("no response within 10 s"), status=Reply(error="cut")), "no response", "its log"),
    ("compression", main_head(("content-encoding", "gzip")), "gzip also unasked", "compression"),
    (
        "compression",
        put(encoded=log((0.1, b""), given=head(("content-encoding", "br"), ("server", "Caddy")))),
        "br when a browser",
        "encode",
    ),
    (
        "compression",
        put(encoded=log(given=head(("content-encoding", "gzip"), ("x-powered-by", "Express")), until=5)),
        "holds it back",
        "Express",
    ),
    ("compression", put(encoded=failed("no response within 5 s")), "compressed and held back", "compression({filter})"),
    ("buffering", put(quiet=failed("no response within 10 s")), "did not come within 10.0 s", "proxy_buffering"),
    ("buffering", put(quiet=log((8.0, MAIN))), "only after 8.0 s with a quiet filter", "buffering"),
    ("buffering", put(main=log((6.0, MAIN))), "only after 6.0 s with all events", "buffering"),
    (
        "buffering",
        put(main=log((0.1, MAIN), (9.0, beat(5.0, "metrics") + beat(6.0, "metrics") + beat(9.0, "metrics")))),
        "3 messages that the service wrote over 4.0 s",
        "buffering",
    ),
    ("buffering", put(main=log((0.1, MAIN), (9.0, beat(5.0)))), "held for up to 3.9 s", "buffering"),
    ("idle", lambda seen: put(quiet=replace_ended(seen.quiet, 20.0))(seen), "cut after 20 s", "timeout"),
    ("idle", put(quiet=log((0.1, MAIN), until=40)), "40 s without a byte", "buffering"),
    ("framing", main_head(("transfer-encoding", "")), "neither chunked", "proxy_http_version"),
    ("framing", main_head(version="1.0"), "HTTP/1.0", "HTTP/1.1"),
    ("framing", main_head(("content-length", "7")), "Content-Length: 7", "cache"),
    ("framing", lambda seen: setattr(seen.main, "error", BROKEN_CODING), "chunked coding is broken", "valid chunks"),
    ("framing", lambda seen: setattr(seen.main, "body_problem", "an event is too large"), "too large", "URL"),
    ("headers", main_head(("+cache-control", "no-cache")), "cache-control comes 2 times", "add_header"),
    ("headers", main_head(("+cache-control", "private, No-Transform")), "cache-control comes 2 times", "add_header"),
    ("headers", main_head(("cache-control", "no-cache")), "no-transform was lost", "keep"),
    ("headers", main_head(("cache-control", "")), "no-cache was lost", "keep"),
    ("headers", lambda seen: put(status=twice(seen.status))(seen), "date comes 2 times", "add_header"),
    ("resume", put(after=log((2.0, connected("fresh") + LATER), place="evt_3")), "did not receive it", "Last-Event-ID"),
    (
        "resume",
        put(after=log((2.0, connected("reset") + frame("reset", reason="too_old")), place="evt_3")),
        "reset (too_old)",
        "SSE_HISTORY",
    ),
    (
        "resume",
        put(after=log((2.0, connected("resumed") + update(4) + update(6)), (10.1, update(7)), until=14, place="evt_3")),
        "1 are missing after the cut, and 0 came",
        "report it",
    ),
    (
        "resume",
        put(after=log((2.0, connected("resumed") + LATER + update(99)), until=14, place="evt_3")),
        "0 are missing after the cut, and 1 came",
        "report it",
    ),
    ("reset", put(malformed=log((0.1, connected("fresh")), place="x")), "did not receive", "Last-Event-ID"),
    ("reset", put(malformed=log((0.1, connected("resumed")), place="x")), "got resumed", "current version"),
    ("reset", put(malformed=log(given=head(status=400))), "status 400", "any Last-Event-ID"),
    ("clock", lambda seen: put(main=replace(seen.main, head_wall=WALL + 60))(seen), "59.0 s ahead", "synchronize"),
    ("delay", put(main=log((0.1, MAIN), (20.0, update(1, 10.0) + update(2, 15.0)))), "7.5 s from the write", "hop"),
    (
        "mode",
        put(main=log((0.1, connected() + beat(0, mode="poll", mode_reason="no lease")))),
        "no lease",
        "operations",
    ),
    ("mode", put(main=log((0.1, connected() + beat(0, mode="down", mode_reason="all is lost")))), "down", "operations"),
    ("mode", put(main=log((0.1, connected() + beat(0, mode_reason="unchecked: denied")))), "denied", "rights"),
    ("identity", put(forged=reply(200, items=[])), "forged X-User-ID is accepted", "GATEWAY_SECRET"),
    ("rest", put(status=reply(404)), "stream/status: status 404", "route"),
    ("rest", put(snapshot=reply(hello=1)), "sentiment: not the service's JSON", "route"),
    ("rest", put(status=Reply(error="no complete response within 10 s")), "no complete response", "route"),
    ("rest", put(beside=log((0.1, connected("fresh")), place="evt_7")), "ignores its place", "Last-Event-ID"),
    (
        "rest",
        put(beside=log((0.1, connected("reset") + frame("reset", reason="began_later")), place="evt_7")),
        "began_later",
        "again",
    ),
    ("limit", put(with_load=True, load=LoadSeen(9, 20, reply(502))), "stream 10 got 502", "connections"),
    ("limit", put(with_load=True, load=LoadSeen(9, 20, Reply(error="cut"))), "cut", "connections"),
    ("cors", put(origin="https://app.example"), "does not allow", "CORS_ORIGINS=https://app.example"),
]


def replace_ended(quiet: StreamLog, at: float) -> StreamLog:
    return replace(quiet, closed=True, closed_at=at)


def twice(answer: Reply | None) -> Reply:
    assert answer is not None
    assert answer.head is not None
    return replace(answer, head=replace(answer.head, headers=(*answer.head.headers, ("date", "again"))))


@pytest.mark.parametrize(
    ("check", "spoil", "evidence", "remedy"), FAULTS, ids=[f"{row[0]}-{at}" for at, row in enumerate(FAULTS)]
)
def test_a_fault_is_found_with_its_evidence_and_its_remedy(
    check: str, spoil: Spoil, evidence: str, remedy: str
) -> None:
    finding = found(spoiled(spoil), check)
    assert (finding.verdict, evidence in finding.evidence) == ("fault", True), finding
    assert remedy in finding.remedy, finding


@pytest.mark.parametrize(
    ("check", "spoil"),
    [
        ("content type", main_head(("content-type", "text/event-stream; charset=utf-8;"))),
        ("content type", main_head(("content-type", 'Text/Event-Stream;charset="UTF-8"; version=1'))),
        ("headers", main_head(("cache-control", "no-cache"), ("+cache-control", "no-transform"))),
        ("headers", main_head(("+cache-control", "private"))),
    ],
)
def test_what_the_standards_allow_is_no_fault(check: str, spoil: Spoil) -> None:
    assert found(spoiled(spoil), check).verdict == "ok"


NOTHING: Final = StreamLog()
NO_EVENTS: Final = log((0.1, connected() + beat(0.0)), (15.0, b": ping\n\n"), (30.0, beat(30.0)))
UNKNOWN: Final[list[tuple[str, Spoil, str]]] = [
    ("name", put(names=None), "not looked up"),
    ("tls", put(handshake=None), "no handshake"),
    ("http2", put(handshake=Handshake(error="expired", untrusted=True)), "no TLS handshake"),
    ("content type", put(main=failed("the connection was cut: reset")), "was cut"),
    ("compression", put(main=NOTHING), "could not be read"),
    ("compression", put(encoded=log(given=head(status=503))), "status 503"),
    ("buffering", put(stalled=2.0), "busy for 2.0 s"),
    ("buffering", put(main=log((0.1, connected()))), "no heartbeat"),
    ("buffering", put(main=NOTHING), "could not be read"),
    ("buffering", put(main=failed("no response within 10 s"), status=Reply(error="no response")), "no response"),
    ("idle", put(quiet=log((0.1, MAIN), until=10)), "open for 10 s; the first ping is due after 15 s"),
    ("idle", put(quiet=log((0.1, MAIN), (9.0, frame("closing", reason="drain")), until=9)), "drain"),
    ("idle", put(quiet=NOTHING), "could not be read"),
    ("framing", put(main=NOTHING), "could not be read"),
    ("headers", put(main=NOTHING), "could not be read"),
    ("resume", put(before=NO_EVENTS, after=NOTHING), "no event came"),
    ("resume", put(after=failed("no response within 10 s")), "could not be read"),
    ("resume", put(main=NO_EVENTS, before=NO_EVENTS, after=log((1, connected("resumed")), place="x")), "no event came"),
    ("reset", put(malformed=failed("no response within 5 s")), "no response"),
    ("reset", put(malformed=log((0.1, frame("hello")), place="x")), "not this service"),
    ("limit", put(with_load=True, load=LoadSeen(20, 20)), "none was refused"),
    ("closing", put(with_lifetime=True), "could not be read"),
    ("clock", put(main=NOTHING, after=NOTHING, status=None, snapshot=None, anonymous=None), "no response had a Date"),
    ("delay", put(main=NO_EVENTS), "no new event"),
    ("mode", put(main=log((0.1, frame("hello")))), "not this service; try --any"),
    ("mode", put(main=log((0.1, connected(mode=[1])))), "says no mode"),
    ("identity", put(anonymous=None), "no /api/v2/"),
    ("identity", put(forged=reply(503)), "503"),
    ("identity", put(anonymous=reply(200, hello="world")), "not the service's JSON"),
    ("rest", put(snapshot=None), "no /api/v2/"),
    ("rest", put(beside=failed("cut")), "cut"),
]


@pytest.mark.parametrize(
    ("check", "spoil", "evidence"), UNKNOWN, ids=[f"{row[0]}-{at}" for at, row in enumerate(UNKNOWN)]
)
def test_what_could_not_be_judged_is_unknown_and_says_why(check: str, spoil: Spoil, evidence: str) -> None:
    finding = found(spoiled(spoil), check)
    assert (finding.verdict, evidence in finding.evidence) == ("unknown", True), finding


def test_no_check_is_green_and_none_fails_without_evidence() -> None:
    seen = Evidence(StreamUrl.of("https://sse.example/api/v2/stream"))
    for any_server in (False, True):
        verdicts = {each.verdict for each in judge(seen, any_server=any_server)}
        assert verdicts == {"unknown", "skipped"}


def test_pages_of_an_origin_may_read_the_stream_and_resume() -> None:
    seen = healthy()
    seen.origin = "https://app.example"
    allowed = ("access-control-allow-origin", "https://app.example")
    seen.main.head = head(allowed)
    assert found(seen, "cors").verdict == "unknown"
    seen.preflight = Reply(head(allowed, ("access-control-allow-headers", "If-Match, Last-Event-ID"), status=204))
    assert found(seen, "cors").verdict == "ok"
    seen.preflight = Reply(head(allowed, ("access-control-allow-headers", "If-Match"), status=200))
    assert "preflight for Last-Event-ID is refused" in found(seen, "cors").evidence
    seen.main.head = head(allowed, ("+access-control-allow-origin", "*"))
    assert "comes 2 times" in found(seen, "cors").evidence
    seen.main.head = head(("access-control-allow-origin", "https://b.example"))
    assert "allows https://b.example" in found(seen, "cors").evidence


def test_the_limit_is_told_by_503_and_in_band() -> None:
    seen = healthy()
    busy = reply(503, detail="Connection limit reached. Try again later.")
    assert busy.head is not None
    busy.head = replace(busy.head, headers=(*busy.head.headers, ("retry-after", "30")))
    waiting = log((0.1, frame("closing", reason="server_busy")))
    seen.with_load, seen.load = True, LoadSeen(100, 200, busy, waiting)
    assert found(seen, "limit").verdict == "ok"
    assert "stream 101: 503, Retry-After: 30" in found(seen, "limit").evidence
    seen.load.waiting = failed("cut")
    assert found(seen, "limit").verdict == "unknown"


@pytest.mark.parametrize(
    ("lasting", "verdict", "evidence"),
    [
        (log((0.1, MAIN), (850, frame("closing", reason="lifetime")), until=850), "ok", "after 850 s"),
        (log((0.1, MAIN), (60, frame("closing", reason="drain")), until=60), "unknown", "drain"),
        (replace(log((0.1, MAIN), until=300), closed=True), "fault", "cut after 300 s"),
        (log((0.1, MAIN), until=920), "fault", "still open after 920 s"),
    ],
)
def test_the_planned_end_is_told_at_its_time(lasting: StreamLog, verdict: str, evidence: str) -> None:
    finding = found(spoiled(put(with_lifetime=True, lasting=lasting)), "closing")
    assert (finding.verdict, evidence in finding.evidence) == (verdict, True), finding


@pytest.mark.parametrize(
    ("url", "spoil", "says"),
    [
        ("http://127.0.0.1:8080/api/v2/stream", put(forged=reply(200)), "ask from a client's network"),
        (
            "http://demo.example/api/v2/stream",
            put(forged=reply(200), names=NameLookup(("127.0.0.1", "::1"))),
            "ask from a client's network",
        ),
        ("https://sse.example/api/v2/stream", put(anonymous=reply(200, configurations=[])), "by itself"),
        ("https://sse.example/api/v2/stream", put(anonymous=reply(404)), "no configurations here"),
        ("https://sse.example/api/v2/stream", put(named_user=True), "--header"),
    ],
)
def test_identity_is_not_called_green_where_it_cannot_be_judged(url: str, spoil: Spoil, says: str) -> None:
    seen = healthy(url)
    spoil(seen)
    assert (found(seen, "identity").verdict, says in found(seen, "identity").evidence) == ("skipped", True)


def test_polling_by_choice_is_no_fault() -> None:
    chosen = "push is off: the table is polled"
    seen = spoiled(put(main=log((0.1, connected() + beat(0, mode="poll", mode_reason=chosen)))))
    assert found(seen, "mode").verdict == "ok"


def test_repeats_of_another_container_are_no_fault() -> None:
    again = b"".join(update(number) for number in range(2, 8))
    seen = spoiled(put(after=log((2.0, connected("resumed") + again), until=14, place="evt_3")))
    assert (found(seen, "resume").verdict, found(seen, "resume").evidence[-33:]) == (
        "ok", ", 2 repeated (by another container)"[-33:],
    )  # fmt: skip


def test_the_time_for_which_this_machine_was_busy_is_not_held_against_the_proxy() -> None:
    late = log((0.1, MAIN), (9.0, beat(6.0)))
    assert found(spoiled(put(main=late)), "buffering").verdict == "fault"
    assert found(spoiled(put(main=late, stalled=2.0)), "buffering").verdict == "unknown"
    assert found(spoiled(put(main=late, stalled=1.0)), "buffering").verdict == "fault"
