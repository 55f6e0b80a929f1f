"""The resources of the embedded AWS, also as environment variables and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"
"""moto's default account, a part of each ARN."""
_CREDENTIAL: Final = "local"
"""An invalid access key: moto accepts it, a real account does not."""


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources that `provision` creates."""

    endpoint_url: str
    sentiment_table: str
    sentiment_stream_arn: str
    users_table: str
    users_stream_arn: str
    topic_arn: str
    failure_queue_url: str

    def environment(self) -> dict[str, str]:
        """Returns the environment of the relay and of `streamer serve`, with credentials and endpoint."""
        return aws_environment(self.endpoint_url) | {
            "SENTIMENT_TABLE": self.sentiment_table,
            "USERS_TABLE": self.users_table,
            "CHANGES_TOPIC_ARN": self.topic_arn,
            "FAILURE_QUEUE_URL": self.failure_queue_url,
        }

    def to_json(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, str]) -> Resources:
        """Parses the output of `to_json`. Raises TypeError for a missing or unknown field."""
        return cls(**fields)


def aws_environment(endpoint_url: str) -> dict[str, str]:
    """Returns the environment variables with which boto3 uses the embedded AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": _CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": _CREDENTIAL,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }
