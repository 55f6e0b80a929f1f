"""Creates the resources in the embedded AWS that Terraform creates in a real account."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from streamer.local.clients import LocalClients
from streamer.local.resources import Resources
from streamer.local.users import CONFIGURATIONS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import StreamSpecificationTypeDef

VISIBLE: Final = ("matched_tickers", "ticker", "score", "confidence", "source", "updated_at")
"""Attributes of the index in addition to the keys: all that may leave the table. Queries bill whole index items."""

_STREAM: Final[StreamSpecificationTypeDef] = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def provision(endpoint_url: str, *, suffix: str = "") -> Resources:
    """Creates the tables with their streams, the topic, the failure queue and the users, unless they exist.

    `suffix` is appended to each name, so that one embedded AWS can have several sets. Raises botocore's exceptions.
    """
    clients = LocalClients(endpoint_url)
    dynamodb = clients.dynamodb()
    sentiment = f"sentiment{suffix}"
    sentiment_stream = _table(dynamodb, sentiment, ("source_id", "timestamp"), index="sentiment")
    users = f"users{suffix}"
    users_stream = _table(dynamodb, users, ("PK", "SK"))
    _expire(dynamodb, sentiment)
    for configuration in CONFIGURATIONS:
        _seed(dynamodb, users, configuration.item())
    queue = clients.sqs().create_queue(
        QueueName=f"sentiment-relay-failures{suffix}",
        Attributes={"MessageRetentionPeriod": str(14 * 24 * 3600), "SqsManagedSseEnabled": "true"},
    )
    topic = clients.sns().create_topic(Name=f"sentiment-changes{suffix}")
    return Resources(
        endpoint_url=endpoint_url,
        sentiment_table=sentiment,
        sentiment_stream_arn=sentiment_stream,
        users_table=users,
        users_stream_arn=users_stream,
        topic_arn=topic["TopicArn"],
        failure_queue_url=queue["QueueUrl"],
    )


def _table(dynamodb: DynamoDBClient, name: str, keys: tuple[str, str], index: str | None = None) -> str:
    """Creates the table unless it exists, and returns the ARN of its stream."""
    names = (*keys, index) if index else keys
    optional: dict[str, Any] = {}
    if index:
        optional["GlobalSecondaryIndexes"] = [
            {
                "IndexName": f"by_{index}",
                "KeySchema": _key_schema(index, keys[1]),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*VISIBLE, "ttl_timestamp"]},
            }
        ]
    with suppress(dynamodb.exceptions.ResourceInUseException):  # the table exists
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in names],
            KeySchema=_key_schema(*keys),
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification=_STREAM,
            **optional,
        )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    return dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"]


def _key_schema(hash_key: str, range_key: str) -> Any:
    return [
        {"AttributeName": hash_key, "KeyType": "HASH"},
        {"AttributeName": range_key, "KeyType": "RANGE"},
    ]


def _expire(dynamodb: DynamoDBClient, table: str) -> None:
    # UpdateTimeToLive raises ValidationException if TTL is already enabled.
    state = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if state.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl_timestamp"},
        )


def _seed(dynamodb: DynamoDBClient, table: str, item: dict[str, Any]) -> None:
    with suppress(dynamodb.exceptions.ConditionalCheckFailedException):  # keep a user's later changes
        dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(PK)")
