"""Stream records for tests: made to order, or the recorded batches of tests/events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest_relay.record import SENTIMENT, USERS

EVENTS = Path(__file__).parents[2] / "events"
RECORDED = sorted(path.stem for path in EVENTS.glob("*.json"))
TABLES = {"sentiment": SENTIMENT, "users": USERS}
ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/{}/stream/2026-11-22T14:56:57.740"


def recorded(name: str) -> dict[str, Any]:
    """A batch of tests/events, as Lambda hands it over."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def record(
    seq: int = 1,
    *,
    op: str = "INSERT",
    source_id: str = "wire:1",
    table: str = "sentiment",
    new: Mapping[str, Any] | None = None,
    old: Mapping[str, Any] | None = None,
    **body: Any,
) -> dict[str, Any]:
    """A record of a scored item. `new`, `old`: the images' attributes; `body`: overrides of its `dynamodb` member."""
    images = {
        "NewImage": {"sentiment": {"S": "positive"}, "score": {"N": "0.5"}} if new is None and op != "REMOVE" else new,
        "OldImage": old,
    }
    return {
        "eventID": f"{seq:032x}",
        "eventName": op,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1795359360,
            "Keys": {"source_id": {"S": source_id}, "timestamp": {"S": "2026-11-22T14:17:06.330Z"}},
            **{name: dict(image) for name, image in images.items() if image is not None},
            "SequenceNumber": f"{seq:021}",
            "SizeBytes": 100,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        | body,
        "eventSourceARN": ARN.format(table),
    }
