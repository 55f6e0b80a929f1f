"""boto3 clients of the embedded AWS, whatever the environment and the user's own AWS configuration say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

from streamer.local.resources import aws_environment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

_CONFIG: Final = Config(
    # The first call may wait in the listener's backlog until moto has loaded: longer than any call later.
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 3},
    # Without this, botocore would send loopback addresses through a proxy that the environment names.
    proxies={},
)


class Clients:
    """Makes clients of one endpoint. A client may be used by one thread at a time or several."""

    def __init__(self, endpoint_url: str) -> None:
        environment = aws_environment(endpoint_url)
        self._endpoint_url = endpoint_url
        self._session = boto3.session.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )

    def dynamodb(self) -> DynamoDBClient:
        """The tables."""
        return self._session.client("dynamodb", endpoint_url=self._endpoint_url, config=_CONFIG)

    def streams(self) -> DynamoDBStreamsClient:
        """The tables' streams."""
        return self._session.client("dynamodbstreams", endpoint_url=self._endpoint_url, config=_CONFIG)

    def sns(self) -> SNSClient:
        """The topic."""
        return self._session.client("sns", endpoint_url=self._endpoint_url, config=_CONFIG)

    def sqs(self) -> SQSClient:
        """The queues."""
        return self._session.client("sqs", endpoint_url=self._endpoint_url, config=_CONFIG)
