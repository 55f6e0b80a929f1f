"""boto3 clients of the four services that the demo and the commands use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

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


class BotoClients:
    """Makes clients of one session. Any thread may use a client."""

    def __init__(self, session: boto3.session.Session, config: Config, endpoint_url: str | None = None) -> None:
        self._session = session
        self._config = config
        self._endpoint_url = endpoint_url

    def dynamodb(self) -> DynamoDBClient:
        """The tables."""
        return cast("DynamoDBClient", self._client("dynamodb"))

    def streams(self) -> DynamoDBStreamsClient:
        """The tables' streams."""
        return cast("DynamoDBStreamsClient", self._client("dynamodbstreams"))

    def sns(self) -> SNSClient:
        """The topics."""
        return cast("SNSClient", self._client("sns"))

    def sqs(self) -> SQSClient:
        """The queues."""
        return cast("SQSClient", self._client("sqs"))

    def _client(self, service: Any) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint_url, config=self._config)


class LocalClients(BotoClients):
    """Clients of the embedded AWS, whatever the environment and the user's own AWS configuration say."""

    def __init__(self, endpoint_url: str) -> None:
        environment = aws_environment(endpoint_url)
        session = boto3.session.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        super().__init__(session, _CONFIG, endpoint_url)
