"""Places: resume after a cut, `reset`, and what any server's ids and `retry` do."""

from __future__ import annotations

from typing import Final

from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.finding import NOT_HEARD, Finding, fault, ok, unknown
from streamer.tools.doctor.proxy import remedy
from streamer.tools.doctor.seen import SeenMessage, StreamLog

MALFORMED: Final = "doctor-no-place"
"""Sent as an event id. A browser could send it without a preflight."""
_UPDATE: Final = "sentiment_update"
_NOT_KEPT: Final = frozenset({"heartbeat", "ping", "keepalive", "keep-alive", "metrics"})
"""Events of the moment, which no history has."""
_NO_EVENTS: Final = "run it while the table is written to"


def resume(seen: Evidence) -> Finding:
    """Compares the versions of the stream that was cut with those of the stream that was not."""
    before, after = seen.before, seen.after
    if not after.place:
        if before.readable and not before.named(_UPDATE):
            return unknown("resume", "no event came whose id could be continued from", _NO_EVENTS)
        return unknown("resume", before.error or seen.main.error or NOT_HEARD)
    connected = after.first("connected")
    if not connected:
        return unknown("resume", f"the second connection: {after.error or NOT_HEARD}")
    told = connected.get("resume")
    if told == "fresh":
        return fault(
            "resume", "Last-Event-ID was sent, and the service did not receive it", remedy("dropped", seen.heads())
        )
    if told == "reset":
        reason = after.first("reset").get("reason")
        return fault(
            "resume",
            f"an id of this minute was answered with reset ({reason})",
            "began_later: a container has just started, run it again; future: see clock; malformed: a proxy changes the"
            " header; too_old: raise SSE_HISTORY",
        )
    missing, extra, common, repeated = compare(seen)
    if missing or extra:
        example = next(iter(missing or extra))
        return fault(
            "resume",
            f"of {common + len(missing):,} versions {len(missing):,} are missing after the cut, and {len(extra):,} came"
            f" that the uncut stream has not (for example {example[:40]})",
            "look at buffering above; run it again; if it stays, report it with `streamer tail --json` of both streams",
        )
    if not common:
        return unknown("resume", "resumed, but no event came after the cut", _NO_EVENTS)
    repeats = f", {repeated:,} repeated (by another container)" if repeated else ", none repeated"
    return ok("resume", f"exact: the {common:,} versions of a second stream that was not cut{repeats}")


def compare(seen: Evidence) -> tuple[set[str], set[str], int, int]:
    """Returns the versions that the cut stream lacks, those that only it has, and the numbers of versions in both and
    of repeats. Ignores what came before the cut stream began, and the last moments, which one of two may not have."""
    main, before, after = seen.main, seen.before, seen.after
    first = _versions(before)[:1]
    whole = _versions(main)
    names = [version for version, _ in whole]
    begin = names.index(first[0][0]) if first and first[0][0] in names else 0
    end = (after.closed_at or 0.0) - seen.grace
    expected = {version for version, at in whole[begin:] if at <= end}
    cut = {version for version, _ in _versions(before)}
    resumed = {version for version, _ in _versions(after)}
    main_end = (main.closed_at or 0.0) - seen.grace
    extra = {version for version, at in _versions(after) if at <= main_end} - set(names)
    return expected - cut - resumed, extra, len(expected & (cut | resumed)), len(cut & resumed)


def reset(seen: Evidence) -> Finding:
    log = seen.malformed
    if not log.readable:
        status = f"status {log.head.status}" if log.head is not None else NOT_HEARD
        if log.head is not None and log.head.status >= 400 and seen.main.is_stream:
            return fault(
                "reset",
                f"a malformed place is answered with {status}: an EventSource would end for good",
                "let the proxy pass any Last-Event-ID; the service answers with `reset`",
            )
        return unknown("reset", log.error or status)
    if not log.first("connected"):
        return unknown("reset", log.error or "no `connected` came: not this service; try --any")
    told, reason = log.first("connected").get("resume"), log.first("reset").get("reason")
    if told == "fresh":
        return fault(
            "reset", "Last-Event-ID was sent, and the service did not receive it", remedy("dropped", seen.heads())
        )
    if told != "reset" or reason != "malformed":
        return fault(
            "reset", f"a malformed place got {told}, reason {reason}", "run the current version of the service"
        )
    return ok("reset", "a malformed place is told: reset (malformed)")


def cut(log: StreamLog) -> str:
    """Shortens the log to the first half of its updates, as if it had been cut there. Returns the place; empty without
    an update that has one."""
    updates = [at for at, each in enumerate(log.messages) if each.message.event == _UPDATE and each.message.id]
    if not updates:
        return ""
    last = updates[(len(updates) - 1) // 2]
    del log.messages[last + 1 :]
    return log.messages[last].message.id


def any_ids(seen: Evidence) -> Finding:
    log = seen.main
    if not log.messages:
        return unknown("ids", log.error or "no event came", "run it while events are published")
    with_id = [each for each in log.messages if each.message.id]
    if not with_id:
        return fault(
            "ids", f"none of {len(log.messages):,} events has an id: what is lost in a cut stays lost", "send `id:`"
        )
    odd = [each.message.id for each in with_id if not _plain(each.message.id)]
    if odd:
        return fault(
            "ids",
            f"{odd[0][:60]!r}: from another origin a browser sends such an id only after a preflight, or drops it",
            "use 1 to 128 characters of A-Z a-z 0-9 . _ -",
        )
    return ok(
        "ids", f"{len(with_id):,} of {len(log.messages):,} events have one, for example {with_id[-1].message.id[:48]}"
    )


def any_retry(seen: Evidence) -> Finding:
    log = seen.main
    if not log.is_stream:
        return unknown("retry", log.error or NOT_HEARD)
    if log.retry_ms is None:
        return fault("retry", "not sent: Chromium reconnects after 3 s, Firefox after 5 s", "send `retry: 3000` first")
    if log.retry_ms < 500:
        return fault(
            "retry", f"{log.retry_ms} ms: a restart is answered by a storm of reconnects", "send 1,000 to 30,000 ms"
        )
    return ok("retry", f"{log.retry_ms:,} ms")


def any_resume(seen: Evidence) -> Finding:
    """Compares by id and data: what the second connection sends must be what the first one sent after the place."""
    after = seen.after
    if not after.place:
        return unknown("resume", "no event with an id came", "run it while events are published")
    if not after.is_stream:
        status = f"status {after.head.status}" if after.head is not None else after.error or NOT_HEARD
        return fault("resume", f"with Last-Event-ID the answer is {status}", "accept Last-Event-ID on every connect")
    ids = [each.message.id for each in seen.main.messages]
    begin = len(ids) - ids[::-1].index(after.place) if after.place in ids else len(ids)
    end = (after.closed_at or 0.0) - seen.grace
    later = [each for each in seen.main.messages[begin:] if each.message.event not in _NOT_KEPT]
    expected = [_same(each) for each in later if each.at <= end]
    got = {_same(each) for each in after.messages}
    again = {_same(each) for each in seen.main.messages[:begin]} & got
    missing = [each for each in expected if each not in got]
    if not expected:
        return unknown("resume", "accepted, but no event came after the place", "run it while events are published")
    if missing:
        return fault(
            "resume",
            f"{len(missing):,} of {len(expected):,} events after the place were not sent again",
            "keep a history, and send what came after Last-Event-ID",
        )
    return ok(
        "resume",
        f"the {len(expected):,} events after the place came" + (f", {len(again):,} older again" if again else ""),
    )


def _versions(log: StreamLog) -> list[tuple[str, float]]:
    return [(version, each.at) for each in log.named(_UPDATE) if isinstance(version := each.data().get("version"), str)]


def _same(each: SeenMessage) -> tuple[str, str, str]:
    return each.message.id, each.message.event, each.message.data


def _plain(place: str) -> bool:
    return len(place) <= 128 and place.isascii() and all(letter.isalnum() or letter in "._-+/=@,~ " for letter in place)
