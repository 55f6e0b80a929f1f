"""The short way of a call says and hears what boto3's does, and leaves to boto3 what it does not know."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3.util.wait import wait_for_read

from streamer.aws import clients, lean
from streamer.aws.clients import connect_queue, connect_table
from streamer.aws.errors import describe_call, is_connection_cut, is_missing_queue, is_throttling
from streamer.local.provision import provision
from tests.unit.aws.stub import Heard, Said, Stub, stub
from tests.watchdog import WATCHDOG

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/a-queue"
RECEIVE: dict[str, Any] = {
    "QueueUrl": QUEUE,
    "MaxNumberOfMessages": 10,
    "WaitTimeSeconds": 0,
    "MessageSystemAttributeNames": ["SentTimestamp", "ApproximateReceiveCount"],
}
QUERY: dict[str, Any] = {
    "TableName": "sentiment",
    "IndexName": "by_sentiment",
    "KeyConditionExpression": "#sentiment = :label",
    "ExpressionAttributeNames": {"#sentiment": "sentiment"},
    "ExpressionAttributeValues": {":label": {"S": "positive"}},
}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    with stub() as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made


def queue(short: bool, *, learnt: bool = True) -> Any:
    """A client of SQS. `learnt`: its first call, which is boto3's in any case, was made."""
    client = connect_queue(0, lean=short).sqs
    if learnt:
        client.receive_message(**RECEIVE)
    return client


def hooked(client: Any) -> list[str]:
    """Grows with each call that boto3 makes."""
    made: list[str] = []
    client.meta.events.register("before-call", lambda model, **_: made.append(model.name))
    return made


def error_of(call: Callable[[], Any]) -> BaseException:
    with pytest.raises((BotoCoreError, ClientError, ResponseParserError)) as caught:
        call()
    return caught.value


def without_metadata(answer: Any) -> Any:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.mark.parametrize("short", [False, True], ids=["boto3", "lean"])
def test_messages_are_received_and_deleted(endpoint: str, monkeypatch: pytest.MonkeyPatch, short: bool) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    client = connect_queue(0, lean=short).sqs
    url = client.create_queue(QueueName=f"lean-{short}")["QueueUrl"]
    request = RECEIVE | {"QueueUrl": url}
    made = hooked(client)
    assert "Messages" not in client.receive_message(**request)
    for body in ("one", "zwei \u00e4 \u2028 \U0001f600", '{"v":1,"confidence":null}'):
        client.send_message(QueueUrl=url, MessageBody=body)
    found = client.receive_message(**request)["Messages"]
    assert [message["Body"] for message in found] == [
        "one",
        "zwei \u00e4 \u2028 \U0001f600",
        '{"v":1,"confidence":null}',
    ]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in found} == {"1"}
    entries: Any = [
        {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(found)
    ]
    for _ in range(2):  # the second time by the short way
        answer = client.delete_message_batch(
            QueueUrl=url, Entries=[entries.pop(), {"Id": "x", "ReceiptHandle": "none"}]
        )
        assert [entry["Id"] for entry in answer["Successful"]] == [str(len(entries))]
        assert [entry["Id"] for entry in answer["Failed"]] == ["x"]
    client.delete_queue(QueueUrl=url)
    assert is_missing_queue(error_of(lambda: client.receive_message(**request)))
    shared = {"CreateQueue", "SendMessage", "DeleteQueue"}
    assert sorted(name for name in made if name not in shared) == (
        ["DeleteMessageBatch", "ReceiveMessage"] if short else ["DeleteMessageBatch"] * 2 + ["ReceiveMessage"] * 3
    )
    client.close()


@pytest.mark.parametrize("short", [False, True], ids=["boto3", "lean"])
def test_items_are_queried_page_by_page(endpoint: str, monkeypatch: pytest.MonkeyPatch, short: bool) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    provision(endpoint)
    client = connect_table(lean=short)
    made = hooked(client)
    for number in range(5):
        item: dict[str, Any] = {
            "source_id": {"S": f"wire:{number}"},
            "timestamp": {"S": f"2026-11-22T14:56:0{number}.000Z"},
            "sentiment": {"S": "positive"},
            "score": {"N": "0.50"},
            "confidence": {"B": b"\x00\xff"},
            "source": {"BS": [b"a", b"b"]},
            "matched_tickers": {"L": [{"M": {"deep": {"B": b"deep"}}}, {"NULL": True}, {"BOOL": False}, {"SS": ["x"]}]},
        }
        client.put_item(TableName="sentiment", Item=item)
    found: list[Any] = []
    start: dict[str, Any] = {}
    while True:
        answer: Any = client.query(**QUERY, Limit=2, **start)
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            break
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    assert [item["source_id"]["S"] for item in found] == [f"wire:{number}" for number in range(5)]
    for item in found:
        assert item["confidence"] == {"B": b"\x00\xff"}
        assert sorted(item["source"]["BS"]) == [b"a", b"b"]
        assert item["matched_tickers"]["L"][0] == {"M": {"deep": {"B": b"deep"}}}
        assert item["matched_tickers"]["L"][1:] == [{"NULL": True}, {"BOOL": False}, {"SS": ["x"]}]
    assert made.count("Query") == (1 if short else 3)
    for item in found:  # other tests of this process have the same moto
        client.delete_item(TableName="sentiment", Key={name: item[name] for name in ("source_id", "timestamp")})
    missing = QUERY | {"TableName": "absent"}
    for _ in range(2):
        error = error_of(lambda: client.query(**missing))
        assert describe_call("dynamodb:Query", error) == "dynamodb:Query: ResourceNotFoundException"  # type: ignore[arg-type]
        assert not is_throttling(error)
    client.close()


def test_the_request_is_boto3s_to_the_last_header(aws: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a session's token")
    moment = datetime.datetime(2026, 11, 22, 14, 56)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: moment)
    sqs, table = connect_queue(0).sqs, connect_table()
    entries: Any = [{"Id": "0", "ReceiptHandle": "r"}]
    for call in (
        lambda: sqs.receive_message(**RECEIVE),
        lambda: sqs.delete_message_batch(QueueUrl=QUEUE, Entries=entries),
        lambda: table.query(**QUERY),
    ):
        aws.heard.clear()
        call()
        call()
        by_boto3, short = aws.heard
        for heard in (by_boto3, short):
            assert heard.headers.pop("amz-sdk-invocation-id")
        assert short.headers == by_boto3.headers, "the signature among them"
        assert (short.path, short.body) == (by_boto3.path, by_boto3.body)


ANSWERS = {
    "a missing queue": Said(
        400,
        {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender", "x-amzn-RequestId": "7"},
        b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}',
    ),
    "access denied": Said(403, {}, b'{"__type":"AccessDeniedException","Message":"User: arn is not authorized"}'),
    "throttled": Said(400, {}, b'{"__type":"com.amazon.coral.availability#ThrottlingException"}'),
    "a proxy's page": Said(502, {}, b"<html><body>Bad Gateway</body></html>"),
    "nothing": Said(503, {}, b""),
    "no JSON": Said(500, {}, b"sorry"),
    "several choices": Said(300, {}, b"{}"),
    "a redirect": Said(307, {"Location": "http://127.0.0.1:9/"}, b"{}"),
}


@pytest.mark.parametrize("said", ANSWERS.values(), ids=ANSWERS)
def test_what_is_refused_is_refused_with_boto3s_error(aws: Stub, said: Said) -> None:
    errors = []
    for short in (False, True):
        client = queue(short)
        aws.answers.append(said)
        errors.append(error_of(lambda client=client: client.receive_message(**RECEIVE)))  # type: ignore[misc]
        client.close()
    by_boto3, other = errors
    assert isinstance(by_boto3, ClientError)
    assert isinstance(other, ClientError)
    assert type(other).__name__ == type(by_boto3).__name__
    for error in errors:
        response: Any = error.response  # type: ignore[attr-defined]
        for name in ("HTTPHeaders", "RetryAttempts", "MaxAttemptsReached"):
            response["ResponseMetadata"].pop(name, None)
    assert other.response == by_boto3.response
    assert (is_throttling(other), is_missing_queue(other)) == (is_throttling(by_boto3), is_missing_queue(by_boto3))


@pytest.mark.parametrize("body", [b"[]", b"7", b'{"Messages":[', b"\xff"])
def test_an_answer_that_cannot_be_read_is_an_error_and_no_empty_answer(aws: Stub, body: bytes) -> None:
    client = queue(True)
    aws.answers.append(Said(body=body))
    assert isinstance(error_of(lambda: client.receive_message(**RECEIVE)), ResponseParserError)
    assert client.receive_message(**RECEIVE) == {}, "and the next call works"


def test_a_body_cut_short_is_a_cut_connection(aws: Stub) -> None:
    client = queue(True)
    aws.answers.append(Said(body=b'{"Messages":[]}', length=100))
    assert is_connection_cut(error_of(lambda: client.receive_message(**RECEIVE)))
    assert client.receive_message(**RECEIVE) == {}


@pytest.mark.parametrize("short", [False, True], ids=["boto3", "lean"])
def test_connections_that_break_are_boto3s_errors_and_tried_once(
    aws: Stub, monkeypatch: pytest.MonkeyPatch, short: bool
) -> None:
    monkeypatch.setattr(clients, "READ_MARGIN", 0.2)
    client = queue(short)
    for said, expected in (Said(cut=True), ConnectionClosedError), (Said(silent=True), ReadTimeoutError):
        before = len(aws.heard)
        aws.answers.append(said)
        assert type(error_of(lambda: client.receive_message(**RECEIVE))) is expected
        assert len(aws.heard) == before + 1
    client.close()


def test_a_server_that_is_gone_is_boto3s_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with stub() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        client = queue(True)
        client.close()
    error = error_of(lambda: client.receive_message(**RECEIVE))
    assert type(error) is EndpointConnectionError
    assert aws.url in str(error)


def test_calls_share_a_connection_and_one_that_the_server_closed_is_not_used_again(aws: Stub) -> None:
    client = queue(True)
    aws.heard.clear()
    for _ in range(3):
        client.receive_message(**RECEIVE)
    assert len({heard.client for heard in aws.heard}) == 1
    aws.answers.append(Said(closes=True))
    client.receive_message(**RECEIVE)
    (idle,) = client._connections._idle
    assert wait_for_read(idle.sock, timeout=WATCHDOG), "the end of the connection came"
    client.receive_message(**RECEIVE)
    assert len({heard.client for heard in aws.heard}) == 2
    client.close()


def test_threads_get_each_its_own_answer(aws: Stub) -> None:
    client = queue(True)
    aws.echoes = True
    wrong: list[Any] = []

    def ask(number: int) -> None:
        for turn in range(20):
            asked = RECEIVE | {"MaxNumberOfMessages": 1 + number, "WaitTimeSeconds": turn}
            if client.receive_message(**asked) != asked:
                wrong.append(asked)

    aws.heard.clear()
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(aws.heard) == 8 * 20
    assert len({heard.client for heard in aws.heard}) <= 8 + 1
    client.close()


def _body(heard: Heard) -> Any:
    return json.loads(heard.body)


def test_each_queue_and_table_has_its_own_template(aws: Stub) -> None:
    client = queue(True)
    made = hooked(client)
    for url in (QUEUE, QUEUE + "-2", QUEUE + "-2", QUEUE):
        client.receive_message(**RECEIVE | {"QueueUrl": url})
    assert made == ["ReceiveMessage"]
    for number in range(100):
        client.receive_message(**RECEIVE | {"QueueUrl": f"{QUEUE}-{number}"})
    assert len(client._templates) <= 16


def test_new_credentials_are_learnt_from_boto3(aws: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    issued: list[str] = []

    def refresh() -> dict[str, str]:
        issued.append(f"KEY{len(issued)}")
        return {"access_key": issued[-1], "secret_key": "s", "token": "t", "expiry_time": "2999-01-01T00:00:00Z"}

    credentials: Any = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")
    core = clients._session()
    core._credentials = credentials
    monkeypatch.setattr(clients, "_session", lambda: core)
    client = queue(True)
    made = hooked(client)
    client.receive_message(**RECEIVE)
    assert made == []
    credentials._expiry_time = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    client.receive_message(**RECEIVE)
    client.receive_message(**RECEIVE)
    assert made == ["ReceiveMessage"], "once, with the new ones"
    keys = [heard.headers["authorization"].split("Credential=")[1].split("/")[0] for heard in aws.heard]
    assert keys == ["KEY0", "KEY0", "KEY1", "KEY1"]


def _another_header(request: Any, **_: object) -> None:
    request.headers["X-Audit"] = "yes"


def _a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.utils.get_environ_proxies", lambda _: {"http": "http://127.0.0.1:9"})


def test_headers_and_proxies_that_are_not_known_are_left_to_boto3(aws: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    audited = queue(True, learnt=False)
    audited.meta.events.register("before-sign.sqs", _another_header)
    proxied = queue(True, learnt=False)
    for client in (audited, proxied):
        if client is proxied:
            _a_proxy(monkeypatch)
        made = hooked(client)
        for _ in range(3):
            client.receive_message(**RECEIVE)
        assert made == ["ReceiveMessage"] * 3
    assert [heard.headers.get("x-audit") for heard in aws.heard] == ["yes"] * 3 + [None] * 3


def test_a_request_that_is_not_json_is_left_to_boto3(aws: Stub) -> None:
    client = queue(True, learnt=False)

    def other(request: Any, **_: object) -> None:
        request.data = b"Action=ReceiveMessage"

    client.meta.events.register("before-sign.sqs", other)
    made = hooked(client)
    for _ in range(2):
        client.receive_message(**RECEIVE)
    assert made == ["ReceiveMessage"] * 2


def test_binary_parameters_are_left_to_boto3(aws: Stub) -> None:
    client = connect_table()
    client.query(**QUERY)
    made = hooked(client)
    client.query(**QUERY | {"ExpressionAttributeValues": {":label": {"B": b"\x00"}}})
    assert made == ["Query"]
    assert _body(aws.heard[-1])["ExpressionAttributeValues"] == {":label": {"B": "AA=="}}


def test_without_credentials_the_client_is_boto3s(aws: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert not isinstance(connect_table(), lean.LeanClient)


def test_certificates_are_checked_against_the_bundle_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = _certificate(tmp_path / "server.pem", "127.0.0.1")
    other = _certificate(tmp_path / "other.pem", "127.0.0.1")
    with stub(pem) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        monkeypatch.setenv("AWS_CA_BUNDLE", pem)
        client = queue(True)
        made = hooked(client)
        for _ in range(2):
            assert client.receive_message(**RECEIVE) == {}
        assert made == [], "by the short way"
        client.close()
        client._connections._ca_file, client._connections._context = other, None
        assert type(error_of(lambda: client.receive_message(**RECEIVE))) is SSLError
    named = _certificate(tmp_path / "named.pem", "127.0.0.2")
    with stub(named) as aws:
        client._connections._ca_file, client._connections._context = named, None
        client._templates.clear()
        template = lean._Template(urlsplit(aws.url), {}, {}, "test", "us-east-1", "sqs")
        client._templates["ReceiveMessage", QUEUE] = template
        assert type(error_of(lambda: client.receive_message(**RECEIVE))) is SSLError, "a certificate for another host"


def _certificate(path: Path, address: str) -> str:
    """A PEM file with a certificate of its own and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, path.stem)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(path)


VALUES = st.recursive(
    st.one_of(
        st.text(max_size=8).map(lambda text: {"S": text}),
        st.integers().map(lambda number: {"N": str(number)}),
        st.binary(max_size=6).map(lambda data: {"B": base64.b64encode(data).decode()}),
        st.lists(st.binary(max_size=6), max_size=3).map(
            lambda each: {"BS": [base64.b64encode(data).decode() for data in each]}
        ),
        st.booleans().map(lambda flag: {"BOOL": flag}),
        st.just({"NULL": True}),
        st.lists(st.text(max_size=4), max_size=3).map(lambda texts: {"SS": texts}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(st.sampled_from(["B", "a", "null", '"B']), inner, max_size=3).map(lambda each: {"M": each}),
    ),
    max_leaves=8,
)


@settings(max_examples=50)
@given(
    st.lists(st.dictionaries(st.sampled_from(["source_id", "B", "null"]), VALUES), max_size=4),
    st.sampled_from([None, {"source_id": {"S": "null"}}]),
)
def test_every_response_is_parsed_as_boto3_parses_it(items: list[Any], last: Any) -> None:
    from botocore.parsers import create_parser
    from botocore.session import get_session

    model = _MODEL.setdefault("dynamodb", get_session().get_service_model("dynamodb"))
    body = json.dumps({"Items": items, "Count": len(items), "ScannedCount": 7, "LastEvaluatedKey": last}).encode()
    response = {"status_code": 200, "headers": {}, "body": body}
    by_boto3 = create_parser("json").parse(response, model.operation_model("Query").output_shape)
    assert lean._parsed(body) == without_metadata(by_boto3)


_MODEL: dict[str, Any] = {}
