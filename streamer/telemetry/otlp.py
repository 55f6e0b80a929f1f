"""Sends spans over OTLP/HTTP with OpenTelemetry's SDK, which only this module imports (the extra `otlp`).

A thread of the SDK sends them in batches, so that the event loop never waits for the collector. The SDK reads its own
variables, such as OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS.
https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from streamer import __version__
from streamer.errors import SettingsError
from streamer.telemetry.tracing import UNRECORDED, Span, Trace, read_trace, read_traceparent

if TYPE_CHECKING:
    from opentelemetry import trace as api
    from opentelemetry.context import Context

_SHARE: Final = 0.05  # of the requests that are not the first of a second; as aws-xray-sdk's local rule
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_END_TIMEOUT: Final = 2.0  # seconds for the last batch


class Otlp:
    """Sends spans to a collector.

    A message's span continues the relay's trace, if that is recorded. A client's header can disable sampling of a
    request, but not request it: as with X-Ray, the first request of each second is recorded, and 5 % of the others.
    The same holds for messages without a trace, such as those of a relay outside Lambda.
    """

    def __init__(self, service: str) -> None:
        """`service`: the resource's `service.name`, unless OTEL_SERVICE_NAME has one.

        Raises SettingsError for a variable that the SDK refuses, and for an endpoint that is no URL, with which the SDK
        would lose each span silently.
        """
        flaws = [flaw for name in _ENDPOINTS if (flaw := _endpoint_flaw(name, os.environ.get(name, "")))]
        if flaws:
            raise SettingsError(flaws)
        # The SDK logs a traceback for each batch that it cannot send.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        try:  # some variables are read when the SDK is imported
            from opentelemetry import context, trace
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ALWAYS_ON

            resource = Resource.create(
                {"service.name": os.environ.get("OTEL_SERVICE_NAME") or service, "service.version": __version__}
            )
            self._provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        except ValueError as error:
            raise SettingsError([f"TRACING=otlp: a variable OTEL_… is refused: {error}"]) from None
        self._tracer = self._provider.get_tracer("streamer", __version__)
        self._api, self._context = trace, context.Context
        self._second = -1

    def message(self, header: str | None, traceparent: str | None = None) -> AbstractContextManager[Span]:
        trace = read_traceparent(traceparent) or read_trace(header)
        recorded = self._chosen() if trace is None else bool(trace.sampled)
        return self._span(trace, "message") if recorded else UNRECORDED

    def request(self, header: str | None, traceparent: str | None = None) -> AbstractContextManager[Span]:
        trace = read_traceparent(traceparent) or read_trace(header)
        if (trace is not None and trace.sampled is False) or not self._chosen():
            return UNRECORDED
        return self._span(trace, "request")

    async def end(self) -> None:
        """Sends the last spans. A collector that does not answer delays this by at most _END_TIMEOUT."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, _END_TIMEOUT)

    def _chosen(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            return True
        return random.random() < _SHARE  # noqa: S311 - a sample, no secret

    @contextmanager
    def _span(self, trace: Trace | None, kind: str) -> Iterator[Span]:
        api = self._api
        span = self._tracer.start_span(
            kind,
            self._parent(trace),
            kind=api.SpanKind.CONSUMER if kind == "message" else api.SpanKind.SERVER,
            attributes={"kind": kind},
        )
        try:
            yield _Span(span, api.StatusCode.ERROR)
        except BaseException:
            span.set_status(api.StatusCode.ERROR)  # without the exception, whose message may contain ids
            raise
        finally:
            span.end()

    def _parent(self, trace: Trace | None) -> Context:
        """Returns the context of the parent; an empty one begins a trace."""
        empty = self._context()
        if trace is None or trace.parent is None:
            return empty
        api = self._api
        remote = api.SpanContext(
            trace_id=int(trace.root.replace("-", "")[1:], 16),
            span_id=int(trace.parent, 16),
            is_remote=True,
            trace_flags=api.TraceFlags(api.TraceFlags.SAMPLED),
        )
        context: Context = api.set_span_in_context(api.NonRecordingSpan(remote), empty)
        return context


class _Span:
    def __init__(self, span: api.Span, failed: api.StatusCode) -> None:
        self._span = span
        self._failed = failed

    def note(self, **notes: str | int) -> None:
        self._span.set_attributes(notes)

    def answered(self, method: str, route: str, status: int) -> None:
        self._span.update_name(f"{method} {route}")
        # https://opentelemetry.io/docs/specs/semconv/http/http-spans/
        self._span.set_attributes(
            {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        )
        if status >= 500:
            self._span.set_status(self._failed)


def _endpoint_flaw(name: str, value: str) -> str | None:
    try:
        parts = urlsplit(value)
        valid = not value or (parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        valid = False
    return None if valid else f"{name}={value!r}: not a URL; give one such as http://collector:4318"
