"""Who took how long for what, message by message and request by request; and nobody, if nobody asks."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final, Literal, Protocol

_ROOT: Final = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT: Final = re.compile(r"[0-9a-f]{16}")
_LONGEST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Trace:
    """What a tracing header says: of which trace this is a part, and whether that is recorded.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    """

    root: str
    parent: str | None
    sampled: bool | None
    """None: nobody has decided."""


def read_trace(header: str | None) -> Trace | None:
    """The trace that `Root=1-…;Parent=…;Sampled=1` names; None if it names none, as a malformed one does."""
    if not header or len(header) > _LONGEST:
        return None
    said = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    root, parent = said.get("Root", ""), said.get("Parent")
    if not _ROOT.fullmatch(root) or (parent is not None and not _PARENT.fullmatch(parent)):
        return None
    return Trace(root, parent, {"0": False, "1": True}.get(said.get("Sampled", "")))


class Span(Protocol):
    """One piece of work while it lasts. Nothing that names a person, an item or a stream belongs in it."""

    def note(self, **notes: str | int) -> None:
        """Adds what somebody may search for later."""

    def answered(self, method: str, route: str, status: int) -> None:
        """How a request was answered. `route` is the template, with the names of what varies."""


class Tracing(Protocol):
    """Records spans. A span is said when its context ends, by a datagram that nobody has to receive; an exception marks
    it as failed, without its words. For the event loop, and any number of spans at once."""

    def message(self, header: str | None) -> AbstractContextManager[Span]:
        """The step of the hub that one message makes: said only if the message's trace is recorded."""

    def request(self, header: str | None) -> AbstractContextManager[Span]:
        """One request; `header` as it came, if it did."""


class _NoSpan:
    def note(self, **notes: str | int) -> None:
        """See Span."""

    def answered(self, method: str, route: str, status: int) -> None:
        """See Span."""


NO_SPAN: Final[Span] = _NoSpan()
"""Of what is not recorded."""
UNRECORDED: Final[AbstractContextManager[Span]] = nullcontext(NO_SPAN)


class NoTracing:
    """Records nothing."""

    def message(self, header: str | None) -> AbstractContextManager[Span]:
        """See Tracing."""
        return UNRECORDED

    def request(self, header: str | None) -> AbstractContextManager[Span]:
        """See Tracing."""
        return UNRECORDED


def build(kind: Literal["none", "xray"], deployment: str, *, in_lambda: bool) -> Tracing:
    """The way that the settings name. Raises SettingsError if the daemon's address is none."""
    if kind == "none":
        return NoTracing()
    from streamer.telemetry.xray import XRay

    return XRay(f"{deployment}-streamer", in_lambda=in_lambda)
