"""Where a new stream begins: after the place a client had, some seconds back, or now.

A place of this run resumes exactly after that frame. A place of another run names a time T, of which that run proved: a
client that has this frame has everything written before T. Such a client is sent:

1. *Every entry dated after T.* What it does not have was written after T, and what is written after T is dated after T
   here, by a relay or by a query that saw it; so whatever this run has published of it is sent, and whatever it has not
   is published later, live.
2. *Of the two minutes before T (LATENESS_MS), every entry that another write may make again unseen* (Frame.nameless).
   A client may hold a newer state of an item than this run has (it came from a run that is ahead), and the item may
   then go back to what this run takes it for, between two queries: nothing would be published, and the client would
   keep the state in between. So it goes on from this run's last word on every item that can have changed since T: one
   that changes after T, within two minutes of its timestamp, has a timestamp after T less two minutes, and its
   publications here are dated after that. Where each write sets `updated_at` none makes an older state again, and
   there is nothing to send.
3. *This run's view ends right*: by push, or by the next query (see Hub.proved).

Where that cannot be done (entries of that time were evicted, or this run's own knowledge begins later) the answer is
`reset` and all that the history has: never a silent gap, and never an HTTP error, which would end a browser's
EventSource for good. An entry whose own place is older than the one the client came with goes out without an id: a
client that is cut there asks again from where it was, and never falls back.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.change import LATENESS_MS
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
    whole: int = 0
    """Up to this frame only the nameless are sent."""
    came_ms: int = 0
    """The time of the place that the client came with from another run; 0: none."""


def begin(
    request: Request, history: History, *, run: int, newest: int, covered_since_ms: int | None, now_ms: int
) -> Start:
    """Decides, for a run whose newest frame has the number `newest` and which knows of everything that was written
    after `covered_since_ms` (None: of nothing yet). An id wins over a replay."""
    if not request.last_event_id:
        if request.replay_ms is None:
            return Start("fresh", newest)
        return Start("fresh", history.dated_after(now_ms - request.replay_ms))
    try:
        place = Place.parse(request.last_event_id)
    except ValueError:
        return _reset("malformed", history)
    if place.run == run:
        if place.frame > newest:
            return _reset("future", history)
        return Start("resumed", place.frame) if history.covers(place.frame) else _reset("too_old", history)
    if place.time_ms > now_ms + _CLOCKS_DIFFER_MS:
        return _reset("future", history)
    since_ms = place.time_ms - LATENESS_MS
    if covered_since_ms is None or place.time_ms < covered_since_ms or since_ms < history.evicted_dated_ms:
        return _reset("too_old", history)
    whole = history.dated_after(place.time_ms)
    return Start("resumed", history.dated_after(since_ms), whole=whole, came_ms=place.time_ms)


def _reset(reason: ResetReason, history: History) -> Start:
    return Start("reset", history.evicted_through, reason)
