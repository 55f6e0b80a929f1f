"""Measures the latency of the first hop, from the write to the call of the relay."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from streamer.event_source.mapping import Handler
from streamer.telemetry.counters import percentiles

_REPORT_INTERVAL = 1.0
_WINDOW = 60.0
"""Seconds."""


class FirstHop:
    """Wraps a handler. Reports the percentiles of the last minute, at most once a second.

    DynamoDB rounds the time of a change down to a second, so the time of the write is `updated_at`, set by the writer.
    """

    def __init__(
        self,
        handler: Handler,
        report: Callable[[dict[str, Any]], None],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._handler = handler
        self._report = report
        self._wall = wall
        self._reported_at = 0.0
        self._samples: deque[tuple[float, float]] = deque(maxlen=5_000)

    def __call__(self, event: dict[str, Any], context: Any) -> object:
        now = self._wall()
        for record in event.get("Records", []):
            written = record["dynamodb"].get("NewImage", {}).get("updated_at", {}).get("S")
            if written:
                self._samples.append((now, (now - datetime.fromisoformat(written).timestamp()) * 1000))
        if now - self._reported_at >= _REPORT_INTERVAL:
            self._reported_at = now
            while self._samples and self._samples[0][0] < now - _WINDOW:
                self._samples.popleft()
            self._report(percentiles(value for _, value in self._samples))
        return self._handler(event, context)
