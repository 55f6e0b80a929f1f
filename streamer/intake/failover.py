"""The failover: a pure state machine that decides the mode from intake's signals.

Push and the table each have a state:

- push: *broken* (no queue, receives that fail, silence, or items missed twice in a row); *unproven* (a message has
  arrived since, but no query has shown that nothing is missing); *proven*.
- the table: it answers, or queries have failed for 10 s.

| push     | table answers | table fails                        |
|----------|---------------|------------------------------------|
| proven   | push          | push                               |
| unproven | both          | push (the only source)             |
| broken   | poll          | down                               |

To avoid flapping, push becomes proven by a message and a query without a miss. Each time push breaks within five
minutes after it was proven, it needs twice as many such queries in a row the next time, up to 32. Failures count after
10 s (receives and queries), 12.5 s (a receive that hangs, with a wait of 10 s), `canary_timeout` (silence) or two
queries in a row (misses).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from streamer.change import LATENESS_MS
from streamer.intake.signals import (
    LeaseFailed,
    LeaseGone,
    LeaseTaken,
    MessageReceived,
    Queried,
    QueryFailed,
    QueueFailed,
    QueueRead,
    Signal,
    Tick,
    Undecided,
)

ModeName = Literal["push", "poll", "both", "down"]
"""The source of changes: this container's queue; queries of the table; both, until push is proven; none."""

TOLERANCE: Final = 10_000
"""Milliseconds for which receives, or queries, must fail before they count."""
HANG: Final = 2_500
"""Milliseconds beyond the wait of a long poll after which a receive counts as hung, TOLERANCE at least."""
RELAPSE: Final = 300_000
"""Milliseconds. If push breaks sooner after it was proven, it needs more queries to become proven again."""
MISSES: Final = 2
"""Number of queries in a row with misses, after which push is broken."""
LONGEST_PROOF: Final = 32
"""Maximum number of queries without a miss that push needs to become proven."""


class PushState(Enum):
    """How far the push path is trusted."""

    BROKEN = "broken"
    UNPROVEN = "unproven"
    PROVEN = "proven"


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of mode."""

    mode: ModeName
    before: ModeName
    reason: str
    """Plain words without ARNs and names of queues, safe for clients."""
    at_ms: int


class Failover:
    """Decides the mode from signals, in the order of `hear` calls. `canary_timeout_ms`: time without any message after
    which push is broken; `wait_ms`: wait time of a long poll. `alone`: the deployment has no queue; the mode is then
    `poll`, or `down` while the table fails."""

    def __init__(
        self, now_ms: int, *, canary_timeout_ms: int = 150_000, wait_ms: int = 10_000, alone: bool = False
    ) -> None:
        self.mode: ModeName = "down"
        self.reason = "starting: the table has not answered yet"
        """The reason of the mode. It can change while the mode does not."""
        self.since_ms = now_ms
        """Time of the last change of mode."""
        self.push = PushState.BROKEN
        self._complete_after_ms = 0
        self._unbroken = False  # push has brought every change since before the first query
        self._leased_ms = now_ms
        self._canary_timeout_ms = canary_timeout_ms
        self._hung_ms = max(TOLERANCE, wait_ms + HANG)  # after this time a receive has hung
        self._leased = False
        self.alone = alone
        self._push_failure = "no queue in this deployment" if alone else "no queue yet"
        self._polled_ms = now_ms  # time of the last successful receive
        self._failing_ms: int | None = None  # time since which receives fail
        self._heard_ms = now_ms  # time of the last new message or lease
        self._newest = -1  # the newest relayed_at of a message from this queue
        self._broken_after = -1  # value of _newest when push broke
        self._heard_since_ms = now_ms
        self._proven_ms = now_ms
        self._misses = 0
        self._clean = 0
        self._needed = 1
        self._answered = False  # the table has answered at least once
        self._unread_ms: int | None = None  # time since which queries fail
        self._table_failure: str | None = None

    @property
    def complete_after_ms(self) -> int | None:
        """Push has brought every change of the items with a timestamp after this time (Unix milliseconds), as far as is
        known. Changes of older items may have been lost while push was broken, or with messages that were missed. None:
        push is not proven now."""
        return self._complete_after_ms if self.push is PushState.PROVEN else None

    def hear(self, signal: Signal, now_ms: int) -> Switch | None:
        """Applies one signal. Returns the change of mode, if there is one."""
        match signal:
            case LeaseTaken():
                self._leased, self._failing_ms, self._newest = True, None, -1
                self._polled_ms = self._heard_ms = self._leased_ms = now_ms
                self._break("no message has come through the queue yet", now_ms)
            case LeaseFailed(error):
                self._leased = False
                self._break(f"no queue could be had ({error})", now_ms)
            case LeaseGone(error):
                self._leased = False
                self._break(f"the queue was lost ({error})", now_ms)
            case QueueRead():
                self._failing_ms, self._polled_ms = None, now_ms
                self._trust_again(now_ms)
            case QueueFailed(error):
                if self._failing_ms is None:
                    # A long poll may fail at the end of its wait; only a receive that hung has failed since its start.
                    hung = now_ms - self._polled_ms >= self._hung_ms
                    self._failing_ms = self._polled_ms if hung else now_ms
                if now_ms - self._failing_ms >= TOLERANCE:
                    self._break(f"receiving fails ({error})", now_ms)
            case MessageReceived(relayed_at):
                relayed_at = min(relayed_at, now_ms)  # else a relay clock far ahead would make later messages repeats
                if self._leased and relayed_at > self._newest:
                    self._newest, self._heard_ms = relayed_at, now_ms
                    self._trust_again(now_ms)
            case Queried(began_ms, missed, fetched, judges):
                if not self._answered:
                    self._unbroken = self._leased and self._failing_ms is None and self._leased_ms <= began_ms
                self._answered, self._unread_ms, self._table_failure = True, None, None
                self._take_queried(began_ms, missed, judges or not fetched, now_ms)
            case QueryFailed(error):
                self._unread_ms = now_ms if self._unread_ms is None else self._unread_ms
                if not self._answered or self._table_failure or now_ms - self._unread_ms >= TOLERANCE:
                    self._table_failure = f"the table cannot be read ({error})"
            case Tick() | Undecided():
                pass
        if self.push is not PushState.BROKEN and now_ms - self._heard_ms > self._canary_timeout_ms:
            self._break(f"no message for {self._canary_timeout_ms // 1000} s", now_ms)
        before = self.mode
        self.mode, self.reason = self._judged()
        if self.mode == before:
            return None
        self.since_ms = now_ms
        return Switch(self.mode, before, self.reason, now_ms)

    def _trust_again(self, now_ms: int) -> None:
        """Makes push unproven if it was broken, receives work, and a new message has arrived."""
        if (
            self.push is PushState.BROKEN
            and self._leased
            and self._failing_ms is None
            and self._newest > self._broken_after
        ):
            self.push, self._clean, self._heard_since_ms = PushState.UNPROVEN, 0, now_ms

    def _take_queried(self, began_ms: int, missed: int, tells: bool, now_ms: int) -> None:
        if missed:
            self._unbroken = False
        if self.push is PushState.PROVEN:
            self._misses = self._misses + 1 if missed else 0
            if missed:
                self._complete_after_ms = began_ms - LATENESS_MS
            if self._misses >= MISSES:
                self._break(f"{missed} items were missed", now_ms)
        elif self.push is PushState.UNPROVEN:
            if missed:
                self._clean = 0
            elif tells and began_ms >= self._heard_since_ms:
                self._clean += 1
            if self._clean >= self._needed:
                self.push, self._proven_ms, self._misses = PushState.PROVEN, now_ms, 0
                self._complete_after_ms = 0 if self._unbroken else began_ms - LATENESS_MS

    def _break(self, failure: str, now_ms: int) -> None:
        if self.push is PushState.PROVEN:
            relapsed = now_ms - self._proven_ms < RELAPSE
            self._needed = min(self._needed * 2, LONGEST_PROOF) if relapsed else 1
        self.push, self._unbroken = PushState.BROKEN, False
        self._broken_after = self._newest
        self._push_failure = failure

    def _judged(self) -> tuple[ModeName, str]:
        table = self._table_failure
        if self.push is PushState.PROVEN:
            return "push", "the queue brings what the table has" if table is None else f"unchecked: {table}"
        if self.push is PushState.UNPROVEN:
            if table is not None:
                return "push", f"unchecked: {table}"
            return "both", "messages come through the queue; queries of the table check that none is missing"
        if table is not None:
            return "down", f"{self._push_failure}; {table}"
        if not self._answered:
            return "down", f"{self._push_failure}; the table has not answered yet"
        return "poll", f"{self._push_failure}: the table is polled" if self.alone else self._push_failure
