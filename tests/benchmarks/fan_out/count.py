"""What a client learns of one stream. Pure: bytes and times in, counts out."""

from __future__ import annotations

from collections.abc import Sequence

import httptools

from tests.benchmarks.fan_out.payload import MARK, samples


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
        self.latencies_us, self.gaps, self._next = [], 0, None

    def on_body(self, body: bytes) -> None:
        """Called by httptools with what the chunked encoding holds."""
        body = self._tail + body
        end = body.rfind(b"\n") + 1
        self._tail = body[end:]
        if MARK not in body:
            return
        for published_us, number in samples(body[:end]):
            self.latencies_us.append(self._now_us - published_us)
            if self._next is not None and number != self._next:
                self.gaps += 1
            self._next = number + 1
