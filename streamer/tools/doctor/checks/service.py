"""The service behind the URL: mode, identity, REST, the limit of streams, the planned end."""

from __future__ import annotations

from typing import Final

from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.finding import NOT_HEARD, Finding, fault, ok, seconds_text, skipped, unknown
from streamer.tools.doctor.proxy import remedy
from streamer.tools.doctor.seen import Reply
from streamer.tools.terminal.printable import printable

_CHOSEN: Final = ": the table is polled"
"""End of the reason if a service has no queue by choice (SSE_INTAKE=poll, Lambda)."""
LONGEST_LIFE: Final = 915.0
"""Seconds: the longest lifetime of a stream, and some for the way."""


def mode(seen: Evidence) -> Finding:
    connected = seen.main.first("connected")
    if not connected:
        other = seen.main.messages and "the stream's first event is not `connected`: not this service; try --any"
        return unknown("mode", other or seen.main.error or NOT_HEARD)
    beats = [each.data() for each in seen.main.named("heartbeat")]
    now = beats[-1] if beats else connected
    name, reason = now.get("mode"), printable(str(now.get("mode_reason") or "no reason given"))[:200]
    since = f", since {printable(str(now['mode_since']))[:30]}" if now.get("mode_since") else ""
    evidence = f"{name}: {reason}{since}"
    if name == "both" or (name == "push" and not reason.startswith("unchecked")):
        return ok("mode", evidence)
    if name == "push":
        return fault(
            "mode",
            evidence,
            "the table cannot be queried, so a lost message would stay lost: if access is denied, the role's rights;"
            " else the table, and the way to it",
        )
    if name == "poll" and reason.endswith(_CHOSEN):
        return ok("mode", evidence)
    if name in ("poll", "down"):
        return fault(
            "mode",
            evidence,
            "docs/operations.md: the alarm `down` or `not pushing`; `streamer queues list` shows the queues",
        )
    return unknown("mode", evidence if isinstance(name, str) else "the stream says no mode")


def identity(seen: Evidence) -> Finding:
    """Whether anybody can name a user by X-User-ID."""
    if seen.named_user:
        return skipped("identity", "--header identifies a user")
    anonymous, forged = seen.anonymous, seen.forged
    if anonymous is None or forged is None:
        return unknown("identity", "no /api/v2/ beside the stream to ask")
    if not anonymous.head or not forged.head:
        return unknown("identity", anonymous.error or forged.error)
    if anonymous.status == 404:
        return skipped("identity", "no configurations here: no user has anything")
    if anonymous.status == 200 and (flaw := _problem(anonymous, "configurations")):
        return unknown("identity", f"/api/v2/configurations: {flaw}")
    if anonymous.status == 200:
        return skipped("identity", "something between identifies this machine by itself")
    if forged.status == 401 and anonymous.status == 401:
        return ok("identity", "401 without a user, and with a forged X-User-ID")
    if forged.status == 200 and seen.on_this_machine:
        return skipped(
            "identity", "401 without a user; X-User-ID counts from this machine: ask from a client's network"
        )
    if forged.status == 200:
        return fault(
            "identity",
            "a forged X-User-ID is accepted from here: anybody reads and changes any user's configurations",
            "set GATEWAY_SECRET, or TRUSTED_PROXIES to the gateway alone; the gateway must delete a client's X-User-ID",
        )
    return unknown("identity", f"status {anonymous.status} without a user, {forged.status} with a forged X-User-ID")


def rest(seen: Evidence) -> Finding:
    """Status and snapshot, and whether the stream continues at the snapshot's place."""
    status, snapshot = seen.status, seen.snapshot
    if status is None or snapshot is None:
        return unknown("rest", "no /api/v2/ beside the stream to ask")
    for name, reply, member in (("stream/status", status, "connections"), ("sentiment", snapshot, "items")):
        problem = _problem(reply, member)
        if problem:
            return fault(
                "rest",
                f"/api/v2/{name}: {problem}",
                "route /api/v2/ of this host to the service (or the REST function); docs/operations.md",
            )
    items = snapshot.json().get("items")
    rows = len(items) if isinstance(items, list) else 0
    evidence = f"status in {seconds_text(status.seconds)}, snapshot of {rows} rows in {seconds_text(snapshot.seconds)}"
    if not snapshot.json().get("as_of"):
        return ok("rest", f"{evidence}, read from the table")
    resumed = seen.beside.first("connected").get("resume")
    if resumed is None:
        return unknown("rest", f"{evidence}; the stream at its place: {seen.beside.error or NOT_HEARD}")
    if resumed == "fresh":
        return fault("rest", f"{evidence}; the stream ignores its place", remedy("dropped", seen.heads()))
    if resumed != "resumed":
        reason = seen.beside.first("reset").get("reason")
        return fault(
            "rest",
            f"{evidence}; the stream cannot continue at its place: {reason}",
            "run it again; a container may have just started",
        )
    return ok("rest", f"{evidence}; the stream continues at its place")


def limit(seen: Evidence) -> Finding:
    if not seen.with_load:
        return skipped("limit", "give --load N to open up to N streams until one is refused")
    load = seen.load
    if load is None:
        return unknown("limit", "not tried")
    refusal = load.refusal
    if refusal is None:
        return unknown(
            "limit", f"{load.opened} streams were opened, and none was refused", "give --load a larger number"
        )
    if refusal.head is None:
        return fault(
            "limit",
            f"stream {load.opened + 1}: {refusal.error}",
            "raise the proxy's limit of connections above the service's",
        )
    after = printable(refusal.head.get("retry-after"))[:20]
    if refusal.status not in (503, 429) or not after or not refusal.json().get("detail"):
        return fault(
            "limit",
            f"stream {load.opened + 1} got {refusal.status} with Retry-After: {after or 'none'}, not the service's",
            "raise the proxy's limit of connections above SSE_MAX_CONNECTIONS",
        )
    detail = printable(str(refusal.json()["detail"]))[:80]
    evidence = f"stream {load.opened + 1}: {refusal.status}, Retry-After: {after} ({detail})"
    waiting = load.waiting
    if waiting is None or not waiting.messages:
        return unknown(
            "limit", f"{evidence}; on_full=wait: {NOT_HEARD if waiting is None else waiting.error or NOT_HEARD}"
        )
    closing = waiting.first("closing")
    if closing.get("reason") != "server_busy":
        return unknown("limit", f"{evidence}; with on_full=wait a stream was free again")
    return ok("limit", f"{evidence}; on_full=wait gets 200 and closing (server_busy)")


def closing(seen: Evidence) -> Finding:
    if not seen.with_lifetime:
        return skipped("closing", "give --lifetime to wait up to 16 min for the planned end")
    log = seen.lasting
    if not log.readable or log.head_at is None or log.closed_at is None:
        return unknown("closing", log.error or NOT_HEARD)
    lasted = log.closed_at - log.head_at
    told = log.first("closing")
    if told and told.get("reason") != "lifetime":
        return unknown("closing", f"closing ({told.get('reason')}) after {lasted:.0f} s", "run it again")
    if told and lasted <= LONGEST_LIFE and (log.closed or not log.error):
        return ok("closing", f"closing (lifetime) after {lasted:.0f} s")
    if told:
        return fault("closing", f"closing after {lasted:.0f} s, then {log.error or 'an end'}", "see buffering above")
    if log.closed or log.error:
        return fault(
            "closing",
            f"cut after {lasted:.0f} s without `closing` ({log.error or 'ended'})",
            "a proxy limits the length of a response: allow 16 min (Cloud Run, gateways: request timeout)",
        )
    return fault(
        "closing", f"still open after {lasted:.0f} s", "the lifetime is at most 900 s: is this the service itself?"
    )


def _problem(reply: Reply, member: str) -> str:
    if reply.head is None or reply.error:
        return reply.error or "no response"
    if reply.status != 200:
        return f"status {reply.status}"
    return (
        ""
        if member in reply.json()
        else f"not the service's JSON ({printable(reply.head.get('content-type'))[:40] or 'no type'})"
    )
