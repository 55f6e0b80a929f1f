"""The resources of the embedded AWS, as a value, an environment, or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
"""moto's default account; it is part of every ARN."""
_CREDENTIAL: Final = "local"
"""moto accepts any key; a real account must not accept this one."""


@dataclass(frozen=True, slots=True)
class Resources:
    """Names and addresses of what `provision` created."""

    endpoint_url: str
    sentiment_table: str
    sentiment_stream_arn: str
    users_table: str
    users_stream_arn: str
    topic_arn: str
    failure_queue_url: str

    def environment(self) -> dict[str, str]:
        """The environment of the relay and of `streamer serve`, credentials and endpoint included."""
        return aws_environment(self.endpoint_url) | {
            "SENTIMENT_TABLE": self.sentiment_table,
            "USERS_TABLE": self.users_table,
            "CHANGES_TOPIC_ARN": self.topic_arn,
            "FAILURE_QUEUE_URL": self.failure_queue_url,
        }

    def to_json(self) -> dict[str, str]:
        """As an object of strings that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, str]) -> Resources:
        """Reads what `to_json` wrote. Raises TypeError for a missing or unknown field."""
        return cls(**fields)


def aws_environment(endpoint_url: str) -> dict[str, str]:
    """What boto3 needs to talk to the embedded AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": _CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": _CREDENTIAL,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }
