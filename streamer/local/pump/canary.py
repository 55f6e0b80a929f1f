"""The schedule that invokes the relay once a minute.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from streamer.local.resources import ACCOUNT, REGION


def schedule_event(now: float) -> dict[str, Any]:
    """The event that an EventBridge rule sends at `now`, in Unix seconds."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/sentiment-canary"],
        "detail": {},
    }
