"""boto3 clients of DynamoDB, DynamoDB Streams, SNS and SQS for the demo and the commands."""

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
    # The first call can wait in the listen backlog until moto has loaded.
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 3},
    # Otherwise botocore would use the environment's proxy for loopback too.
    proxies={},
)


class BotoClients:
    """Creates clients of one session. Clients are thread-safe."""

    def __init__(self, session: boto3.session.Session, config: Config, endpoint_url: str | None = None) -> None:
        self._session = session
        self._config = config
        self._endpoint_url = endpoint_url

    def dynamodb(self) -> DynamoDBClient:
        return cast("DynamoDBClient", self._client("dynamodb"))

    def streams(self) -> DynamoDBStreamsClient:
        return cast("DynamoDBStreamsClient", self._client("dynamodbstreams"))

    def sns(self) -> SNSClient:
        return cast("SNSClient", self._client("sns"))

    def sqs(self) -> SQSClient:
        return cast("SQSClient", self._client("sqs"))

    def _client(self, service: Any) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint_url, config=self._config)


class LocalClients(BotoClients):
    """Clients of the embedded AWS. They ignore the environment and the user's AWS configuration."""

    def __init__(self, endpoint_url: str) -> None:
        environment = aws_environment(endpoint_url)
        session = boto3.session.Session(
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_REGION"],
        )
        super().__init__(session, _CONFIG, endpoint_url)
