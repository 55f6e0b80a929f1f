"""Traces of messages and requests."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from streamer.errors import SettingsError
from streamer.extras import missing

_ROOT: Final = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT: Final = re.compile(r"[0-9a-f]{16}")
_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LONGEST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Trace:
    """The content of an X-Ray tracing header.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    """

    root: str
    parent: str | None
    sampled: bool | None
    """Whether the trace is recorded; None if that is not decided yet."""


def read_trace(header: str | None) -> Trace | None:
    """Parses a header such as `Root=1-…;Parent=…;Sampled=1`; None if it is missing or malformed."""
    if not header or len(header) > _LONGEST:
        return None
    members = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    root, parent = members.get("Root", ""), members.get("Parent")
    if not _ROOT.fullmatch(root) or (parent is not None and not _PARENT.fullmatch(parent)):
        return None
    return Trace(root, parent, {"0": False, "1": True}.get(members.get("Sampled", "")))


def read_traceparent(header: str | None) -> Trace | None:
    """Parses a W3C header such as `00-…-…-01`; None if it is missing or malformed. The root is in X-Ray's format.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    match = _TRACEPARENT.fullmatch(header) if header and len(header) <= _LONGEST else None
    if match is None:
        return None
    version, root, parent, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or not int(root, 16) or not int(parent, 16):
        return None
    return Trace(f"1-{root[:8]}-{root[8:]}", parent, bool(int(flags, 16) & 1))


class Span(Protocol):
    """A unit of work. Must not contain ids of users, items or streams."""

    def note(self, **notes: str | int) -> None:
        """Adds annotations, which X-Ray indexes for searches."""

    def answered(self, method: str, route: str, status: int) -> None:
        """Adds the response to a request. `route`: the path template, without parameter values."""


class Tracing(Protocol):
    """Records spans. A span is sent after its context ends; a missing daemon or collector is no error. An exception
    marks the span as failed. Used in the event loop, never blocks it; spans may overlap.

    `header` is X-Ray's tracing header of the message or request, `traceparent` that of the W3C."""

    def message(self, header: str | None, traceparent: str | None = None) -> AbstractContextManager[Span]:
        """Begins a span for a queue message. It is recorded only if the message's trace is recorded."""

    def request(self, header: str | None, traceparent: str | None = None) -> AbstractContextManager[Span]:
        """Begins a span for a request."""

    async def end(self) -> None:
        """Sends what is not sent yet. Takes at most some seconds."""


class _NoSpan:
    def note(self, **notes: str | int) -> None:
        pass

    def answered(self, method: str, route: str, status: int) -> None:
        pass


NO_SPAN: Final[Span] = _NoSpan()
"""A span that is not recorded."""
UNRECORDED: Final[AbstractContextManager[Span]] = nullcontext(NO_SPAN)


class NoTracing:
    """Records nothing."""

    def message(self, header: str | None, traceparent: str | None = None) -> AbstractContextManager[Span]:
        return UNRECORDED

    def request(self, header: str | None, traceparent: str | None = None) -> AbstractContextManager[Span]:
        return UNRECORDED

    async def end(self) -> None:
        pass


def build(kind: Literal["none", "xray", "otlp"], deployment: str, *, in_lambda: bool) -> Tracing:
    """Returns the tracing for the settings. Raises SettingsError if the daemon's address is malformed, or for `otlp` if
    its extra is missing or the process is a Lambda function, which would be frozen before it sends."""
    if kind == "none":
        return NoTracing()
    if kind == "otlp":
        flaw = "not in Lambda, whose functions are frozen between requests; use xray" if in_lambda else missing("otlp")
        if flaw:
            raise SettingsError([f"TRACING=otlp: {flaw}"])
        from streamer.telemetry.otlp import Otlp

        return Otlp(f"{deployment}-streamer")
    from streamer.telemetry.xray import XRay

    return XRay(f"{deployment}-streamer", in_lambda=in_lambda)
