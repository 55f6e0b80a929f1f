"""The streams of this container, and how each of them ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from streamer.hub.hub import Hub
from streamer.sse.events import ClosingReason
from streamer.streams.announcements import Announcements
from streamer.streams.due import CalendarQueue
from streamer.streams.stream import OpenStream, StreamState
from streamer.streams.timing import Timing
from streamer.telemetry.counters import Counters

logger = logging.getLogger(__name__)


class Registry:
    """Lives in the event loop. An error of one stream's sink ends that stream; it raises nothing to the caller."""

    def __init__(
        self,
        hub: Hub[OpenStream],
        counters: Counters,
        announcements: Announcements,
        timing: Timing,
        clock: Callable[[], float],
    ) -> None:
        self.streams: set[OpenStream] = set()
        self.blocked: set[OpenStream] = set()
        """Whose transport had not taken everything, when it was last looked at."""
        self.closing: set[OpenStream] = set()
        # Finer than the sweep, which is late enough by itself: in Lambda `closing` has little time.
        self.due: CalendarQueue[OpenStream] = CalendarQueue(timing.sweep / 5, clock())
        self._hub = hub
        self._counters = counters
        self._announcements = announcements
        self._timing = timing
        self._clock = clock

    def attend(self, stream: OpenStream) -> None:
        """Schedules when the sweep looks at the stream next."""
        moment = min(stream.ends_at, stream.written_at + stream.silence)
        self.due.schedule(min(moment, stream.heartbeat_at) if stream.state is StreamState.LIVE else moment, stream)

    def write(self, stream: OpenStream, data: bytes, events: int, now: float) -> None:
        """Writes to this stream only."""
        stream.wrote(events, len(data), now)
        self._counters.add("events_delivered", events)
        self._counters.add("bytes_delivered", len(data))
        try:
            stream.sink.write(data)
        except Exception as error:
            self.fail(stream, error)

    def close(self, stream: OpenStream, reason: ClosingReason, *, discard: bool = False) -> None:
        """Sends `closing`, after what is queued unless it is discarded."""
        self._hub.leave(stream.wanted, stream)
        stream.close(reason, self._clock())
        self.closing.add(stream)
        try:
            stream.sink.close(self._announcements.closing(reason), discard=discard)
        except Exception as error:
            self.fail(stream, error)

    def close_slow(self, stream: OpenStream) -> None:
        """Sends only `closing`: what the client does not take now it gets when it comes back with its id."""
        self._counters.add("streams_slow")
        self.close(stream, "slow", discard=True)

    def close_overfull(self) -> None:
        """Closes the live streams that have more waiting than a client may have."""
        for stream in list(self.blocked):
            try:
                if stream.state is StreamState.LIVE and stream.sink.pending() > self._timing.slow_bytes:
                    self.close_slow(stream)
            except Exception as error:
                self.fail(stream, error)

    def fail(self, stream: OpenStream, error: Exception) -> None:
        """Cuts a stream that cannot go on; nothing else is sent to it, and the other streams miss nothing."""
        if stream.state is StreamState.ENDED:  # logged already
            return
        self.forget(stream)
        logger.error("a stream failed and is cut", exc_info=error, extra={"connection_id": stream.connection_id})
        with suppress(Exception):  # of the same cause, as a rule; the request ends by itself
            stream.sink.abort()

    def forget(self, stream: OpenStream) -> None:
        """The stream's request has ended. Forgetting twice does nothing."""
        stream.sink.on_blocked = stream.sink.on_drained = None
        self._hub.leave(stream.wanted, stream)
        stream.end()
        self.streams.discard(stream)
        self.blocked.discard(stream)
        self.closing.discard(stream)
        self.due.cancel(stream)
