"""The relay's cost: records per second of CPU, and SNS requests, beside one Publish per record.

Both ways decode the same recorded batches with the same code. Once the topic is in memory; once boto3's own client
serialises and signs as always, and is answered where the request would go to the network.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from ingest_relay.failures import FailureQueue
from ingest_relay.pack import pack
from ingest_relay.publish import SnsClient, Topic
from ingest_relay.record import to_change
from ingest_relay.relay import Relay
from tests.unit.ingest_relay.fakes import QUEUE_URL, TOPIC_ARN, FakeSns, FakeSqs
from tests.unit.ingest_relay.stream import TABLES, recorded

BURSTS = [recorded(f"burst-three-keys-{part}-of-3")["Records"] for part in (1, 2, 3)]
RECORDS = sum(map(len, BURSTS))


class Counted:
    """Requests and bytes that boto3's SNS client sends, answered before they reach a network."""

    def __init__(self) -> None:
        self.requests = 0
        self.bytes = 0
        self.client = boto3.client(
            "sns", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        answer: Any = self._answer  # the stubs know of no handler that answers
        self.client.meta.events.register("before-send.sns", answer)

    def _answer(self, request: Any, **_: object) -> AWSResponse:
        self.requests += 1
        self.bytes += len(request.body)
        ids = re.findall(r"\.Id=([0-9]+)", request.body)
        action = "PublishBatch" if ids else "Publish"
        members = "".join(f"<member><Id>{number}</Id><MessageId>m</MessageId></member>" for number in ids)
        result = f"<Successful>{members}</Successful><Failed/>" if ids else "<MessageId>m</MessageId>"
        body = f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"
        headers = HTTPHeaders.from_dict({"content-type": "text/xml"})
        return AWSResponse(request.url, 200, headers, _Body(body.encode()))


class _Body:
    """As much of urllib3's response as botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: object, **__: object) -> list[bytes]:
        return [self._content]


def packed(client: SnsClient) -> Callable[[], None]:
    """What the relay does with the bursts."""
    relay = Relay(Topic(client, TOPIC_ARN), FailureQueue(FakeSqs(), QUEUE_URL), TABLES)

    def run() -> None:
        for records in BURSTS:
            assert relay.relay(records).error is None

    return run


def one_by_one(client: SnsClient) -> Callable[[], None]:
    """The same changes, each in a message and a request of its own."""
    topic = Topic(client, TOPIC_ARN)

    def run() -> None:
        for records in BURSTS:
            for position, record in enumerate(records):
                (message,) = pack(
                    [to_change(record, position, TABLES)], relayed_at=time.time_ns() // 1_000_000
                ).messages
                topic.publish_one(message.text)

    return run


def cpu_seconds(run: Callable[[], None], least: float = 1.0) -> tuple[float, int]:
    """The CPU time of one run, measured over at least `least` seconds of it, and how many runs that took."""
    run()
    rounds, began = 0, time.process_time()
    while (used := time.process_time() - began) < least:
        run()
        rounds += 1
    return used / rounds, rounds + 1


def main() -> None:
    """Prints the table. Ratios compare within this run; absolute numbers are this machine's."""
    logging.getLogger("ingest_relay").setLevel(logging.CRITICAL)
    rows = []
    for name, way in (("relay", packed), ("one Publish per record", one_by_one)):
        decoding, _ = cpu_seconds(way(FakeSns()))
        counted = Counted()
        whole, rounds = cpu_seconds(way(counted.client))
        requests = counted.requests / rounds * 1_000 / RECORDS
        rows.append((name, RECORDS / decoding, RECORDS / whole, requests, counted.bytes / rounds / RECORDS))
    print("relay: the recorded bursts (250 changes of three items, in batches of 100, 100 and 50)\n")
    print(f"{'':24}{'records/CPU s':>16}{'with boto3':>14}{'SNS requests':>16}{'bytes':>10}")
    print(f"{'':24}{'topic in memory':>16}{'no network':>14}{'per 1,000':>16}{'a record':>10}")
    for name, decoding_rate, rate, requests, size in rows:
        print(f"{name:24}{decoding_rate:>16,.0f}{rate:>14,.0f}{requests:>16,.0f}{size:>10,.0f}")
    (_, own_fast, own, own_requests, _), (_, other_fast, other, other_requests, _) = rows
    print(
        f"\n{other_requests / own_requests:.0f}× fewer requests (aim: 20×); records per CPU second: "
        f"{own / other:.1f}× with boto3, {own_fast / other_fast:.1f}× without"
    )


if __name__ == "__main__":
    main()
