"""Writes the metrics of an invocation as one line of the Embedded Metric Format to standard output.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

NAMESPACE: Final = "SentimentStreamer"
DIMENSION: Final = "Deployment"


@dataclass(frozen=True, slots=True)
class Metric:
    """An entry of the catalogue."""

    name: str
    unit: Literal["Count", "Bytes", "Milliseconds"]
    """A unit of CloudWatch."""
    meaning: str
    published: bool = False
    """Whether CloudWatch extracts it as a metric, which has a monthly price. The others are only members of the log
    line, for Logs Insights."""


CATALOGUE: Final = (
    Metric("relay_records", "Count", "stream records received", published=True),
    Metric("relay_changes", "Count", "changes published"),
    Metric("relay_messages", "Count", "messages published", published=True),
    Metric("relay_bytes", "Bytes", "size of the published messages"),
    Metric("relay_requests", "Count", "PublishBatch calls"),
    Metric("relay_rejected", "Count", "records sent to the failure queue", published=True),
    Metric("relay_returned", "Count", "records returned to Lambda, which delivers them again", published=True),
    Metric("relay_canaries", "Count", "canaries published", published=True),
    Metric("relay_duration", "Milliseconds", "duration of the batch"),
)
"""A test compares it with the table in docs/operations.md."""
PUBLISHED: Final = frozenset(metric.name for metric in CATALOGUE if metric.published)
"""Names that a dashboard or an alarm may use, in addition to the streamer's."""


class Metrics(Protocol):
    """Receives the counts of an invocation."""

    def report(self, counts: Mapping[str, float]) -> None:
        """Called once at the end of an invocation. `counts`: by the names of the catalogue; missing counts are 0. Must
        not raise."""


class NoMetrics:
    """Ignores the counts."""

    def report(self, counts: Mapping[str, float]) -> None:
        pass


class EmfMetrics:
    """Writes the counts to standard output, which Lambda sends to CloudWatch."""

    def __init__(
        self,
        deployment: str,
        *,
        write: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`deployment`: the only dimension. `clock`: Unix seconds."""
        self._deployment = deployment
        self._write = write or _to_stdout
        self._clock = clock

    def report(self, counts: Mapping[str, float]) -> None:
        declared = [{"Name": metric.name, "Unit": metric.unit} for metric in CATALOGUE if metric.published]
        directive = {"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": declared}
        line = {
            "_aws": {"Timestamp": int(self._clock() * 1000), "CloudWatchMetrics": [directive]},
            DIMENSION: self._deployment,
            **{metric.name: counts.get(metric.name, 0) for metric in CATALOGUE},
        }
        self._write(json.dumps(line, separators=(",", ":")) + "\n")


def _to_stdout(line: str) -> None:
    try:
        sys.stdout.write(line)
        sys.stdout.flush()
    except OSError:  # the batch must not fail because of a missing line
        return
