"""Where changes come from now: a state machine that hears what the intake reports and names the mode.

Pure. What is known is kept as facts; `_judged` alone makes a mode of them, so that a new source or a new proof is a new
fact and a new line there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from streamer.intake.signals import LeaseFailed, LeaseGone, LeaseTaken, Polled, PollFailed, Signal

Mode = Literal["push", "down"]
"""`push`: changes come through our queue. `down`: they do not come."""

PATIENCE: Final = 10_000
"""Milliseconds of failing polls that are borne before the mode changes."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of mode."""

    mode: Mode
    before: Mode
    reason: str
    """Plain words, safe to show to everybody."""
    at_ms: int


class Failover:
    """Decides the mode from signals, in the order in which they were given."""

    def __init__(self, now_ms: int) -> None:
        self.mode: Mode = "down"
        self.reason = "starting: no queue yet"
        """Why the mode is what it is now; it can change while the mode does not."""
        self.since_ms = now_ms
        """When the mode last changed."""
        self._leased = False
        self._proven = False
        self._failing_since: int | None = None
        self._trouble = self.reason

    def hear(self, signal: Signal, now_ms: int) -> Switch | None:
        """Takes in one signal and returns the change of mode that follows from it, if one does."""
        match signal:
            case LeaseTaken():
                self._forget(leased=True, trouble="the queue has not answered yet")
            case LeaseFailed(error):
                self._forget(leased=False, trouble=f"no queue could be had ({error})")
            case LeaseGone(error):
                self._forget(leased=False, trouble=f"the queue was lost ({error})")
            case Polled():
                self._proven = True
                self._failing_since = None
            case PollFailed(error):
                self._trouble = f"receiving fails ({error})"
                self._failing_since = now_ms if self._failing_since is None else self._failing_since
                if now_ms - self._failing_since >= PATIENCE:
                    self._proven = False
        before = self.mode
        self.mode, self.reason = self._judged()
        if self.mode == before:
            return None
        self.since_ms = now_ms
        return Switch(self.mode, before, self.reason, now_ms)

    def _judged(self) -> tuple[Mode, str]:
        if self._leased and self._proven:
            return "push", "the queue answers"
        return "down", self._trouble

    def _forget(self, *, leased: bool, trouble: str) -> None:
        self._leased = leased
        self._proven = False
        self._failing_since = None
        self._trouble = trouble
