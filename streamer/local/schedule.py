"""The EventBridge schedule that invokes the relay once a minute for a canary.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from streamer.event_source.invocation import Invocation
from streamer.event_source.mapping import Handler
from streamer.local.resources import ACCOUNT, REGION

logger = logging.getLogger(__name__)


class CanarySchedule:
    """Invokes the handler at the first step and then every `interval` seconds."""

    def __init__(
        self,
        handler: Handler,
        *,
        interval: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._handler = handler
        self._interval = interval
        self._clock = clock
        self._wall = wall
        self._due = clock()

    def step(self) -> float:
        """Invokes the handler if an invocation is due. Returns the seconds until the next invocation."""
        if self._clock() >= self._due:
            self._due = self._clock() + self._interval
            try:
                self._handler(schedule_event(self._wall()), Invocation())
            except Exception:  # not retried, because the next canary follows in a minute
                logger.exception("the relay failed on the schedule's event")
        return max(0.0, self._due - self._clock())


def schedule_event(now: float) -> dict[str, Any]:
    """Returns the event of an EventBridge rule. `now`: Unix seconds."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/sentiment-canary"],
        "detail": {},
    }
