"""Records spans for AWS X-Ray with aws-xray-sdk: its documents, its sampling and its emitter.

Its recorder is not used: it keeps open segments by thread or, for asyncio, in tasks whose factory it replaces, while
here many requests are open at once. Only this module imports the SDK, which takes as long to load as boto3.
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
    """In Lambda the platform decides what is recorded and makes the segment, of which spans are subsegments. Elsewhere
    each span is a segment, and a request without a decision, or with the decision to record, is left to the SDK's local
    rule (the first of each second, and 5 % of the others): a client's header can prevent a record, but not force one.
    """

    def __init__(self, service: str, *, in_lambda: bool) -> None:
        """`service`: the segments' name. Raises SettingsError if AWS_XRAY_DAEMON_ADDRESS is not an address."""
        address = os.environ.get(_ADDRESS, _DEFAULT_ADDRESS)
        if not _ADDRESSES.fullmatch(address):
            raise SettingsError([f"{_ADDRESS}={address!r}: give HOST:PORT, or tcp:HOST:PORT udp:HOST:PORT"])
        # It warns of each missing header, and logs a traceback for each datagram that cannot be sent.
        logging.getLogger("aws_xray_sdk").setLevel(logging.CRITICAL)
        from aws_xray_sdk.core import xray_recorder
        from aws_xray_sdk.core.models.facade_segment import FacadeSegment
        from aws_xray_sdk.core.models.segment import Segment
        from aws_xray_sdk.core.models.subsegment import Subsegment
        from aws_xray_sdk.core.sampling.local.sampler import LocalSampler

        self._emitter: Any = xray_recorder.emitter
        self._emitter.set_daemon_address(_DEFAULT_ADDRESS)  # or what the environment says
        self._service = service
        self._in_lambda = in_lambda
        self._facade, self._segment, self._subsegment = FacadeSegment, Segment, Subsegment
        self._chosen = LocalSampler().should_trace

    def message(self, header: str | None) -> AbstractContextManager[Span]:
        trace = read_trace(header)
        return self._span(trace, "message") if trace is not None and trace.sampled else UNRECORDED

    def request(self, header: str | None) -> AbstractContextManager[Span]:
        trace = read_trace(header)
        if self._in_lambda:
            return self._span(trace, "request") if trace is not None and trace.sampled else UNRECORDED
        if (trace is not None and trace.sampled is False) or not self._chosen():
            return UNRECORDED
        return self._span(trace, "request")

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
