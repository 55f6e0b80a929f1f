"""When a tail ends by itself."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.tools.ending import DONE

MISSED = 3
"""Exit code: what was waited for did not come in time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """After so many seconds, after so many events; None for no limit."""

    seconds: float | None = None
    count: int | None = None

    @property
    def endless(self) -> bool:
        """Whether only a person ends it."""
        return self.seconds is None and self.count is None

    def reached(self, events: int) -> bool:
        """Whether so many events are enough."""
        return self.count is not None and events >= self.count

    def code_when_over(self, events: int) -> int:
        """The exit code when the time is over after so many events."""
        return DONE if events >= (self.count or 1) else MISSED
