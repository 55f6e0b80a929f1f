"""Traces of an invocation's calls, as parts of the trace that Lambda began."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Tracing(Protocol):
    """Records spans. A span that raises is marked as failed, without the exception."""

    def span(self, name: str, trace: str | None, **notes: int) -> AbstractContextManager[None]:
        """A subsegment of the invocation. `trace`: its X-Ray header, which decides whether it is recorded."""


class NoTracing:
    """Records nothing."""

    def span(self, name: str, trace: str | None, **notes: int) -> AbstractContextManager[None]:
        return nullcontext()
