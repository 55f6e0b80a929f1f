"""The embedded AWS, the event source mapping and the relay, and what is done to them behind everybody's back."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import urlsplit

from boto3.dynamodb.types import TypeDeserializer

from ingest_relay.handler import built_relay, handler
from streamer.change import Key, read_item, version
from streamer.event_source import EventSourceMapping, FailureQueue, StreamSource
from streamer.local.aws import EmbeddedAws
from streamer.local.clients import LocalClients
from streamer.local.provision import provision
from streamer.local.relay import drive
from streamer.local.resources import Resources
from streamer.local.schedule import CanarySchedule
from tests.chaos.shards import Shards

CANARY_EVERY: Final = 5.0
PREFIX: Final = "sentiment-stream"

_DESERIALIZER: Final = TypeDeserializer()

Table = dict[tuple[Key, str], str]
"""The version shown of each item under each ticker."""


class Aws:
    """Everything of the path before the containers."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.shards = Shards(self.relay)
        clients = LocalClients(resources.endpoint_url)
        self.dynamodb = clients.dynamodb()
        self._sqs = clients.sqs()
        self._sns = clients.sns()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the embedded AWS."""
        parts = urlsplit(self.resources.endpoint_url)
        return str(parts.hostname), int(parts.port or 80)

    def queues(self) -> set[str]:
        """The names of the containers' queues."""
        found = self._sqs.list_queues(QueueNamePrefix=f"{PREFIX}-").get("QueueUrls", [])
        return {url.rpartition("/")[2] for url in found}

    def delete_queue(self, name: str) -> None:
        """Deletes a queue. Its subscription goes first: moto publishes to nobody while one leads nowhere."""
        self.remove_subscription(name)
        self._sqs.delete_queue(QueueUrl=self._sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def remove_subscription(self, name: str) -> bool:
        """Removes a queue's subscription; whether there was one."""
        for each in self._sns.list_subscriptions_by_topic(TopicArn=self.resources.topic_arn)["Subscriptions"]:
            if each["Endpoint"].rpartition(":")[2] == name:
                self._sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
                return True
        return False

    def sweep(self) -> int:
        """Removes the subscriptions that lead to no queue, which AWS would shrug at; how many there were."""
        queues, swept = self.queues(), 0
        for each in self._sns.list_subscriptions_by_topic(TopicArn=self.resources.topic_arn)["Subscriptions"]:
            if each["Endpoint"].rpartition(":")[2] not in queues:
                self._sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
                swept += 1
        return swept

    def relay(self, event: dict[str, Any], context: Any) -> object:
        """The relay's handler. Whatever it could not publish it tries again once moto's topic is swept."""
        try:
            answer: object = handler(event, context)
            if not (isinstance(answer, dict) and answer.get("batchItemFailures")):
                return answer
        except Exception:
            if not self.sweep():
                raise
        else:
            self.sweep()
        return handler(event, context)

    def table(self) -> Table:
        """What the table shows now, read consistently: the snapshot of a client that begins anew."""
        found: Table = {}
        request: dict[str, Any] = {"TableName": self.resources.sentiment_table, "ConsistentRead": True}
        while True:
            answer = self.dynamodb.scan(**request)
            for item in answer["Items"]:
                plain = {name: _plain(value) for name, value in item.items()}
                key, state = Key(str(plain["source_id"]), str(plain["timestamp"])), read_item(plain).state
                if state is not None:
                    found |= {(key, ticker): version(key, ticker, state) for ticker in state.tickers}
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


@contextmanager
def running() -> Iterator[Aws]:
    """Starts everything, and ends it."""
    with EmbeddedAws() as embedded:
        resources = provision(embedded.endpoint_url)
        aws = Aws(resources)
        built_relay.cache_clear()
        with patch.dict(os.environ, resources.environment() | {"LOG_LEVEL": "CRITICAL"}):
            built_relay()
        clients = LocalClients(resources.endpoint_url)
        mapping = EventSourceMapping(
            clients.streams(),
            [StreamSource(resources.sentiment_stream_arn)],
            aws.shards,
            destination=FailureQueue(clients.sqs(), resources.failure_queue_url),
        )
        schedule = CanarySchedule(aws.shards, interval=CANARY_EVERY)
        stop = threading.Event()
        thread = threading.Thread(target=drive, args=(mapping, schedule, stop), name="relay", daemon=True)
        thread.start()
        try:
            yield aws
        finally:
            stop.set()
            aws.shards.go()
            thread.join()
            built_relay.cache_clear()


def _plain(value: Any) -> object:
    return _DESERIALIZER.deserialize(value)
