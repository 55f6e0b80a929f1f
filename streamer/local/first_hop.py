"""Measures the first hop: from the writer's clock to the relay's call."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from streamer.event_source.mapping import Handler


class FirstHop:
    """Wraps a handler and reports percentiles of write → relay over the last minute, once a second at most.

    DynamoDB rounds the time of a change down to a second, so this needs `updated_at`, which the demo's writer sets.
    """

    def __init__(
        self,
        handler: Handler,
        report: Callable[[dict[str, Any]], None],
        *,
        every: float = 1.0,
        over: float = 60.0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._handler = handler
        self._report = report
        self._every = every
        self._over = over
        self._wall = wall
        self._reported = 0.0
        self._samples: deque[tuple[float, float]] = deque(maxlen=5_000)

    def __call__(self, event: dict[str, Any], context: Any) -> object:
        """Measures, then calls the handler."""
        now = self._wall()
        for record in event.get("Records", []):
            written = record["dynamodb"].get("NewImage", {}).get("updated_at", {}).get("S")
            if written:
                self._samples.append((now, (now - datetime.fromisoformat(written).timestamp()) * 1000))
        if now - self._reported >= self._every:
            self._reported = now
            self._report(self.snapshot(now))
        return self._handler(event, context)

    def snapshot(self, now: float) -> dict[str, Any]:
        """`p50_ms`, `p99_ms` (None without samples) and `count`, in the shape of the service's status."""
        while self._samples and self._samples[0][0] < now - self._over:
            self._samples.popleft()
        values = sorted(value for _, value in self._samples)
        if not values:
            return {"p50_ms": None, "p99_ms": None, "count": 0}
        p50, p99 = (round(values[int(part * (len(values) - 1))], 1) for part in (0.5, 0.99))
        return {"p50_ms": p50, "p99_ms": p99, "count": len(values)}
