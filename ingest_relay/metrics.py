"""What one invocation did, as metrics for CloudWatch: one line on standard output, in the Embedded Metric Format.

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
    """One entry of the catalogue."""

    name: str
    unit: Literal["Count", "Bytes", "Milliseconds"]
    """One of CloudWatch's, as it spells them."""
    meaning: str
    published: bool = False
    """Whether it is a metric in CloudWatch, for a price each month; the others are members of the same line, free, for
    Logs Insights."""


CATALOGUE: Final = (
    Metric("relay_records", "Count", "stream records of a batch", published=True),
    Metric("relay_changes", "Count", "changes that were published"),
    Metric("relay_messages", "Count", "messages that those were", published=True),
    Metric("relay_bytes", "Bytes", "the messages' bodies in all"),
    Metric("relay_requests", "Count", "PublishBatch calls"),
    Metric("relay_rejected", "Count", "records sent to the failure queue", published=True),
    Metric("relay_returned", "Count", "records given back, which Lambda delivers again", published=True),
    Metric("relay_canaries", "Count", "canaries that were published", published=True),
    Metric("relay_duration", "Milliseconds", "how long the batch took"),
)
"""All that an invocation counts; docs/operations.md shows the same, and a test keeps the two in step."""
PUBLISHED: Final = frozenset(metric.name for metric in CATALOGUE if metric.published)
"""What a dashboard or an alarm may name, beside the streamer's."""


class Metrics(Protocol):
    """Takes what an invocation counted."""

    def say(self, counts: Mapping[str, float]) -> None:
        """Once at an invocation's end, by the names of the catalogue; what is left out is 0. Never raises."""


class NoMetrics:
    """Keeps nothing."""

    def say(self, counts: Mapping[str, float]) -> None:
        """See Metrics."""


class EmfMetrics:
    """Lines on standard output, which Lambda passes to CloudWatch."""

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

    def say(self, counts: Mapping[str, float]) -> None:
        """See Metrics."""
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
    except OSError:  # a batch that is done is not done again for want of a line
        return
