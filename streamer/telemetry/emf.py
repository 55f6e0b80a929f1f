"""Metrics as lines that CloudWatch Logs reads metrics from. Pure.

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
"""The only one: what is said by container, queue or stream would be a metric, and a price, for each of them."""
MOST_METRICS: Final = 100
"""Metrics that one directive may declare."""

_METRICS: Final = {metric.name: metric for metric in CATALOGUE}


def encode(
    values: Mapping[str, float | Samples], *, deployment: str, at_ms: int, most: int = MOST_METRICS
) -> list[str]:
    """The lines for values by the names of the catalogue: one, or more where more than `most` are published. What is
    not published is a plain member of the first. `at_ms`: Unix milliseconds. KeyError for a name that is unknown."""
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
