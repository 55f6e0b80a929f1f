"""Records spans for AWS X-Ray with the documents, the sampling and the emitter of aws-xray-sdk.

The SDK's recorder is not used, because it keeps the open segments in thread-local storage or replaces asyncio's task
factory. Only this module imports the SDK, which takes as long to load as boto3.
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from streamer.errors import SettingsError
from streamer.telemetry.tracing import NO_SPAN, UNRECORDED, Span, Trace, read_trace

_ADDRESS: Final = "AWS_XRAY_DAEMON_ADDRESS"
_DEFAULT_ADDRESS: Final = "127.0.0.1:2000"
_ADDRESSES: Final = re.compile(
    r"[^\s:]+:\d{1,5}|tcp:[^\s:]+:\d{1,5} udp:[^\s:]+:\d{1,5}|udp:[^\s:]+:\d{1,5} tcp:[^\s:]+:\d{1,5}"
)


class XRay:
    """Sends spans to the X-Ray daemon.

    In Lambda, the platform decides about sampling and makes the segment; spans are its subsegments. Elsewhere each span
    is a segment. A client's header can disable sampling of a request, but not request it: the SDK's local rule decides
    (the first request of each second, and 5 % of the others).
    """

    def __init__(self, service: str, *, in_lambda: bool) -> None:
        """`service`: name of the segments. Raises SettingsError if AWS_XRAY_DAEMON_ADDRESS is malformed."""
        address = os.environ.get(_ADDRESS, _DEFAULT_ADDRESS)
        if not _ADDRESSES.fullmatch(address):
            raise SettingsError(
                [f"{_ADDRESS}={address!r}: not an address; give HOST:PORT, or tcp:HOST:PORT udp:HOST:PORT"]
            )
        # The SDK logs a warning for each missing header and a traceback for each datagram that it cannot send.
        logging.getLogger("aws_xray_sdk").setLevel(logging.CRITICAL)
        from aws_xray_sdk.core import xray_recorder
        from aws_xray_sdk.core.models.facade_segment import FacadeSegment
        from aws_xray_sdk.core.models.segment import Segment
        from aws_xray_sdk.core.models.subsegment import Subsegment
        from aws_xray_sdk.core.sampling.local.sampler import LocalSampler

        self._emitter: Any = xray_recorder.emitter
        self._emitter.set_daemon_address(_DEFAULT_ADDRESS)  # AWS_XRAY_DAEMON_ADDRESS overrides it
        self._service = service
        self._in_lambda = in_lambda
        self._facade, self._segment, self._subsegment = FacadeSegment, Segment, Subsegment
        self._chosen = LocalSampler().should_trace

    def message(self, header: str | None, traceparent: str | None = None) -> AbstractContextManager[Span]:
        trace = read_trace(header)
        return self._span(trace, "message") if trace is not None and trace.sampled else UNRECORDED

    def request(self, header: str | None, traceparent: str | None = None) -> AbstractContextManager[Span]:
        trace = read_trace(header)
        if self._in_lambda:
            return self._span(trace, "request") if trace is not None and trace.sampled else UNRECORDED
        if (trace is not None and trace.sampled is False) or not self._chosen():
            return UNRECORDED
        return self._span(trace, "request")

    async def end(self) -> None:
        pass  # each span was sent when it ended

    @contextmanager
    def _span(self, trace: Trace | None, kind: str) -> Iterator[Span]:
        if self._in_lambda:
            if trace is None or trace.parent is None:
                yield NO_SPAN
                return
            facade = self._facade("facade", trace.parent, trace.root, True)
            entity = self._subsegment(kind, "local", facade)
            entity.parent_id = trace.parent
        else:
            entity = self._segment(self._service, None, trace and trace.root, trace and trace.parent)
        span = _Span(entity)
        span.note(kind=kind)
        try:
            yield span
        except BaseException:
            entity.add_fault_flag()
            raise
        finally:
            entity.close()
            self._emitter.send_entity(entity)


class _Span:
    def __init__(self, entity: Any) -> None:
        self._entity = entity

    def note(self, **notes: str | int) -> None:
        for name, value in notes.items():
            self._entity.put_annotation(name, value)

    def answered(self, method: str, route: str, status: int) -> None:
        self.note(method=method, route=route, status=status)
        self._entity.put_http_meta("method", method)
        self._entity.put_http_meta("status", status)
