"""Where a new stream begins: after the place a client had, some seconds back, or now.

A place of this run resumes exactly after that frame. Any other is answered by `reset` and all that the history has:
never by a silent gap, and never by an HTTP error, which would end a browser's EventSource for good.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.hub.history import History
from streamer.place import Place
from streamer.sse.events import ResetReason, Resume

_CLOCKS_DIFFER_MS = 60_000


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks to be sent first."""

    last_event_id: str | None = None
    """The place it had; None or empty: none."""
    replay_ms: int | None = None
    """Without a place: how far back to begin."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where the stream begins: with the frame after `cursor`."""

    resume: Resume
    cursor: int
    reason: ResetReason | None = None


def begin(request: Request, history: History, run: int, newest: int, now_ms: int) -> Start:
    """Decides, for a run whose newest frame has the number `newest`. An id wins over a replay."""
    if not request.last_event_id:
        if request.replay_ms is None:
            return Start("fresh", newest)
        return Start("fresh", history.dated_after(now_ms - request.replay_ms))
    reason = _not_covered(request.last_event_id, history, run, newest, now_ms)
    if isinstance(reason, int):
        return Start("resumed", reason)
    return Start("reset", history.evicted_through, reason)


def _not_covered(text: str, history: History, run: int, newest: int, now_ms: int) -> ResetReason | int:
    """The cursor to resume from, or why there is none."""
    try:
        place = Place.parse(text)
    except ValueError:
        return "malformed"
    if place.run != run:
        return "future" if place.time_ms > now_ms + _CLOCKS_DIFFER_MS else "too_old"
    if place.frame > newest:
        return "future"
    return place.frame if history.covers(place.frame) else "too_old"
