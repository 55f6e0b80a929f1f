"""When a command ends by itself."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.tools.terminal.quantities import seconds


@dataclass(frozen=True, slots=True)
class EndLimits:
    """A number of seconds and a number of lines or events; None for no limit."""

    seconds: float | None = None
    count: int | None = None

    @property
    def endless(self) -> bool:
        """Whether only a person ends the command."""
        return self.seconds is None and self.count is None

    def reached(self, count: int) -> bool:
        """Whether there are as many lines or events as were wanted."""
        return self.count is not None and count >= self.count


def read_limits(lasting: str | None, count: int | None) -> EndLimits:
    """The options `--for` and `--count`. Raises UsageError."""
    return EndLimits(None if lasting is None else seconds("--for", lasting), count)
