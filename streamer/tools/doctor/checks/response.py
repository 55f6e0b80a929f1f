"""The response's head: content type, compression, framing, headers that were lost or doubled, CORS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.finding import NOT_HEARD, Finding, fault, ok, skipped, unknown
from streamer.tools.doctor.proxy import proxy_text, remedy
from streamer.tools.doctor.seen import BROKEN_CODING, ResponseHead, StreamLog
from streamer.tools.terminal.printable import printable

_SINGLE: Final = (
    "access-control-allow-origin", "cache-control", "content-encoding", "content-length", "content-type", "date",
    "retry-after", "transfer-encoding", "x-content-type-options",
)  # fmt: skip
"""Headers that a response has once. Cache-Control may have several lines by the standard, but not equal directives."""
_STREAM: Final = "text/event-stream"


def content_type(seen: Evidence) -> Finding:
    head, log = seen.main.head, seen.main
    if head is None and log.error and (seen.status is None or seen.status.head is None):
        return fault(
            "content type",
            log.error,
            "what listens there must answer by HTTP/1.1: look at its log; a proxy may hold the head back, too",
        )
    if head is None:
        return unknown("content type", log.error or NOT_HEARD)
    through = f", through {proxy_text([head])}" if proxy_text([head]) else ""
    if 300 <= head.status < 400:
        where = printable(head.get("location"))[:200]
        return fault(
            "content type", f"{head.status}: it redirects to {where}", "give the final URL to clients and to doctor"
        )
    if head.status != 200:
        return fault("content type", f"status {head.status}{through}", _status_remedy(head.status))
    given = printable(head.get("content-type"))[:100]
    if head.media_type != _STREAM:
        return fault(
            "content type",
            f"{given or 'none'}{through}: an EventSource refuses it for good",
            f"give the URL of the stream; whatever answers must send {_STREAM}",
        )
    charset = head.get("content-type").lower().partition("charset=")[2].partition(";")[0].strip(' "')
    if charset not in ("", "utf-8", "utf8"):
        return fault("content type", f"{given}: events are UTF-8 by the standard", f"send {_STREAM}; charset=utf-8")
    return ok("content type", f"{given}{through}")


def charset(seen: Evidence) -> Finding:
    if not seen.main.is_stream:
        return unknown("charset", NOT_HEARD)
    assert seen.main.head is not None  # noqa: S101 - is_stream has looked
    if "charset=" in seen.main.head.get("content-type").lower():
        return ok("charset", "named in the content type")
    return fault(
        "charset", "not named: some clients take the data for Latin-1", f"send Content-Type: {_STREAM}; charset=utf-8"
    )


def compression(seen: Evidence) -> Finding:
    plain, asked = _encoding(seen.main), _encoding(seen.encoded)
    if plain or asked:
        when = "also unasked" if plain else "when a browser's Accept-Encoding asks for it"
        held = "" if plain or seen.encoded.first_at is not None else ", and holds it back: no byte came"
        return fault("compression", f"{plain or asked} {when}{held}", remedy("compression", seen.heads()))
    if not seen.main.is_stream:
        return unknown("compression", NOT_HEARD)
    if seen.encoded.head is None and seen.encoded.error.startswith("no response within"):
        evidence = (
            f"with a browser's Accept-Encoding: {seen.encoded.error}, without it at once: compressed and held back"
        )
        return fault("compression", evidence, remedy("compression", seen.heads()))
    if not seen.encoded.is_stream:
        return unknown("compression", f"with Accept-Encoding: {seen.encoded.error or _status(seen.encoded)}")
    return ok("compression", "none, also with Accept-Encoding: gzip, deflate, br, zstd")


def framing(seen: Evidence) -> Finding:
    log = seen.main
    if not log.is_stream or log.head is None:
        return unknown("framing", NOT_HEARD)
    if log.body_problem:
        return fault("framing", log.body_problem, "give the URL of a stream; its server must send text/event-stream")
    if log.error.startswith(BROKEN_CODING):
        return fault("framing", log.error, "let what sends the stream, or the proxy before it, write valid chunks")
    if log.head.all("content-length"):
        return fault(
            "framing",
            f"Content-Length: {log.head.get('content-length')[:20]} on a stream: it was read to its end on the way",
            "let the proxy pass the stream through, without a cache",
        )
    if log.head.version != "1.1":
        return fault(
            "framing",
            f"HTTP/{log.head.version}: a cut stream looks like one that has ended",
            "speak HTTP/1.1 or 2 to clients",
        )
    if log.chunked:
        return ok("framing", f"chunked, HTTP/1.1, {len(log.pieces):,} pieces of {log.received:,} bytes in all")
    return fault(
        "framing",
        "neither chunked nor HTTP/2: the end of the connection ends the stream, so a cut cannot be told from an end",
        "speak HTTP/1.1 with chunked coding; nginx: `proxy_http_version 1.1;`",
    )


def headers(seen: Evidence) -> Finding:
    """Doubled headers of every response; those of the stream that must not be lost."""
    if not seen.main.is_stream or seen.main.head is None:
        return unknown("headers", NOT_HEARD)
    doubled = _doubled(seen, seen.heads())
    if doubled is not None:
        return doubled
    given, lost = _cache_control(seen.main.head)
    if lost:
        return fault(
            "headers",
            f"Cache-Control: {given or 'none'}; {lost} was lost",
            "let the proxy keep the service's Cache-Control; without no-transform it may compress",
        )
    return ok("headers", f"none is doubled; Cache-Control: {given}")


def caching(seen: Evidence) -> Finding:
    """For any server: a cache must not store the stream."""
    if not seen.main.is_stream or seen.main.head is None:
        return unknown("headers", NOT_HEARD)
    doubled = _doubled(seen, [seen.main.head])
    if doubled is not None:
        return doubled
    given, lacking = _cache_control(seen.main.head)
    if lacking == "no-cache":
        return fault("headers", f"Cache-Control: {given or 'none'}", "send Cache-Control: no-cache, no-transform")
    if lacking:
        return fault(
            "headers",
            f"Cache-Control: {given}: a proxy may compress the stream and so delay it",
            "send Cache-Control: no-cache, no-transform",
        )
    return ok("headers", f"none is doubled; Cache-Control: {given}")


def cors(seen: Evidence) -> Finding:
    if not seen.origin:
        return skipped("cors", "give --origin https://… to check the pages of another origin")
    if seen.main.head is None:
        return unknown("cors", NOT_HEARD)
    allowed = seen.main.head.all("access-control-allow-origin")
    add = f"let the service send Access-Control-Allow-Origin: {seen.origin}; ours: CORS_ORIGINS={seen.origin}"
    if not allowed:
        return fault("cors", f"the stream does not allow {seen.origin}", add)
    if len(allowed) > 1:
        return fault(
            "cors",
            f"Access-Control-Allow-Origin comes {len(allowed)} times: browsers refuse it",
            remedy("doubled", seen.heads()),
        )
    if allowed[0] not in ("*", seen.origin):
        return fault("cors", f"the stream allows {printable(allowed[0])[:80]}, not {seen.origin}", add)
    reply = seen.preflight
    if reply is None or reply.head is None:
        return unknown("cors", f"the preflight failed: {'not made' if reply is None else reply.error}")
    names = {name.strip().lower() for name in reply.head.get("access-control-allow-headers").split(",")}
    origins = reply.head.all("access-control-allow-origin")
    if not 200 <= reply.status < 300 or origins not in (["*"], [seen.origin]) or not names & {"last-event-id", "*"}:
        return fault(
            "cors",
            f"the preflight for Last-Event-ID is refused (status {reply.status}, allowed headers:"
            f" {printable(reply.head.get('access-control-allow-headers'))[:80] or 'none'})",
            "pass OPTIONS on to the service, and allow the header Last-Event-ID",
        )
    return ok("cors", f"{seen.origin} may read it, and send Last-Event-ID")


def _doubled(seen: Evidence, heads: Sequence[ResponseHead]) -> Finding | None:
    """The first header that one of these has more than once."""
    for head in heads:
        for name in _SINGLE:
            values = head.all(name)
            if len(values) > 1 and (name != "cache-control" or _repeats_a_directive(values)):
                shown = " and ".join(repr(printable(value))[:60] for value in values)
                return fault("headers", f"{name} comes {len(values)} times: {shown}", remedy("doubled", seen.heads()))
    return None


def _repeats_a_directive(lines: Sequence[str]) -> bool:
    found = [part.strip().lower() for line in lines for part in line.split(",")]
    return len(set(found)) < len(found)


def _cache_control(head: ResponseHead) -> tuple[str, str]:
    """Returns Cache-Control as text, and the first directive that a stream needs and this one lacks; empty if none."""
    text = head.get("cache-control")
    directives = {part.strip().lower() for part in text.split(",")}
    lacking = "" if "no-transform" in directives else "no-transform"
    if not directives & {"no-cache", "no-store"}:
        lacking = "no-cache"
    return printable(text)[:80], lacking


def _encoding(log: StreamLog) -> str:
    value = "" if log.head is None else printable(log.head.get("content-encoding"))[:40].strip()
    return "" if value.lower() == "identity" else value


def _status(log: StreamLog) -> str:
    return NOT_HEARD if log.head is None else f"status {log.head.status}, {log.head.media_type or 'no type'}"


def _status_remedy(status: int) -> str:
    match status:
        case 401 | 403:
            return "identify yourself: a ticket in the URL, or --header"
        case 404:
            return "give the URL of a stream; ours is /api/v2/stream; a proxy must route this path to the service"
        case 422:
            return "correct the URL's parameters; docs/events.md lists ours"
        case 429 | 503:
            return "close streams, or let the service take more; ours: SSE_MAX_CONNECTIONS, or more containers"
        case 502 | 504:
            return "the proxy does not reach the service: check its upstream and the service's log"
    return "look at the log of the service, and of the proxy before it"
