"""What a client learns of one stream. Pure: bytes and times in, counts out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import httptools

from tests.benchmarks.fan_out.payload import MARK, samples

_PLACE = re.compile(rb"^id: (\S+)", re.MULTILINE)
_OK = b"HTTP/1.1 200 "
_LIVE = b"event: heartbeat"
"""Ends the replay of one of our streams."""


def percentile(ordered: Sequence[float], part: float) -> float:
    """Of sorted samples, at least one; `part` 0.5 is the median."""
    return ordered[round((len(ordered) - 1) * part)]


class Sampled:
    """A stream that is looked at closely: the latency of each event, and whether numbers are missing.

    Takes the response as it comes off the socket, head and chunked encoding included, cut anywhere.
    """

    def __init__(self) -> None:
        self.latencies_us: list[int] = []
        self.gaps = 0
        """Numbers that did not follow the one before."""
        self.first: int | None = None
        """The number of the first event."""
        self._last = b""
        self._next: int | None = None
        self._tail = b""
        self._now_us = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, chunk: bytes, now_us: int) -> None:
        """Takes the next bytes, read at this time."""
        self._now_us = now_us
        self._parser.feed_data(chunk)

    def restart(self) -> None:
        """Forgets what was measured so far, and where in the sequence it was."""
        self.latencies_us, self.gaps, self._next, self.first = [], 0, None, None

    def place(self) -> str | None:
        """The id of the last event that came whole, or None."""
        found = _PLACE.findall(self._last)
        return found[-1].decode() if found else None

    def on_body(self, body: bytes) -> None:
        """Called by httptools with what the chunked encoding holds."""
        body = self._tail + body
        end = body.rfind(b"\n") + 1
        self._tail = body[end:]
        if MARK not in body:
            return
        self._last = body[:end]
        for published_us, number in samples(self._last):
            if self.first is None:
                self.first = number
            self.latencies_us.append(self._now_us - published_us)
            if self._next is not None and number != self._next:
                self.gaps += 1
            self._next = number + 1


class Returning:
    """A stream that came back and does not have all that it missed yet."""

    def __init__(self, events: int) -> None:
        """It has all after so many events; 0: at the heartbeat that ends a replay of the service."""
        self._left = events
        self._until_heartbeat = not events
        self._tail = b""
        self.refused = False
        """The response is not a 200."""
        self.live = False

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the response."""
        if not self._tail and not data.startswith(_OK):
            self.refused = True
        self._left -= data.count(MARK)
        text = self._tail + data
        self.live = _LIVE in text if self._until_heartbeat else self._left <= 0
        self._tail = text[-len(_LIVE) :]
