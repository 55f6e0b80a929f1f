"""Traces calls of an invocation in the trace that Lambda began."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

_ROOT: Final = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})")
_PARENT: Final = re.compile(r"[0-9a-f]{16}")


def traceparent(trace: str | None) -> str | None:
    """Returns an X-Ray header with a root, a parent and a decision as a W3C header; None for any other.

    X-Ray's ids are those of the W3C: the root without its version and dashes is the trace id.
    https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-traceids
    """
    header = dict(part.strip().partition("=")[::2] for part in (trace or "").split(";"))
    root, parent, sampled = _ROOT.fullmatch(header.get("Root", "")), header.get("Parent", ""), header.get("Sampled")
    if root is None or not _PARENT.fullmatch(parent) or sampled not in ("0", "1"):
        return None
    return f"00-{root[1]}{root[2]}-{parent}-0{sampled}"


class Tracing(Protocol):
    """Records spans. An exception marks the span as failed; the exception itself is not recorded."""

    def span(self, name: str, trace: str | None, **notes: int) -> AbstractContextManager[None]:
        """Begins a subsegment. `trace`: the X-Ray header of the invocation, which has the sampling decision."""


class NoTracing:
    """Records nothing."""

    def span(self, name: str, trace: str | None, **notes: int) -> AbstractContextManager[None]:
        return nullcontext()
