"""The tags of the containers' queues: the service's own, and those of the deployment (`QUEUE_TAGS`).

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html
"""

from __future__ import annotations

import json
import re
from typing import Final

SERVICE_TAG: Final = "service"
TOPIC_TAG: Final = "topic"
HEARTBEAT_TAG: Final = "heartbeat"

_OWN: Final = (SERVICE_TAG, TOPIC_TAG, HEARTBEAT_TAG)
_MOST: Final = 50 - len(_OWN)
_REMEDY: Final = 'give a JSON object of texts such as {"team": "news"}'
_TEXT: Final = re.compile(r"[\w\s.:/=+@-]*")

Tags = tuple[tuple[str, str], ...]


def read_queue_tags(text: str) -> Tags:
    """Parses the setting: pairs of key and value. Raises ValueError with all flaws and the remedy."""
    try:
        tags = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"not JSON; {_REMEDY}") from None
    if not isinstance(tags, dict):
        raise ValueError(f"not a JSON object; {_REMEDY}")
    many = f"has {len(tags)} tags, but a queue takes {_MOST} beside the service's own"
    flaws = [many] if len(tags) > _MOST else []
    flaws += [f"{key!r} {flaw}" for key, value in tags.items() if (flaw := _flaw(key, value))]
    if flaws:
        raise ValueError(f"{', '.join(flaws)}; {_REMEDY}")
    return tuple(tags.items())


def _flaw(key: str, value: object) -> str | None:
    if key in _OWN:
        return "is a tag of the service's own"
    if key.lower().startswith("aws:"):
        return "begins with aws:, which AWS keeps for itself"
    if not 1 <= len(key) <= 128:
        return "does not have 1 to 128 characters"
    if not isinstance(value, str):
        return "has a value that is no text"
    if len(value) > 256:
        return "has a value of more than 256 characters"
    if not (_TEXT.fullmatch(key) and _TEXT.fullmatch(value)):
        return "has other characters than letters, digits, spaces and _ . : / = + - @"
    return None
