"""The tables of docs/operations.md, "Metrics". `python -m tests.contract.metric_tables` shows what they are to be."""

from __future__ import annotations

from collections.abc import Iterable

from ingest_relay import metrics as relay
from streamer.telemetry import catalogue as streamer

_HEAD = "| name | unit | in CloudWatch | meaning |\n|---|---|---|---|\n"


def _table(metrics: Iterable[streamer.Metric | relay.Metric]) -> str:
    return _HEAD + "\n".join(
        f"| `{metric.name}` | {metric.unit} | {'yes' if metric.published else 'no'} | {metric.meaning} |"
        for metric in metrics
    )


TABLES = {
    "gauges": _table(streamer.GAUGES),
    "counters": _table(streamer.COUNTERS),
    "lags": _table(streamer.HOPS),
    "relay": _table(relay.CATALOGUE),
    "reaper": _table(streamer.REAPED),
}

if __name__ == "__main__":
    print("\n\n".join(TABLES.values()))  # noqa: T201 - for a person at a terminal
