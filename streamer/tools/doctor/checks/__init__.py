"""The checks: each takes the evidence and returns one finding. Pure. None raises, whatever the evidence lacks."""

from collections.abc import Callable
from typing import Final

from streamer.tools.doctor.checks import places, response, service, timing, transport
from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.finding import Finding

Check = Callable[[Evidence], Finding]

OURS: Final[tuple[Check, ...]] = (
    transport.name, transport.tls, transport.http2, response.content_type, response.compression, timing.buffering,
    timing.idle, response.framing, response.headers, response.cors, places.resume, places.reset, service.limit,
    service.closing, timing.clock, timing.delay, service.mode, service.identity, service.rest,
)  # fmt: skip
"""For our service."""
ANY: Final[tuple[Check, ...]] = (
    transport.name, transport.tls, transport.http2, response.content_type, response.charset, response.compression,
    timing.any_buffering, timing.keepalive, response.framing, response.caching, response.cors, places.any_ids,
    places.any_retry, places.any_resume,
)  # fmt: skip
"""For any server: the SSE standard and good practice."""


def judge(seen: Evidence, *, any_server: bool) -> list[Finding]:
    """Returns the finding of each check, in the order of the report."""
    return [check(seen) for check in (ANY if any_server else OURS)]
