"""boto3 clients without retries: the caller decides whether to repeat a call."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT = 2
"""Seconds."""
READ_MARGIN = 5
"""Read timeout in seconds, beyond the wait time of a long poll."""

TABLE_TIMEOUT = 5
"""Read timeout of DynamoDB calls, in seconds."""
_TABLE_CONNECTIONS = 16  # more than the threads that share one client
_QUEUE_CALLS = {"receive_message": "ReceiveMessage", "delete_message_batch": "DeleteMessageBatch"}
_TABLE_CALLS = {"query": "Query"}


class QueueClients(NamedTuple):
    """The clients of a lease."""

    sqs: SQSClient
    sns: SNSClient

    def close(self) -> None:
        """Closes both clients' idle connections. A call in progress continues."""
        self.sqs.close()
        self.sns.close()


def connect_queue(wait_seconds: int, *, lean: bool = True) -> QueueClients:
    """Builds both clients from one session; credentials, region and endpoints come from the environment.

    `wait_seconds` is the wait time of long polls. A call fails within 5 s (SQS: `wait_seconds` more). Raises boto3's
    errors for a wrong configuration. Takes a few hundred milliseconds. `lean`: whether receives and deletes take the
    short way of `LeanClient`, which calls no hooks of boto3.
    """
    from boto3.session import Session
    from botocore.config import Config

    once: Any = {"connect_timeout": CONNECT_TIMEOUT, "retries": {"mode": "standard", "total_max_attempts": 1}}
    core = _session()
    session = Session(botocore_session=core, region_name=_region())
    read_timeout = wait_seconds + READ_MARGIN
    sqs = session.client("sqs", config=Config(read_timeout=read_timeout, **once))
    return QueueClients(
        _lean(core, sqs, _QUEUE_CALLS, "QueueUrl", read_timeout) if lean else sqs,
        session.client("sns", config=Config(read_timeout=READ_MARGIN, **once)),
    )


def connect_table(*, lean: bool = True) -> DynamoDBClient:
    """Builds a client for DynamoDB, as `connect_queue` does. A call fails within 7 s. `lean`: as there, for queries."""
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=TABLE_TIMEOUT,
        max_pool_connections=_TABLE_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    core = _session()
    client = Session(botocore_session=core, region_name=_region()).client("dynamodb", config=config)
    return _lean(core, client, _TABLE_CALLS, "TableName", TABLE_TIMEOUT) if lean else client


def _session() -> Any:
    from botocore.session import get_session

    return get_session()


def _lean(core: Any, client: Any, operations: Mapping[str, str], resource: str, read_timeout: float) -> Any:
    """Returns the client with a short way for these operations, or the client itself if it has no credentials.

    `core` is botocore's session, of which the client was made.
    """
    from botocore.httpsession import get_cert_path

    from streamer.aws.connections import Connections
    from streamer.aws.lean import LeanClient

    credentials = core.get_credentials()
    if credentials is None:
        return client
    bundle: Any = core.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True
    connections = Connections(CONNECT_TIMEOUT, read_timeout, str(get_cert_path(bundle)))
    return LeanClient(client, credentials, connections, operations, resource)


def _region() -> str | None:
    """boto3 reads only `AWS_DEFAULT_REGION`; the other SDKs, the CLI and Fargate use `AWS_REGION`. With None, boto3
    searches its usual sources.
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html"""
    return os.environ.get("AWS_REGION") or None


class TableClient:
    """DynamoDB's client, created by the first thread that needs it, which takes a few hundred milliseconds."""

    def __init__(self) -> None:
        self._client: DynamoDBClient | None = None
        self._lock = threading.Lock()

    def __call__(self) -> DynamoDBClient:
        """Returns the client, the same for every thread."""
        with self._lock:
            if self._client is None:
                self._client = connect_table()
            return self._client
