"""Traces calls of an invocation in the trace that Lambda began."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Tracing(Protocol):
    """Records spans. An exception marks the span as failed; the exception itself is not recorded."""

    def span(self, name: str, trace: str | None, **notes: int) -> AbstractContextManager[None]:
        """Begins a subsegment. `trace`: the X-Ray header of the invocation, which has the sampling decision."""


class NoTracing:
    """Records nothing."""

    def span(self, name: str, trace: str | None, **notes: int) -> AbstractContextManager[None]:
        return nullcontext()
