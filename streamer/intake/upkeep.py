"""What a lease needs while it is held: a fresh heartbeat for the reaper, and now and then a look whether it works.

Done between two polls, by the thread that polls. Only a lease that is lost for certain ends anything here; what AWS
does not say or do this time is logged, and tried again later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from streamer.errors import LeaseLost
from streamer.intake import trouble
from streamer.intake.lease import Lease

logger = logging.getLogger(__name__)

HEARTBEAT: Final = 300.0
"""Seconds between two heartbeats, at most: a sixth of the silence that the reaper takes for death."""
SPREAD: Final = 0.8
"""The least part of an interval, so that containers that began together do not go on together."""
AGAIN: Final = 60.0
"""Seconds, at most, until a heartbeat that failed is tried again: an account has 30 tag calls a second for all."""
SPACING: Final = 10_000
"""Milliseconds between two checks, at least; a new queue may be unknown to a part of SQS for as long."""


class Upkeep:
    """Keeps one lease. For one thread."""

    def __init__(
        self,
        lease: Lease,
        *,
        interval: float,
        jitter: Callable[[float, float], float],
        now: Callable[[], int],
    ) -> None:
        """`interval`: seconds between heartbeats; `jitter` picks from a range; `now`: Unix milliseconds."""
        self._lease = lease
        self._interval = interval
        self._jitter = jitter
        self._now = now
        self._checked_at = self._beaten_at = lease.subscribed_at
        self._beats_at = lease.subscribed_at + self._until_next(interval)

    def may_check(self) -> bool:
        """Whether the last check is long enough ago for one that somebody asks for."""
        return not 0 <= self._now() - self._checked_at < SPACING

    def due(self) -> bool:
        """Whether it is time for a heartbeat; at once, too, when the clock was set back: the tag may name a future."""
        return not self._beaten_at <= self._now() < self._beats_at

    def beat(self) -> None:
        """Renews the lease, and checks it as well. Raises LeaseLost, and nothing else."""
        renewed = self._tried("heartbeat", lambda: self._lease.renew(self._now()))
        self._beaten_at = self._now()
        self._beats_at = self._beaten_at + self._until_next(self._interval if renewed else min(AGAIN, self._interval))
        self.check()

    def check(self) -> None:
        """Asks whether the lease still works. Raises LeaseLost, and nothing else."""
        try:
            self._tried("check", self._lease.check)
        finally:
            self._checked_at = self._now()  # after the answer: one that takes long must not be followed by the next

    def _tried(self, what: str, attempt: Callable[[], None]) -> bool:
        try:
            attempt()
        except LeaseLost:
            raise
        except Exception as error:
            extra = {"what": what, "queue": self._lease.name, **trouble.for_log(error)}
            logger.warning("upkeep failed", extra=extra)
            return False
        return True

    def _until_next(self, interval: float) -> int:
        return round(1000 * self._jitter(SPREAD * interval, interval))
