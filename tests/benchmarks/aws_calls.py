"""The processor time of the three frequent calls to AWS: boto3 beside `LeanClient`, in turn, against a stub server.

The stub is a process of its own; only the calling thread's processor time counts. Both ways have the same connection,
credentials and answers.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Final
from unittest.mock import patch

from streamer.aws.clients import connect_queue, connect_table

ROUNDS: Final = 5
CALLS: Final = 100
"""In a round, of each way."""
QUEUE: Final = "https://sqs.us-east-1.amazonaws.com/123456789012/sentiment-stream-00000000-0000-0000-0000-000000000000"


def _message(number: int) -> dict[str, Any]:
    return {
        "MessageId": f"00000000-0000-0000-0000-{number:012}",
        "ReceiptHandle": "r" * 180,
        "MD5OfBody": "0" * 32,
        "Body": "x" * 600,
        "Attributes": {"SentTimestamp": "1795359400000", "ApproximateReceiveCount": "1"},
    }


def _item(number: int) -> dict[str, Any]:
    return {
        "source_id": {"S": f"wire:{number}"},
        "timestamp": {"S": "2026-11-22T14:56:40.000Z"},
        "sentiment": {"S": "positive"},
        "score": {"N": "0.37"},
        "confidence": {"N": "0.82"},
        "source": {"S": "wire"},
        "matched_tickers": {"L": [{"S": "AAPL"}, {"S": "MSFT"}]},
    }


ANSWERS: Final[dict[str, Any]] = {
    "ReceiveMessage": {"Messages": [_message(0)]},
    "DeleteMessageBatch": {"Successful": [{"Id": "0"}], "Failed": []},
    "Query": {"Items": [_item(number) for number in range(50)], "Count": 50, "ScannedCount": 50},
}


def _serve(listening: socket.socket) -> None:
    """Answers every request by its operation, until it is killed."""
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    answers = {}
    for operation, answer in ANSWERS.items():
        body = json.dumps(answer).encode()
        head = (
            "HTTP/1.1 200 OK\r\nx-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\n"
            f"Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        answers[operation.encode()] = head.encode() + body
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    came = b""
    while True:
        while b"\r\n\r\n" not in came:
            if not (more := connection.recv(65_536)):
                return
            came += more
        first, _, came = came.partition(b"\r\n\r\n")
        lines = (line.lower().partition(b": ") for line in first.split(b"\r\n")[1:])
        fields = {name: value for name, _, value in lines}
        while len(came) < (length := int(fields[b"content-length"])):
            came += connection.recv(65_536)
        came = came[length:]
        connection.sendall(next(answers[name] for name in answers if name.lower() in fields[b"x-amz-target"]))


@contextmanager
def _stub() -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    process = get_context("fork").Process(target=_serve, args=(listening,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        process.kill()
        process.join()
        listening.close()


def _calls(lean: bool) -> dict[str, Callable[[], Any]]:
    sqs, table = connect_queue(10, lean=lean).sqs, connect_table(lean=lean)
    return {
        "ReceiveMessage, one message": lambda: sqs.receive_message(
            QueueUrl=QUEUE,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=10,
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
        ),
        "DeleteMessageBatch, one message": lambda: sqs.delete_message_batch(
            QueueUrl=QUEUE, Entries=[{"Id": "0", "ReceiptHandle": "r" * 180}]
        ),
        "Query, 50 items": lambda: table.query(
            TableName="sentiment",
            IndexName="by_sentiment",
            KeyConditionExpression="#sentiment = :label AND #timestamp > :since",
            ExpressionAttributeNames={"#sentiment": "sentiment", "#timestamp": "timestamp"},
            ExpressionAttributeValues={":label": {"S": "positive"}, ":since": {"S": "2026-11-22T14:53:40.000Z"}},
        ),
    }


def _took(call: Callable[[], Any]) -> float:
    """Microseconds a call."""
    began = time.thread_time_ns()
    for _ in range(CALLS):
        call()
    return (time.thread_time_ns() - began) / CALLS / 1_000


def main() -> None:
    """Prints the table."""
    if sys.platform == "win32":
        print("not on Windows: the stub is forked")
        return
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "t" * 400,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    print(f"a call to AWS, µs of processor time, median of {ROUNDS} rounds of {CALLS}; aim: half of boto3's")
    print(f"{'':34}{'boto3':>8}{'ours':>8}{'share':>9}")
    with _stub() as url, patch.dict(os.environ, environment | {"AWS_ENDPOINT_URL": url}):
        by_boto3, ours = _calls(False), _calls(True)
        for name in by_boto3:
            both = (by_boto3[name], ours[name])
            assert _same(*(call() for call in both))
            _took(both[0]), _took(both[1])  # warm
            rounds = [tuple(_took(call) for call in both) for _ in range(ROUNDS)]
            slow, quick = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"  {name:32}{slow:8.0f}{quick:8.0f}{quick / slow:8.0%}")


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two answers have the same members, apart from what boto3 adds."""
    one.pop("ResponseMetadata", None)
    other.pop("ResponseMetadata", None)
    return one == other


if __name__ == "__main__":
    main()
