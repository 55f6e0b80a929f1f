"""How long an invocation's calls took, as parts of the trace that Lambda began; and nothing, if nobody asks."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Tracing(Protocol):
    """Records what is done within its context. What fails there is marked as failed, without its words."""

    def span(self, name: str, trace: str | None, **notes: int) -> AbstractContextManager[None]:
        """A subsegment of the invocation. `trace`: its X-Ray header; nothing is recorded unless that says so."""


class NoTracing:
    """Records nothing."""

    def span(self, name: str, trace: str | None, **notes: int) -> AbstractContextManager[None]:
        """See Tracing."""
        return nullcontext()
