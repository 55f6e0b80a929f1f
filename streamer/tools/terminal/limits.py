"""The options `--for` and `--count`, which end a command."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.tools.terminal.quantities import seconds


@dataclass(frozen=True, slots=True)
class EndLimits:
    """Limits of duration (seconds) and of lines or events; None for no limit."""

    seconds: float | None = None
    count: int | None = None

    @property
    def endless(self) -> bool:
        """Whether there is no limit."""
        return self.seconds is None and self.count is None

    def reached(self, count: int) -> bool:
        """Returns whether `count` lines or events reach the limit."""
        return self.count is not None and count >= self.count


def read_limits(lasting: str | None, count: int | None) -> EndLimits:
    """Parses `--for` and `--count`. Raises UsageError."""
    return EndLimits(None if lasting is None else seconds("--for", lasting), count)
