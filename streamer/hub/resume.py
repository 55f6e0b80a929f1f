"""Where a new stream begins: after the place a client had, some seconds back, or now.

A place of this run resumes exactly after that frame. A place of another run names a time T, of which that run proved: a
client that has this frame has everything written before T. Such a client is sent:

1. *Every entry dated after T.* What it does not have was written after T, and what is written after T is dated after T
   here, by a relay or by a query that saw it; so whatever this run has published of it is sent, and whatever it has not
   is published later, live.
2. *Of the two minutes before T (LATENESS_MS), this run's last word on each item and ticker that another write may make
   again unseen* (Frame.repeatable). A client may hold a newer state of an item than this run has (it came from a run
   that is ahead), and the item may then go back to what this run takes it for, between two queries: nothing would be
   published, and the client would keep the state in between. So it goes on from this run's view of every item that can
   have changed since T: one that changes after T, within two minutes of its timestamp, has a timestamp after T less two
   minutes, and its publications here are dated after that. Where each write sets `updated_at` none makes an older state
   again, and there is nothing to send.
3. *Then this run's view, which ends right*: by push, or by the next query (see Hub.proved).

Each of these frames has a place of this run, for the client follows this run's view from the first one on: returning to
another run with that one's id it would be told nothing, and keep what it applied here. The time of that place must be
true of a client that is cut there:

- after last words alone, the client holds what this run holds, which is everything before this run's proof, and of all
  else what it came with: the earlier of both. So one that is cut again and again is not led back further and further;
- after a frame that is followed by another of its item, the client may hold an older state, and what follows was
  written after the frame's own time: from there on each frame has its own. So has every frame that is sent live.

A client that returns to this run with a place that claims more than that frame's own was cut among the last words, and
goes on with them.

A fresh stream that asks for the last seconds begins likewise: a page's snapshot may be ahead of this run, too.

A place carries no filter. Of a stream whose filter can change, a client that comes back may have had another one: then
its place says nothing of what it shows now, and the answer is `reset`. See FilterSince.

Where that cannot be done (entries of that time were evicted, or this run's own knowledge begins later) the answer is
`reset` and all that the history has: never a silent gap, and never an HTTP error, which would end a browser's
EventSource for good.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamer.change import LATENESS_MS
from streamer.hub.frame import Frame
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
    after_ms: int | None = None
    """What is dated after this time is sent, and last words that are repeatable; None: everything after the cursor."""
    came_ms: int = 0
    """Up to when the client has everything, as its place says that is not this run's own; 0: nothing is said."""

    def wants(self, frame: Frame) -> bool:
        """Whether a frame after the cursor is sent again."""
        return self.after_ms is None or frame.dated_ms > self.after_ms or (frame.repeatable and not frame.superseded)


@dataclass(frozen=True, slots=True)
class FilterSince:
    """Since when a configuration's stream has its filter: what decides whether a client that comes back had it, too.

    *This run's places.* Every stream of the configuration on this run changes in one step, between two frames: whoever
    has a later frame of this run had this filter then, whoever has none may have had another.

    *Other runs' places.* No run claims a time in its places that is not before its last proof of the filters that its
    streams have (a consistent read, less the margin: Hub.proved). So who had another filter when a place of the time T
    was sent had it with proof up to T, and the filter changed after T.
    """

    changed_ms: int
    """When the tickers became these, Unix milliseconds; where nobody says so, when this run first saw them: later."""
    frame: int
    """This run's streams have had this filter since after this frame."""
    other_before: bool
    """They had another one before that; else this run does not know of any."""

    def had_by(self, place: Place, run: int) -> bool:
        """Whether a client that was sent this place had this filter then."""
        if place.run == run and (place.frame > self.frame or self.other_before):
            return place.frame > self.frame
        return place.time_ms >= self.changed_ms


def begin(
    request: Request,
    history: History,
    *,
    run: int,
    newest: int,
    covered_since_ms: int | None,
    now_ms: int,
    since: FilterSince | None = None,
) -> Start:
    """Decides, for a run whose newest frame has the number `newest` and which knows of everything that was written
    after `covered_since_ms` (None: of nothing yet). An id wins over a replay. `since`: None for a stream whose filter
    is its URL's."""
    if not request.last_event_id:
        if not request.replay_ms:
            return Start("fresh", newest)
        since_ms = now_ms - request.replay_ms
        return Start("fresh", history.dated_after(since_ms - LATENESS_MS), after_ms=since_ms)
    try:
        place = Place.parse(request.last_event_id)
    except ValueError:
        return _reset("malformed", history)
    if place.run == run and place.frame > newest:
        return _reset("future", history)
    if since is not None and not since.had_by(place, run):
        return _reset("configuration_changed", history)
    if place.run == run:
        if not history.covers(place.frame):
            return _reset("too_old", history)
        own_ms = history.time_of(place.frame)
        if own_ms is None or place.time_ms <= own_ms:
            return Start("resumed", place.frame)
        return Start("resumed", place.frame, after_ms=place.time_ms, came_ms=place.time_ms)
    if place.time_ms > now_ms + _CLOCKS_DIFFER_MS:
        return _reset("future", history)
    since_ms = place.time_ms - LATENESS_MS
    if covered_since_ms is None or place.time_ms < covered_since_ms or since_ms < history.evicted_dated_ms:
        return _reset("too_old", history)
    return Start("resumed", history.dated_after(since_ms), after_ms=place.time_ms, came_ms=place.time_ms)


def _reset(reason: ResetReason, history: History) -> Start:
    return Start("reset", history.evicted_through, reason)
