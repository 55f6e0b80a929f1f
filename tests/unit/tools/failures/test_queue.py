"""The failure queue is read without taking anything, and what is published again is what the stream still holds."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from ingest_relay.failures import Rejected, failure_record
from ingest_relay.publish import Topic
from streamer import tools
from streamer.event_source.checkpoint import Discard
from streamer.event_source.destination import discard_message
from streamer.event_source.invocation import Invocation
from streamer.tools.failures import command
from streamer.tools.failures.queue import Failure, FailureQueueReader, parse_failure
from streamer.tools.failures.redrive import Redrive, chosen
from streamer.tools.terminal.interrupt import Interrupt
from streamer.tools.terminal.printable import printable, printable_json
from tests.unit.event_source.fakes import ARN, BEGUN, FakeShard, FakeStreams, client_error, record, wire
from tests.unit.ingest_relay.fakes import TOPIC_ARN, UNREACHABLE, FakeSns
from tests.unit.ingest_relay.stream import TABLES
from tests.unit.tools.stand_ins import FakeFailureQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


def by_relay(number: int, **overrides: Any) -> str:
    """A failure record of the relay's own making."""
    body = wire(number)["dynamodb"] | {"ApproximateCreationDateTime": BEGUN, "SequenceNumber": str(number)}
    failed = {"eventID": f"{number:032x}", "eventSourceARN": ARN, "dynamodb": body}
    text = failure_record(
        Rejected(0, failed, "undecodable", "what was wrong"), tables=TABLES, failed_at=1795359400123 + number
    )
    return json.dumps(json.loads(text) | overrides)


def by_lambda(first: int, last: int, shard: str = "a") -> str:
    """What Lambda tells of a batch."""
    discard = Discard(tuple(record(seq) for seq in range(first, last + 1)), "RecordAgeExceeded", 7)
    return discard_message(discard, Invocation(), stream_arn=ARN, shard_id=shard, raised=True, now=BEGUN)


def failure(body: str) -> Failure:
    return parse_failure("m", "r", body, 5)


def test_the_relays_message_is_parse_failure() -> None:
    found = failure(by_relay(3))
    assert (found.reason, found.error, found.table, found.stream_arn) == (
        "undecodable",
        "what was wrong",
        "sentiment",
        ARN,
    )
    assert (found.first, found.last, found.records, found.shard) == ("3", "3", 1, None)
    assert found.keys == {"source_id": "wire:1", "timestamp": "2026-11-22T14:20:29.052Z"}
    assert found.when == "2026-11-22T14:56:40.126Z"


def test_lambdas_message_is_parse_failure() -> None:
    found = failure(by_lambda(3, 5))
    assert (found.reason, found.table, found.shard) == ("RecordAgeExceeded", "sentiment", "a")
    assert (found.first, found.last, found.records) == ("3", "5", 3)
    assert found.error == "Lambda discarded the batch after 7 calls"


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "{}", '{"v":2}', '{"v":1,"reason":1}', '{"requestContext":{}}', "[" * 9999]
)
def test_any_other_message_is_foreign(body: str) -> None:
    assert failure(body).reason == "foreign"
    assert failure(body).when == "1970-01-01T00:00:00.005Z"


def test_a_look_takes_nothing_away_and_shows_each_message_once() -> None:
    queue = FakeFailureQueue(*(by_relay(seq) for seq in range(25, 0, -1)))
    letters = FailureQueueReader(cast("SQSClient", queue), "url")
    assert [each.first for each in letters.receive(1000)] == [str(seq) for seq in range(1, 26)], "oldest first"
    assert queue.visible == []
    letters.release()
    assert len(queue.visible) == 25
    assert len(letters.receive(12)) == 12
    letters.release()
    assert len(queue.visible) == 25


class Rig:
    def __init__(self, *bodies: str, dry_run: bool = False) -> None:
        self.queue = FakeFailureQueue(*bodies)
        self.streams = FakeStreams()
        self.sns = FakeSns()
        self.letters = FailureQueueReader(cast("SQSClient", self.queue), "url")
        self.redrive = Redrive(
            self.letters,
            cast("Any", self.streams),
            Topic(self.sns, TOPIC_ARN),
            {"sentiment": "sentiment", "users": "users"},
            dry_run=dry_run,
            sleep=lambda _: None,
        )

    def shard(self, name: str, *numbers: int, closed: bool = False) -> FakeShard:
        self.streams.shards[name] = FakeShard(None, [wire(number) for number in numbers], closed)
        return self.streams.shards[name]

    def run(self) -> list[tuple[str, str]]:
        try:
            return [(done.outcome, done.reason) for done in map(self.redrive, self.letters.receive(100))]
        finally:
            self.letters.release()

    @property
    def published(self) -> list[str]:
        return [change["seq"] for text in self.sns.taken for change in json.loads(text)["changes"]]


def test_records_are_found_published_and_taken_out_of_the_queue() -> None:
    rig = Rig(by_relay(2), by_lambda(12, 14, shard="b"), by_relay(11))
    rig.shard("a", 1, 2, 3, closed=True)
    rig.shard("b", *range(10, 20))
    assert rig.run() == [("published", "3 records"), ("published", "1 record"), ("published", "1 record")]
    assert sorted(rig.published) == ["11", "12", "13", "14", "2"]
    assert rig.queue.left == []


def test_a_dry_run_reads_and_leaves_everything() -> None:
    rig = Rig(by_relay(2), dry_run=True)
    rig.shard("a", 1, 2, 3)
    assert rig.run() == [("could be published", "1 record")]
    assert rig.published == []
    assert rig.queue.visible == ["m0"]


def test_what_still_fails_stays_as_one_message() -> None:
    rig = Rig(by_relay(2))
    rig.shard("a", 1, 2).records[1]["dynamodb"].update(Keys={})
    [(fate, words)] = rig.run()
    assert fate == "still fails"
    assert words.startswith("undecodable: Keys.source_id")
    assert rig.queue.visible == ["m0"]


def test_a_topic_that_does_not_take_them_leaves_them() -> None:
    rig = Rig(by_relay(2))
    rig.shard("a", 1, 2)
    rig.sns.script = [UNREACHABLE] * 20
    [(fate, words)] = rig.run()
    assert fate == "not taken"
    assert "Could not connect" in words
    assert rig.queue.visible == ["m0"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (by_relay(2), "the record was trimmed: a stream keeps records for 24 hours"),
        (by_relay(99), "no shard of the stream has this sequence number"),
        (by_relay(12), "the stream has no record with this sequence number"),
        (by_relay(11, event_id="another"), "because the table was deleted and created again"),
        (by_relay(11, seq=None), "the message has no stream and sequence number"),
        ("nonsense", "the message has no stream and sequence number"),
        (by_lambda(18, 25), "5 of 8 records were trimmed; the others were found"),
    ],
)
def test_what_is_beyond_reach_is_said_and_stays(body: str, said: str) -> None:
    rig = Rig(body)
    rig.shard("b", 10, 11, 13, 18, 19, 20, closed=True)
    [(fate, words)] = rig.run()
    assert fate == "beyond reach"
    assert said in words
    assert rig.queue.visible == ["m0"]


def test_a_stream_that_trims_while_it_is_read_is_said() -> None:
    rig = Rig(by_relay(11))
    rig.shard("b", 10, 12)
    rig.streams.failures = [client_error("TrimmedDataAccessException")]
    assert rig.run()[0][1].startswith("the record was trimmed")


def test_a_stream_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(by_relay(11))

    def gone(**_: Any) -> Any:
        raise client_error("ResourceNotFoundException")

    monkeypatch.setattr(rig.streams, "describe_stream", gone)
    assert rig.run() == [("beyond reach", "the stream is disabled or its table is deleted")]


def test_shards_are_asked_for_once_over_all_their_pages() -> None:
    rig = Rig(by_relay(2), by_relay(31))
    rig.streams.page = 1
    rig.shard("a", 1, 2, closed=True)
    rig.shard("b", 10, 11, closed=True)
    rig.shard("c", 30, 31)
    assert [fate for fate, _ in rig.run()] == ["published", "published"]
    assert rig.streams.calls.count("describe_stream") == 3


LONG = "000000000000000000042"


def test_numbers_choose() -> None:
    failures = [failure(by_relay(seq)) for seq in (1, 2, 3)] + [failure(by_relay(4, seq=LONG))] * 2
    assert [number for number, _ in chosen(failures, [])] == [1, 2, 3, 4, 5]
    assert [(number, one.first) for number, one in chosen(failures, ["3", "1", "3"])] == [(1, "1"), (3, "3")]
    assert [number for number, _ in chosen(failures, [LONG, "01"])] == [1, 4, 5]
    for none in ("6", "0", "-1", "x", "", "42", "000000000000000000043"):
        with pytest.raises(KeyError):
            chosen(failures, [none])


def test_a_sequence_number_is_sent_as_it_is_written() -> None:
    rig = Rig(by_relay(2, seq="0002"))
    shard = rig.shard("a", 1, 2, 3)
    for stored in shard.records:
        stored["dynamodb"]["SequenceNumber"] = stored["dynamodb"]["SequenceNumber"].zfill(4)
    assert rig.run() == [("published", "1 record")]
    assert "get_shard_iterator AT_SEQUENCE_NUMBER 0002" in rig.streams.calls


def test_a_message_that_aws_refuses_does_not_keep_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(by_relay(1), by_relay(2))
    rig.shard("a", 1, 2)
    really = rig.streams.get_shard_iterator

    def refused_once(**_: Any) -> Any:
        monkeypatch.setattr(rig.streams, "get_shard_iterator", really)
        raise client_error("ValidationException")

    monkeypatch.setattr(rig.streams, "get_shard_iterator", refused_once)
    (refused, words), (published, _) = rig.run()
    assert (refused, published) == ("refused", "published")
    assert "ValidationException" in words
    assert rig.queue.left == ["m0"]
    assert rig.queue.visible == ["m0"]


def test_a_terminal_is_not_given_orders() -> None:
    assert printable("a\x1b[2J\x9b\u202eé📈\n") == "a\\x1b[2J\\x9b\\u202eé📈\n"


def test_a_batch_whose_first_record_is_trimmed_is_read_from_the_oldest_there_is() -> None:
    rig = Rig(by_lambda(12, 14, shard="b"))
    rig.shard("b", 10, 13, 14, 15)
    rig.streams.failures = [client_error("TrimmedDataAccessException")]
    [(fate, words)] = rig.run()
    assert (fate, words) == ("beyond reach", "1 of 3 records were trimmed; the others were found")
    assert rig.published == ["13", "14"]
    assert rig.streams.calls[-2:] == ["get_shard_iterator TRIM_HORIZON", "get_records"]


@pytest.mark.parametrize(
    "code", ["MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "ReceiptHandleIsInvalid"]
)
@pytest.mark.parametrize(
    ("call", "fate", "published"),
    [("change_message_visibility", "not taken", ["2"]), ("delete_message", "published", ["1", "2"])],
)
def test_a_message_that_the_queue_took_back_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, code: str, call: str, fate: str, published: list[str]
) -> None:
    rig = Rig(by_relay(1), by_relay(2))
    rig.shard("a", 1, 2)
    really = getattr(rig.queue, call)

    def expired_once(**request: Any) -> Any:
        monkeypatch.setattr(rig.queue, call, really)
        raise client_error(code)

    monkeypatch.setattr(rig.queue, call, expired_once)
    (first, words), (second, _) = rig.run()
    assert (first, second) == (fate, "published")
    assert "visibility timeout expired" in words
    assert rig.published == published
    assert rig.queue.left == ["m0"]


def test_ctrl_c_while_the_topic_refuses_is_summed_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = Rig(by_relay(1), by_relay(2))
    rig.shard("a", 1, 2)
    rig.sns.script = [UNREACHABLE] * 20

    class TheAccount:
        def sqs(self) -> Any:
            return rig.queue

        def streams(self) -> Any:
            return rig.streams

        def sns(self) -> Any:
            return rig.sns

    place = command._Source(
        cast("Any", TheAccount()), "url", True, TOPIC_ARN, {"sentiment": "sentiment", "users": "users"}
    )
    monkeypatch.setattr(command, "_source", lambda *_: place)
    monkeypatch.setattr("time.sleep", lambda _: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr(Interrupt.__init__, "__defaults__", (time.sleep,))
    assert command.redrive() == 130
    assert capsys.readouterr().out == "2 not done; the other messages are still in the queue\n"
    assert rig.queue.visible == ["m0", "m1"]


def test_a_topic_without_its_queue_is_not_the_demos(capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run(["failures", "redrive", "--topic", TOPIC_ARN]) == 2
    assert "requires --queue-url" in capsys.readouterr().err


def test_a_local_queue_does_not_make_the_topic_local(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_SNS": "https://sns.us-east-1.amazonaws.com",
    }.items():
        monkeypatch.setenv(name, value)
    assert not command._source("http://127.0.0.1:1/q", TOPIC_ARN).local
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:1")
    assert command._source("http://127.0.0.1:1/q", TOPIC_ARN).local


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", None])
def test_json_for_a_terminal_is_the_same_json(encoding: str | None) -> None:
    value = {"a\x9b": "\x7f\u202e é 📈 \ud83d"}
    text = json.dumps(value, ensure_ascii=False, indent=1)
    line = printable_json(text, encoding)
    assert line.isprintable()
    assert line.isascii() or encoding != "ascii"
    assert json.loads(line) == value
