"""Formats a status as an aligned table. Pure. Members that are missing or of another type are shown as `-`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard

from streamer.change import parse_time
from streamer.tools.terminal.printable import printable

_HOPS: Final = "lag "
_AGES: Final = (
    ("last change", "change_seconds"),
    ("last canary", "canary_seconds"),
    ("watermark", "watermark_seconds"),
    ("configurations", "configurations_seconds"),
)
_MODES: Final = {
    "push": "changes arrive through the queue",
    "poll": "changes arrive by queries of the table; the queue is broken, not yet verified, or not used",
    "both": "changes arrive through the queue and by queries; the queue is not yet verified",
    "down": "no changes arrive: neither the queue nor the table answers",
}
_LARGEST: Final = 5
_LARGEST_NUMBER: Final = 1e18
"""A number that is larger, infinite or NaN is no answer of a streamer, and may fit no format."""


def lines(members: Mapping[str, Any], now_ms: int) -> Iterator[str]:
    """Yields the lines. `now_ms`: Unix milliseconds, to say for how long the mode is as it is."""
    rows = [*_mode(members, now_ms), *_streams(members), *_ages(members), *_lags(members), *_memory(members)]
    widest = max(len(name) for name, _ in rows)
    for name, text in rows:
        yield f"{printable(name).ljust(widest)}  {printable(text)}".replace("\n", " ")


def _mode(members: Mapping[str, Any], now_ms: int) -> Iterator[tuple[str, str]]:
    mode, since = _text(members.get("mode")), _text(members.get("mode_since"))
    yield "mode", mode
    yield "reason", _text(members.get("mode_reason"))
    since_ms = parse_time(since)
    lasting = "" if since_ms is None else f" ({span(max(0, now_ms - since_ms) / 1000)})"
    yield "since", since + lasting
    yield "queue", _MODES.get(mode, "-")
    yield "uptime", span(members.get("uptime_seconds"))
    yield "version", _text(members.get("version"))


def _streams(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    taken, limit, free, anonymous = (
        _count(members.get(name)) for name in ("connections", "max_connections", "available", "available_to_all")
    )
    yield "streams", f"{taken} of {limit}; {free} free, {anonymous} of them for anonymous callers"


def _ages(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    ages = _object(members.get("ages"))
    for name, key in _AGES:
        yield name, f"{span(ages[key])} ago" if _is_number(ages.get(key)) else "-"


def _lags(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for hop, sample in _object(members.get("lag")).items():
        values = _object(sample)
        if values.get("count"):
            middle, high = (f"{values[at]:,} ms" if _is_number(values.get(at)) else "-" for at in ("p50_ms", "p99_ms"))
            yield f"{_HOPS}{hop}".replace("_", " "), f"p50 {middle}, p99 {high}, {_count(values['count'])} samples"


def _memory(members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields the sum and the largest structures."""
    used = {
        name: usage
        for name, value in _object(members.get("memory")).items()
        if _is_number((usage := _object(value)).get("bytes"))
    }
    yield "memory", f"{_bytes(sum(usage['bytes'] for usage in used.values()))} in {len(used)} structures"
    largest = sorted((name for name in used if used[name]["bytes"]), key=lambda name: -used[name]["bytes"])
    for name in largest[:_LARGEST]:
        usage = used[name]
        bound = usage.get("bytes_limit")
        of = f" of {_bytes(bound)}" if _is_number(bound) else ""
        items = f"{_count(usage.get('items'))} items"
        most = f" of {_count(usage['limit'])}" if _is_number(usage.get("limit")) else ""
        yield f"  {name.replace('_', ' ')}", f"{_bytes(usage['bytes'])}{of}, {items}{most}"


def span(seconds: object) -> str:
    """Formats a duration: 1.2 s, 4 min 5 s, 3 h 2 min, 2 d 4 h."""
    if not _is_number(seconds):
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    for unit, name, below, lesser in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            return f"{whole // unit:,} {name} {whole % unit // below} {lesser}"
    return f"{whole} s"


def _bytes(number: float) -> str:
    for power, name in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if number >= power:
            return f"{number / power:,.1f} {name}"
    return f"{number:,} B"


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) and value else "-"


def _count(value: object) -> str:
    return f"{value:,}" if _is_number(value) else "-"


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST_NUMBER
