"""Formats the demo's startup message and its status line. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_HOPS: Final = ("relayed_to_received", "received_to_sent")
"""The hops after the first. The demo measures the first hop itself, because the service knows it only in seconds."""


def startup_text(base_url: str, endpoint_url: str, rate: float, seed: int, asked_port: int) -> str:
    """Returns the startup message: URLs, seed and rate."""
    port = base_url.rpartition(":")[2]
    rows = [
        ("page", f"{base_url}/"),
        ("raw stream", f"curl -N {base_url}/api/v2/stream"),
        ("one user's", f"curl -N -H 'X-User-ID: ada' {base_url}/api/v2/configurations/chips/stream"),
        ("status", f"{base_url}/api/v2/stream/status"),
        ("embedded AWS", endpoint_url),
        ("writing", f"{rate:g} changes a second of made-up news, seed {seed}"),
    ]
    moved = [f"Port {asked_port} is in use; this is port {port}."] if asked_port and int(port) != asked_port else []
    lines = [f"  {name:<14}{value}" for name, value in rows]
    return "\n".join(["The whole path runs on this machine; Ctrl-C ends it.", *moved, "", *lines, ""])


def status_text(status: Mapping[str, Any] | None, first_hop: Mapping[str, Any] | None) -> str:
    """Returns one line from the service's status and the first hop's percentiles, each of which may be None."""
    if status is None:
        return "the service does not respond"
    events = status.get("counters", {}).get("events_published", 0)
    streams = status.get("connections", 0)
    lag = status.get("lag", {})
    hops = [first_hop or {}, *(lag.get(hop, {}) for hop in _HOPS)]
    parts = [_count(events, "event"), _count(streams, "stream"), _latency(hops), f"mode {status.get('mode', '?')}"]
    return " · ".join(part for part in parts if part)


def _latency(hops: Sequence[Mapping[str, Any]]) -> str:
    """Returns the sum of the hops' percentiles, which is a little higher than the p99 of the whole path."""
    if hops[0].get("p50_ms") is None or hops[1].get("p50_ms") is None:
        return ""
    p50, p99 = (sum(hop.get(key) or 0.0 for hop in hops) for key in ("p50_ms", "p99_ms"))
    return f"write to page {p50:.0f} ms, p99 {p99:.0f} ms"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
