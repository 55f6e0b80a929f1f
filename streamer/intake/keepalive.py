"""Keeps a lease: updates its heartbeat tag for the reaper, and checks its queue and subscription.

It runs between two receives, because a receive from a lost queue would hide messages. Only LeaseLost ends the lease. A
call that fails otherwise is logged and repeated later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from streamer.aws.errors import log_fields
from streamer.aws.worker import Worker
from streamer.errors import LeaseLost
from streamer.intake.lease import Lease
from streamer.intake.retry import Jitter

logger = logging.getLogger(__name__)

HEARTBEAT: Final = 300.0
"""Maximum number of seconds between two heartbeats: a sixth of the time after which the reaper deletes the queue."""
SPREAD: Final = 0.8
"""Lower bound of the jitter, as a part of the interval. The jitter spreads containers that started together."""
AGAIN: Final = 60.0
"""Maximum number of seconds until a failed heartbeat is repeated. SQS allows 30 tag calls per second and account."""
SPACING: Final = 10_000
"""Minimum number of milliseconds between two checks. A new queue may not be visible everywhere in SQS for so long."""


class Keepalive:
    """Keeps one lease."""

    def __init__(
        self,
        lease: Lease,
        worker: Worker,
        *,
        interval: float,
        jitter: Jitter,
        now: Callable[[], int],
    ) -> None:
        """`interval`: seconds between heartbeats; `now` returns Unix milliseconds."""
        self._lease = lease
        self._worker = worker
        self._interval = interval
        self._jitter = jitter
        self._now = now
        self._checked_at = self._beaten_at = lease.subscribed_at
        self._beats_at = lease.subscribed_at + self._until_next(interval)

        self._check_wanted = False

    def check_soon(self) -> None:
        """Requests a check. It is delayed until SPACING has passed since the last check."""
        self._check_wanted = True

    async def attend(self) -> None:
        """Sends a heartbeat and checks the lease, if either is due. Raises only LeaseLost."""
        beat = self._is_due()
        if beat or (self._check_wanted and self._may_check()):
            self._check_wanted = False  # cleared first: a request during the check must cause another one
            if beat:
                await self._beat()
            await self._check()

    def _may_check(self) -> bool:
        return not 0 <= self._now() - self._checked_at < SPACING

    def _is_due(self) -> bool:
        """Returns whether a heartbeat is due. After the clock was set back it is, because the tag is then in the
        future."""
        return not self._beaten_at <= self._now() < self._beats_at

    async def _beat(self) -> None:
        renewed = await self._tried("heartbeat", lambda: self._lease.renew(self._now()))
        self._beaten_at = self._now()
        self._beats_at = self._beaten_at + self._until_next(self._interval if renewed else min(AGAIN, self._interval))

    async def _check(self) -> None:
        try:
            await self._tried("check", self._lease.check)
        finally:
            self._checked_at = self._now()  # after the response: a slow check must not be followed by the next

    async def _tried(self, what: str, attempt: Callable[[], None]) -> bool:
        try:
            await self._worker(attempt)
        except LeaseLost:
            raise
        except Exception as error:
            extra = {"what": what, "queue": self._lease.name, **log_fields(error)}
            logger.warning("upkeep failed", extra=extra)
            return False
        return True

    def _until_next(self, interval: float) -> int:
        return round(1000 * self._jitter(SPREAD * interval, interval))
