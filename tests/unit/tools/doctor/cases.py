"""Evidence of a healthy deployment, as the probes fill it in; a test spoils a part of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from streamer.change import iso_time
from streamer.tools.doctor.checks import judge
from streamer.tools.doctor.evidence import Evidence, Handshake, NameLookup
from streamer.tools.doctor.finding import Finding
from streamer.tools.doctor.seen import Reply, ResponseHead, StreamLog
from streamer.tools.doctor.url import StreamUrl

WALL: Final = 1_795_359_400.0
"""2026-11-22T14:56:40Z, at 0 of the monotonic clock."""
DATE: Final = "Sun, 22 Nov 2026 14:56:40 GMT"
STREAM: Final = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache, no-transform"),
    ("transfer-encoding", "chunked"),
    ("date", DATE),
)


def head(
    *more: tuple[str, str], status: int = 200, version: str = "1.1", headers: Sequence[tuple[str, str]] = STREAM
) -> ResponseHead:
    """The head of a stream; `more` replaces headers of the same name, or comes beside them with a + before the name."""
    replaced = {name for name, _ in more}
    kept = [each for each in headers if each[0] not in replaced]
    added = [(name.removeprefix("+"), value) for name, value in more if value]
    return ResponseHead(status, version, (*kept, *added))


def frame(event: str, place: str = "", /, **data: object) -> bytes:
    return (f"id: {place}\n" if place else "").encode() + f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()


def connected(resume: str = "fresh", **data: object) -> bytes:
    members: dict[str, object] = {
        "resume": resume, "mode": "push", "mode_reason": "the queue brings what the table has", "heartbeat_seconds": 30,
    } | data  # fmt: skip
    return b"retry: 3000\n" + frame("connected", **members)


def beat(at: float, event: str = "heartbeat", **data: object) -> bytes:
    """The server's own message, made at this time."""
    members: dict[str, object] = {"mode": "push", "mode_reason": "the queue brings what the table has"} | data
    return frame(event, "evt_b", timestamp=iso_time(int((WALL + at) * 1000)), **members)


def update(number: int, written: float = 0.0) -> bytes:
    at = iso_time(int((WALL + written) * 1000))
    return frame("sentiment_update", f"evt_{number}", version=f"v{number}", updated_at=at)


def log(
    *parts: tuple[float, bytes], until: float = 40.0, given: ResponseHead | None = None, place: str = ""
) -> StreamLog:
    """A stream that was asked for at 0 and sent these parts at these seconds; ended by us at `until`."""
    made = StreamLog(place=place, asked_at=0.0, closed_at=until)
    made.answered(head() if given is None else given, 0.01, WALL + 0.01)
    for at, data in parts:
        made.feed(data, at, WALL + at)
    return made


def failed(error: str) -> StreamLog:
    return StreamLog(asked_at=0.0, closed_at=10.0, error=error)


def reply(status: int = 200, **members: object) -> Reply:
    made = head(("content-type", "application/json"), ("transfer-encoding", ""), status=status)
    return Reply(made, json.dumps(members).encode(), seconds=0.02, wall=WALL + 0.02)


def healthy(url: str = "https://sse.example/api/v2/stream") -> Evidence:
    """Everything green."""
    replayed = b"".join(update(number, -5) for number in range(1, 7))
    return Evidence(
        StreamUrl.of(url),
        names=NameLookup(("192.0.2.1",), 0.003),
        handshake=Handshake("TLSv1.3", "h2", "Example CA", WALL + 60 * 86_400, WALL),
        main=log(
            (0.02, connected() + replayed + beat(0.0)),
            (1.02, beat(1.0, "metrics")),
            (10.1, update(7, 10.0)),
            (30.02, beat(30.0)),
            until=42.0,
        ),
        quiet=log((0.02, connected() + beat(0.0)), (15.0, b": ping\n\n"), (30.0, beat(30.0)), until=40.0),
        before=log((0.1, connected() + b"".join(update(number) for number in range(1, 4))), until=0.2),
        after=log(
            (2.0, connected("resumed") + b"".join(update(number) for number in range(4, 7))),
            (10.1, update(7)),
            until=14.0,
            place="evt_3",
        ),
        malformed=log(
            (0.1, connected("reset") + frame("reset", reason="malformed")), until=0.2, place="doctor-no-place"
        ),
        encoded=log((0.1, connected()), until=0.2),
        beside=log((0.1, connected("resumed")), until=0.2, place="evt_7"),
        status=reply(connections=3, lag={"relayed_to_received": {"p50_ms": 12.5, "p99_ms": 20, "count": 9}}),
        snapshot=reply(items=[{}, {}], cursor=None, as_of="evt_7"),
        anonymous=reply(401, detail="Missing user identification"),
        forged=reply(401, detail="Missing user identification"),
    )


def found(seen: Evidence, check: str, *, any_server: bool = False) -> Finding:
    """The finding of one check."""
    return next(each for each in judge(seen, any_server=any_server) if each.check == check)
