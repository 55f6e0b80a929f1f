"""What all probes saw. It is filled in while they run, so that a part of it can be judged at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from streamer.tools.doctor.seen import Reply, ResponseHead, StreamLog
from streamer.tools.doctor.url import StreamUrl


@dataclass(slots=True)
class NameLookup:
    """The resolution of the host's name."""

    addresses: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""


@dataclass(slots=True)
class Handshake:
    """A TLS handshake with verification, which offers h2 and http/1.1."""

    version: str = ""
    alpn: str = ""
    """The protocol that the server chose; empty: none."""
    issuer: str = ""
    expires: float | None = None
    """Unix seconds."""
    wall: float = 0.0
    error: str = ""
    untrusted: bool = False
    """The certificate was refused; the error says why."""


@dataclass(slots=True)
class LoadSeen:
    """Streams opened until the service refused one."""

    opened: int = 0
    most: int = 0
    refusal: Reply | None = None
    waiting: StreamLog | None = None
    """A stream with `on_full=wait`, opened after the refusal."""


@dataclass(slots=True)
class Evidence:
    """`None`, or a log without a request: not probed."""

    url: StreamUrl
    origin: str = ""
    quiet_seconds: float = 40.0
    with_load: bool = False
    with_lifetime: bool = False
    named_user: bool = False
    """The caller's own headers identify a user."""
    names: NameLookup | None = None
    handshake: Handshake | None = None
    connection_error: str = ""
    """Why no connection could be opened."""
    main: StreamLog = field(default_factory=StreamLog)
    """Open the whole time; begins with the events of the last minute."""
    quiet: StreamLog = field(default_factory=StreamLog)
    """A filter without events."""
    before: StreamLog = field(default_factory=StreamLog)
    """A second stream, cut by us."""
    after: StreamLog = field(default_factory=StreamLog)
    """Its continuation."""
    malformed: StreamLog = field(default_factory=StreamLog)
    encoded: StreamLog = field(default_factory=StreamLog)
    """Asked with the Accept-Encoding of a browser."""
    beside: StreamLog = field(default_factory=StreamLog)
    """Continues at the place of the snapshot."""
    lasting: StreamLog = field(default_factory=StreamLog)
    """Open until the service ends it."""
    status: Reply | None = None
    snapshot: Reply | None = None
    preflight: Reply | None = None
    anonymous: Reply | None = None
    forged: Reply | None = None
    load: LoadSeen | None = None
    stalled: float = 0.0
    """The longest time in seconds for which this process itself did not run."""

    @property
    def on_this_machine(self) -> bool:
        """Whether the service's address, or that of the proxy before it, is loopback."""
        addresses = () if self.names is None else self.names.addresses
        return self.url.is_loopback or (bool(addresses) and all(ip_address(each).is_loopback for each in addresses))

    @property
    def grace(self) -> float:
        """Seconds at the end of a stream in which an event may have come to one of two streams only."""
        return min(1.5, self.quiet_seconds / 8)

    def heads(self) -> list[ResponseHead]:
        """Returns all heads that came, streams first."""
        logs = (self.main, self.quiet, self.encoded, self.before, self.after, self.malformed)
        replies = (self.status, self.snapshot, self.anonymous, self.preflight)
        found = [log.head for log in logs] + [None if reply is None else reply.head for reply in replies]
        return [head for head in found if head is not None]
