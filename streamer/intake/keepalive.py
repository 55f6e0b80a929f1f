"""What a lease needs while it is held: a fresh heartbeat for the reaper, and now and then a check whether it works.

Done between two receives: a receive under way when a lease turns out to be lost would take messages away. Only a lease
that is lost for certain ends anything here; what AWS does not answer this time is logged, and tried again later.
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
"""Seconds between two heartbeats, at most: a sixth of the silence that the reaper takes for death."""
SPREAD: Final = 0.8
"""The least part of an interval, so that containers that began together do not go on together."""
AGAIN: Final = 60.0
"""Seconds, at most, until a heartbeat that failed is tried again: an account has 30 tag calls a second for all."""
SPACING: Final = 10_000
"""Milliseconds between two checks, at least; a new queue may be unknown to a part of SQS for as long."""


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
        """`interval`: seconds between heartbeats; `jitter` picks from a range; `now`: Unix milliseconds."""
        self._lease = lease
        self._worker = worker
        self._interval = interval
        self._jitter = jitter
        self._now = now
        self._checked_at = self._beaten_at = lease.subscribed_at
        self._beats_at = lease.subscribed_at + self._until_next(interval)

        self._check_wanted = False

    def check_soon(self) -> None:
        """Asks for a check, for whoever has reason to doubt the lease. Checks are 10 s apart at least: what is asked
        for sooner is done then."""
        self._check_wanted = True

    async def attend(self) -> None:
        """Sends a heartbeat and checks, whatever of it is due. Raises LeaseLost, and nothing else."""
        beat = self._is_due()
        if beat or (self._check_wanted and self._may_check()):
            self._check_wanted = False  # first: whoever asks meanwhile may know more
            if beat:
                await self._beat()
            await self._check()

    def _may_check(self) -> bool:
        return not 0 <= self._now() - self._checked_at < SPACING

    def _is_due(self) -> bool:
        """Whether it is time for a heartbeat; at once, too, when the clock was set back: the tag may name a future."""
        return not self._beaten_at <= self._now() < self._beats_at

    async def _beat(self) -> None:
        renewed = await self._tried("heartbeat", lambda: self._lease.renew(self._now()))
        self._beaten_at = self._now()
        self._beats_at = self._beaten_at + self._until_next(self._interval if renewed else min(AGAIN, self._interval))

    async def _check(self) -> None:
        try:
            await self._tried("check", self._lease.check)
        finally:
            self._checked_at = self._now()  # after the answer: one that takes long must not be followed by the next

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
