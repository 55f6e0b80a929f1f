"""Recorded changes for the tools' tests."""

from __future__ import annotations

from typing import Any

from streamer.change import iso_time
from tests.unit.ingest_relay.stream import record

BEGUN_S = 1_795_359_360


def change(seq: int, *, at: float = 0.0, source_id: str = "wire:1", op: str = "INSERT", **body: Any) -> dict[str, Any]:
    """A record of a scored item, so many seconds after `BEGUN_S` by its writer's own clock."""
    ms = round((BEGUN_S + at) * 1000)
    new = {
        "source_id": {"S": source_id},
        "timestamp": {"S": "2026-11-22T14:17:06.330Z"},
        "sentiment": {"S": "positive"},
        "score": {"N": "0.5"},
        "matched_tickers": {"L": [{"S": "AAPL"}]},
        "updated_at": {"S": iso_time(ms)},
        "article_text": {"S": "never to be seen"},
    }
    return record(
        seq,
        op=op,
        source_id=source_id,
        new=None if op == "REMOVE" else new,
        **({"ApproximateCreationDateTime": ms // 1000} | body),
    )
