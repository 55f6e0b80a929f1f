"""Time: buffering, silence, the clock, the delay of each hop."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from itertools import pairwise
from statistics import median
from typing import Any, Final

from streamer.change import parse_time
from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.finding import NOT_HEARD, Finding, fault, ok, seconds_text, unknown
from streamer.tools.doctor.proxy import remedy
from streamer.tools.doctor.seen import SeenMessage, StreamLog
from streamer.tools.terminal.printable import printable

FIRST_SECONDS: Final = 3.0
"""Our service sends the first events at once."""
HELD_SECONDS: Final = 1.5
"""By so much the delay of the server's own messages may vary."""
_PING: Final = 15.0
_SLACK: Final = 5.0
_ANY_SILENCE: Final = 30.0
_SKEW: Final = 5.0
_LATE: Final = 2.0
_AT_ONCE: Final = 0.05
"""Seconds between messages of one burst."""


def buffering(seen: Evidence) -> Finding:
    """By the first byte, and by the times in `heartbeat` and `metrics`, which the server writes when it sends them."""
    if seen.main.head is None and (seen.status is None or seen.status.head is None):
        return unknown("buffering", seen.main.error or NOT_HEARD)
    for what, log in (("with a quiet filter", seen.quiet), ("with all events", seen.main)):
        waited = first_wait(log)
        if waited is not None and waited > FIRST_SECONDS + seen.stalled:
            came = "came only after" if log.first_at is not None else "did not come within"
            return fault(
                "buffering",
                f"the first byte {came} {seconds_text(waited)} {what}; the service sends it at once{_beside(seen)}",
                remedy("buffering", seen.heads()),
            )
    if not seen.main.readable:
        return unknown("buffering", seen.main.error or NOT_HEARD)
    spread, count = _burst(seen.main)
    if spread > HELD_SECONDS + seen.stalled:
        return fault(
            "buffering",
            f"{count} messages that the service wrote over {seconds_text(spread)} came in one piece",
            remedy("buffering", seen.heads()),
        )
    lates = [late for _, late in _server_lates(seen.main)]
    if len(lates) > 1 and max(lates) - min(lates) > HELD_SECONDS + seen.stalled:
        return fault(
            "buffering",
            f"the service's own messages are held for up to {seconds_text(max(lates) - min(lates))}",
            remedy("buffering", seen.heads()),
        )
    if seen.stalled > HELD_SECONDS / 2:
        return unknown(
            "buffering", f"this machine was busy for {seconds_text(seen.stalled)}", "run it on a free machine"
        )
    opening = first_wait(seen.main)
    first = "" if opening is None else f"first byte after {seconds_text(opening)}; "
    if not lates or not seen.quiet.readable:
        return unknown(
            "buffering", f"{first}no heartbeat came whose time could be compared", "run it for longer: --quiet 40"
        )
    return ok(
        "buffering",
        f"{first}the delay of {len(lates)} heartbeats and metrics varies by {seconds_text(max(lates) - min(lates))}",
    )


def any_buffering(seen: Evidence) -> Finding:
    """For any server only the first byte can be judged: its events have no times that are known."""
    waited = first_wait(seen.main)
    if waited is None:
        return unknown("buffering", seen.main.error or NOT_HEARD)
    if seen.main.first_at is None and waited > FIRST_SECONDS:
        return unknown(
            "buffering",
            f"no byte came for {seconds_text(waited)}: nothing was sent, or it is held back",
            "send a comment when a stream opens, so that a proxy that buffers is noticed; "
            + remedy("buffering", seen.heads()),
        )
    if waited > FIRST_SECONDS:
        return unknown("buffering", f"the first byte came after {seconds_text(waited)}: late, or held back")
    return ok("buffering", f"first byte {seconds_text(waited)} after the request")


def idle(seen: Evidence) -> Finding:
    """Whether a stream without events stays open, and its pings pass."""
    log = seen.quiet
    if not log.readable or log.head_at is None or log.closed_at is None:
        return unknown("idle", _why(log))
    lasted = log.closed_at - log.head_at
    closing = log.first("closing")
    if (log.closed or log.error) and not closing:
        return fault(
            "idle",
            f"a stream without events was cut after {lasted:.0f} s without `closing` ({log.error or 'ended'})",
            remedy("idle", seen.heads()),
        )
    if closing:
        return unknown(
            "idle", f"the service closed the stream after {lasted:.0f} s: {closing.get('reason')}", "run it again"
        )
    every = log.first("connected").get("heartbeat_seconds")
    expected = min(_PING, every) if isinstance(every, int | float) and every > 0 else _PING
    silence = _silence(log)
    if silence > expected + _SLACK:
        return fault(
            "idle",
            f"{silence:.0f} s without a byte; the service sends one at least every {expected:g} s",
            remedy("buffering", seen.heads()),
        )
    if lasted < expected or len(set(log.pieces)) < 2:
        return unknown(
            "idle", f"open for {lasted:.0f} s; the first ping is due after {expected:g} s", "give --quiet 40"
        )
    return ok("idle", f"{lasted:.0f} s without an event: open, no silence above {silence:.0f} s")


def keepalive(seen: Evidence) -> Finding:
    """For any server: a byte at least every 30 s."""
    log = seen.main
    if not log.is_stream or log.head_at is None or log.closed_at is None:
        return unknown("keepalive", log.error or NOT_HEARD)
    lasted = log.closed_at - log.head_at
    if log.error:
        return fault(
            "keepalive", f"the stream was cut after {lasted:.0f} s ({log.error})", remedy("idle", seen.heads())
        )
    if log.closed:
        return unknown("keepalive", f"the server ended the stream after {lasted:.0f} s")
    silence = _silence(log)
    if silence > _ANY_SILENCE:
        return fault(
            "keepalive",
            f"{silence:.0f} s without a byte: proxies cut idle connections after 30 to 60 s",
            "send a comment line (`: ping`) every 15 s",
        )
    if lasted < _ANY_SILENCE:
        return unknown("keepalive", f"observed for only {lasted:.0f} s", "give --quiet 40")
    pings = [at for at in log.comments if at > log.head_at + 1] + [each.at for each in log.messages if _is_ping(each)]
    if not pings:
        return unknown(
            "keepalive", f"events came, at most {silence:.0f} s apart, and no ping", "give the URL of a quiet stream"
        )
    return ok("keepalive", f"{lasted:.0f} s, no silence above {silence:.0f} s, {len(pings)} pings")


def _is_ping(each: SeenMessage) -> bool:
    return any(word in each.message.event.lower() for word in ("ping", "heartbeat", "keep")) or each.message.data in (
        "",
        "{}",
    )


def clock(seen: Evidence) -> Finding:
    """The Date header has whole seconds, and is that of the outermost proxy."""
    low, high = float("-inf"), float("inf")
    for date, wall, took in _dates(seen):
        low, high = max(low, wall - took - date - 1), min(high, wall - date)
    if high == float("inf"):
        return unknown("clock", "no response had a Date")
    skew = low if low > 0 else high if high < 0 else 0.0
    lates = [late for _, late in _server_lates(seen.main)]
    stream = f"; the service's heartbeats are {seconds_text(min(lates))} old when they come" if lates else ""
    if abs(skew) > _SKEW or (lates and abs(min(lates)) > _SKEW):
        return fault(
            "clock",
            f"this machine's clock is {seconds_text(skew)} ahead of the server's Date{stream}",
            "synchronize the clocks (chrony, systemd-timesyncd) of this machine and of the server",
        )
    return ok(
        "clock", f"agrees with the server's Date within {seconds_text(max(abs(skew), min(1.0, high - low)))}{stream}"
    )


def delay(seen: Evidence) -> Finding:
    """The time from the write to here, and of the hops that the service measures."""
    opened = seen.main.first("connected")
    live = [each for each in _live(seen.main) if each.message.event == "sentiment_update"]
    whole = [each.wall - written / 1000 for each in live if (written := _written(each.data())) is not None]
    hops = _hops(seen)
    if not whole:
        return unknown("delay", f"no new event with `updated_at` came{hops}", "run it while the table is written to")
    middle = median(whole)
    longest = f"median of {len(whole)}, longest {seconds_text(max(whole))}"
    evidence = f"{seconds_text(middle)} from the write to here ({longest}){hops}"
    if middle > _LATE and opened.get("mode") == "push":
        return fault(
            "delay",
            evidence,
            "docs/operations.md, alarm `late`, has the causes by hop; see also clock and buffering",
        )
    return ok("delay", evidence)


def first_wait(log: StreamLog) -> float | None:
    """Returns the time from the request to the first byte of the body, or to the end of waiting; None if it was no
    stream, or failed in another way."""
    if log.asked_at is None:
        return None
    if log.first_at is not None:
        return log.first_at - log.asked_at
    if log.closed_at is None or log.closed or (log.head is not None and not log.is_stream):
        return None
    if log.error and not log.error.startswith("no response within"):
        return None
    return log.closed_at - log.asked_at


def _why(log: StreamLog) -> str:
    if log.error:
        return log.error
    if log.head is not None and not log.is_stream:
        return f"with a quiet filter: status {log.head.status}"
    return NOT_HEARD


def _beside(seen: Evidence) -> str:
    reply = seen.status
    return f", and /stream/status answers in {seconds_text(reply.seconds)}" if reply is not None and reply.head else ""


def _silence(log: StreamLog) -> float:
    ends = [at for at in (log.head_at, *log.pieces, log.closed_at) if at is not None]
    return max((later - earlier for earlier, later in pairwise(ends)), default=0.0)


def _live(log: StreamLog) -> list[SeenMessage]:
    """Returns the messages after the first heartbeat, which follows the replay."""
    names = [each.message.event for each in log.messages]
    return log.messages[names.index("heartbeat") + 1 :] if "heartbeat" in names else []


def _server_lates(log: StreamLog) -> Iterator[tuple[SeenMessage, float]]:
    """Yields the server's own messages, with the seconds between their time and their arrival."""
    for each in log.named("heartbeat", "metrics"):
        moment = parse_time(str(each.data().get("timestamp") or ""))
        if moment is not None:
            yield each, each.wall - moment / 1000


def _burst(log: StreamLog) -> tuple[float, int]:
    """Returns the widest range of server times in what came at once, and its number of messages."""
    bursts: list[list[float]] = [[0.0]]
    before = float("-inf")
    for each, late in _server_lates(log):
        if each.at - before > _AT_ONCE:
            bursts.append([])
        bursts[-1].append(each.wall - late)
        before = each.at
    widest = max(bursts, key=lambda times: max(times) - min(times))
    return max(widest) - min(widest), len(widest)


def _dates(seen: Evidence) -> Iterator[tuple[float, float, float]]:
    """Yields the Date of each fresh response, when it came (Unix seconds), and how long the request took."""
    found = [
        (seen.main.head, seen.main.head_wall, _took(seen.main)),
        (seen.after.head, seen.after.head_wall, _took(seen.after)),
    ]
    found += [(each.head, each.wall, each.seconds) for each in (seen.status, seen.snapshot, seen.anonymous) if each]
    for head, wall, took in found:
        if head is None or not head.get("date") or head.get("age"):
            continue
        try:
            yield parsedate_to_datetime(head.get("date")).timestamp(), wall, took
        except (ValueError, OverflowError, TypeError):
            continue


def _took(log: StreamLog) -> float:
    return 0.0 if log.head_at is None or log.asked_at is None else log.head_at - log.asked_at


def _written(data: Any) -> int | None:
    return parse_time(str(data.get("updated_at") or ""))


def _hops(seen: Evidence) -> str:
    lag = seen.status.json().get("lag") if seen.status is not None else None
    if not isinstance(lag, dict):
        return ""
    texts = [
        f"{printable(name).replace('_', ' ')[:40]} {hop['p50_ms']:g} ms"
        for name, hop in lag.items()
        if isinstance(hop, dict) and isinstance(hop.get("p50_ms"), int | float)
    ]
    return f"; by hop (p50; `committed` is rounded down to a second): {', '.join(texts[:8])}" if texts else ""
