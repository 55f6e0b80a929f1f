"""Encodes the metrics of one container in the text formats of Prometheus. Pure.

https://prometheus.io/docs/instrumenting/exposition_formats/
https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from streamer.telemetry.catalogue import COUNTERS, GAUGES, HOPS, Metric
from streamer.telemetry.histogram import BOUNDS_MS, Histogram

PREFIX: Final = "sentiment_streamer_"
TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
BUILD: Final = f"{PREFIX}build"
"""An info metric with the version of the service."""

_UNITS: Final = {"Seconds": "seconds", "Milliseconds": "seconds", "Bytes": "bytes", "Count": ""}


@dataclass(frozen=True, slots=True)
class Values:
    """The current values of one container, by the names of the catalogue."""

    counters: Mapping[str, int]
    """Since start."""
    gauges: Mapping[str, float | None]
    """None: unknown now, left out."""
    histograms: Mapping[str, Histogram]
    version: str


def family(metric: Metric) -> str:
    """Returns the name of the metric's family: with the prefix, and the unit at its end (seconds for milliseconds)."""
    unit = _UNITS[metric.unit]
    if not unit:
        return f"{PREFIX}{metric.name}"
    parts = [part for part in metric.name.split("_") if part != unit]
    return f"{PREFIX}{'_'.join(parts)}_{unit}"


def encode(values: Values, *, openmetrics: bool = False) -> str:
    """Returns the text: the gauges, the counters and the histograms in the order of the catalogue."""
    lines = list(_info(values.version, openmetrics))
    for metric in GAUGES:
        name, value = family(metric), values.gauges[metric.name]
        lines += _head(name, "gauge", metric, openmetrics)
        if value is not None:
            lines.append(f"{name} {_number(value)}")
    for metric in COUNTERS:
        name = family(metric)
        # The text format names the sample in HELP and TYPE, OpenMetrics the family.
        lines += _head(name if openmetrics else f"{name}_total", "counter", metric, openmetrics)
        lines.append(f"{name}_total {values.counters[metric.name]}")
    for metric in HOPS:
        name = family(metric)
        lines += _head(name, "histogram", metric, openmetrics)
        lines += _buckets(name, values.histograms[metric.name])
    if openmetrics:
        lines.append("# EOF")
    return "\n".join(lines) + "\n"


def _info(version: str, openmetrics: bool) -> Iterator[str]:
    yield f"# HELP {BUILD if openmetrics else BUILD + '_info'} version of the service"
    yield f"# TYPE {BUILD} info" if openmetrics else f"# TYPE {BUILD}_info gauge"
    yield f'{BUILD}_info{{version="{_escaped(version, quotes=True)}"}} 1'


def _head(name: str, kind: str, metric: Metric, openmetrics: bool) -> Iterable[str]:
    unit = _UNITS[metric.unit]
    yield f"# HELP {name} {_escaped(metric.meaning, quotes=openmetrics)}"
    yield f"# TYPE {name} {kind}"
    if openmetrics and unit:
        yield f"# UNIT {name} {unit}"


def _buckets(name: str, histogram: Histogram) -> Iterator[str]:
    *counts, total = histogram.cumulative()
    for bound, count in zip(BOUNDS_MS, counts, strict=True):
        yield f'{name}_bucket{{le="{bound / 1000}"}} {count}'
    yield f'{name}_bucket{{le="+Inf"}} {total}'
    yield f"{name}_sum {_number(histogram.sum_ms / 1000)}"
    yield f"{name}_count {total}"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(round(value, 6))


def _escaped(text: str, *, quotes: bool) -> str:
    """`quotes`: also those, as in a label's value and in OpenMetrics' HELP."""
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quotes else escaped
