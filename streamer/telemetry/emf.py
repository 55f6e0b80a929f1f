"""Encodes metrics in CloudWatch's Embedded Metric Format. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from streamer.telemetry.catalogue import CATALOGUE, Metric
from streamer.telemetry.distribution import Samples

NAMESPACE: Final = "SentimentStreamer"
DIMENSION: Final = "Deployment"
"""The only dimension. CloudWatch bills each dimension value (of containers, queues, streams) as a metric."""
MAX_METRICS: Final = 100
"""Maximum number of metrics in one directive."""

_METRICS: Final = {metric.name: metric for metric in CATALOGUE}


def encode(values: Mapping[str, float | Samples], *, deployment: str, at_ms: int, most: int = MAX_METRICS) -> list[str]:
    """Returns one line, or several for more than `most` published metrics. The first line has the other metrics too.

    `values`: by the names of the catalogue. `at_ms`: Unix milliseconds. Raises KeyError for an unknown name.
    """
    metrics = [_METRICS[name] for name in values]
    published = [metric for metric in metrics if metric.published]
    plain = [metric.name for metric in metrics if not metric.published]
    parts = [published[start : start + most] for start in range(0, len(published), most)] or [[]]
    return [
        _line(part, [*(plain if place == 0 else ()), *(metric.name for metric in part)], values, deployment, at_ms)
        for place, part in enumerate(parts)
    ]


def _line(
    declared: Sequence[Metric],
    members: Sequence[str],
    values: Mapping[str, float | Samples],
    deployment: str,
    at_ms: int,
) -> str:
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in declared],
    }
    root: dict[str, object] = {
        "_aws": {"Timestamp": at_ms, "CloudWatchMetrics": [directive] if declared else []},
        DIMENSION: deployment,
    }
    for name in members:
        value = values[name]
        root[name] = value.members() if isinstance(value, Samples) else value
    return json.dumps(root, separators=(",", ":"), allow_nan=False)
