"""Decides where a new stream begins: after the place that the client has, some seconds back, or now.

A place of this run resumes exactly after its frame. A place of another run has a time T, and that run has proven: a
client with this frame has every change from before T. Such a client is sent:

1. *Every entry dated after T.* The changes that it lacks were made after T, and are dated after T here, by the relay or
   by the query that found them. Those that this run has not published yet follow live.
2. *From the two minutes before T (LATENESS_MS), the newest frame of each item and ticker whose state a later write can
   restore (Frame.repeatable).* The client may have a newer state of an item, from a run that is ahead. If the item then
   returns, between two queries, to the state that this run knows, this run publishes nothing, and the client would keep
   the state in between. Therefore the client gets this run's state of every item that can change after T: such an item
   has a timestamp after T less two minutes, and its frames here are dated after that. If each write sets `updated_at`,
   no write restores an older state, and nothing is sent.
3. *Then the live frames of this run*, whose final state is correct: by push, or by the next query (Hub.proved).

Each of these frames has a place of this run, because from the first one on the client has this run's states: with a
place of the other run it could return there, be sent nothing, and keep them. The time of each place must be true for a
client whose connection ends after that frame:

- After a frame of step 2, the client has all that this run has, and otherwise what it came with. The time is the
  earlier of this run's watermark and T. So a client that is disconnected repeatedly does not go back further each time.
- After a frame that is followed by another one of its item, the client may have an older state than it came with. From
  there on each frame has its own time, as live frames do.

A client may return to this run with a place whose time is later than the frame's own. Its connection ended during step
2, which then continues.

A fresh stream with `replay` begins in the same way, because a page's snapshot may be ahead of this run.

A place does not say which filter the stream had. If a stream's filter can change, a client that reconnects may have had
another one; the answer is then `reset` (FilterSince).

If the history does not cover T because entries were evicted, the answer is `reset` (`too_old`) and the whole history,
never a silent gap. An HTTP error would end a browser's EventSource for good.

If T is before the end of this run's first complete query, the answer is `reset` (`began_later`). The query returned
every change from before its start, but not the deletions: an item that the client shows may have been deleted before
this run knew the item. After the first query this run knows every item of the look-back, so a deletion is either in a
stream record or noticed by the next query (Hub.missing).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamer.change import LATENESS_MS
from streamer.hub.history import History
from streamer.place import Place, read_place
from streamer.sse.events import ResetReason, Resume

_CLOCKS_DIFFER_MS = 60_000


@dataclass(frozen=True, slots=True)
class Request:
    """The start that a client requests."""

    last_event_id: str | None = None
    """The client's place; None or empty for a fresh stream."""
    replay_ms: int | None = None
    """Without a place: the time span to replay."""

    @property
    def place(self) -> str | None:
        """The client's place as it may be repeated to it; None if it has none, or a malformed one."""
        return None if read_place(self.last_event_id) is None else self.last_event_id


@dataclass(frozen=True, slots=True)
class Start:
    """The start of a stream: the frame after `cursor`."""

    resume: Resume
    cursor: int
    reason: ResetReason | None = None
    after_ms: int | None = None
    """Only frames dated after this time, and the newest repeatable ones, are sent. None: all frames after the
    cursor."""
    came_ms: int = 0
    """Time of the client's place, if another run proved it; else 0."""


@dataclass(frozen=True, slots=True)
class FilterSince:
    """Since when the streams of a configuration have their filter. Decides whether a client's place was sent with it.

    *Places of this run.* All streams of the configuration change in one step, between two frames. A place with a later
    frame was sent with this filter; one with an earlier frame may have been sent with another.

    *Places of other runs.* On a configuration's stream, the time of a place is before the last consistent read of the
    configuration, less the margin (Hub.encode). So if a place with the time T was sent with another filter, that filter
    was proven until T, and changed after T.
    """

    changed_ms: int
    """Unix milliseconds at which the tickers were written; if unknown, the later time at which this run read them."""
    frame: int
    """This run's streams have this filter after this frame."""
    other_before: bool
    """Whether this run's streams had another filter before."""

    def had_by(self, place: Place, run: int) -> bool:
        """Returns whether a client had this filter when it was sent this place."""
        if place.run == run and (place.frame > self.frame or self.other_before):
            return place.frame > self.frame
        return place.time_ms >= self.changed_ms


def begin(
    request: Request,
    history: History,
    *,
    run: int,
    newest: int,
    viewed_ms: int | None,
    now_ms: int,
    since: FilterSince | None = None,
) -> Start:
    """Decides for a run whose newest frame is `newest`, and whose first complete query ended at `viewed_ms` (None: no
    query has succeeded yet). A place takes precedence over a replay. `since`: None for a stream whose URL has the
    filter."""
    if not request.last_event_id:
        if not request.replay_ms:
            return Start("fresh", newest)
        since_ms = now_ms - request.replay_ms
        return Start("fresh", history.dated_after(since_ms - LATENESS_MS), after_ms=since_ms)
    place = read_place(request.last_event_id)
    if place is None:
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
    if since_ms < history.evicted_dated_ms:
        return _reset("too_old", history)
    if viewed_ms is None or place.time_ms < viewed_ms:
        return _reset("began_later", history)
    return Start("resumed", history.dated_after(since_ms), after_ms=place.time_ms, came_ms=place.time_ms)


def exact(place: Place, history: History) -> Place:
    """Returns a place of this run with at most the time of its frame: with a later one, `begin` would leave out frames
    that are dated before it."""
    own_ms = history.time_of(place.frame)
    return place if own_ms is None or place.time_ms <= own_ms else replace(place, time_ms=own_ms)


def before(text: str, history: History) -> Place:
    """Returns the place of a client that has all frames before the one with this place. Its time stays true: when the
    frame was created, every change from before that time was in a frame already."""
    place = Place.parse(text)
    return exact(replace(place, frame=place.frame - 1), history)


def _reset(reason: ResetReason, history: History) -> Start:
    return Start("reset", history.evicted_through, reason)
