"""The server around moto: connections stay open, and DynamoDB's requests come one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

from streamer.local.moto_server import MotoServer
from streamer.local.ports import LOOPBACK, listener
from tests.watchdog import WATCHDOG

Reply = Callable[[dict[str, Any]], bytes]


@contextmanager
def serving(reply: Reply) -> Iterator[tuple[MotoServer, HTTPConnection]]:
    """A server of an application that answers with what `reply` makes of its WSGI environment."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        content = reply(environ)
        start_response("201 CREATED", [("Content-Type", "text/x-test"), ("Content-Length", "999")])
        return [content[:1], content[1:]]

    with MotoServer(listener(), app) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        connection = HTTPConnection(LOOPBACK, server.server_address[1], timeout=WATCHDOG)
        try:
            yield server, connection
        finally:
            connection.close()
            server.shutdown()
            thread.join()


def post(connection: HTTPConnection, body: bytes = b"", target: str = "") -> tuple[int, bytes]:
    connection.request("POST", "/a/b?c=d", body, {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"})
    response = connection.getresponse()
    return response.status, response.read()


def test_requests_follow_each_other_on_one_connection() -> None:
    with serving(lambda environ: environ["wsgi.input"].read() or b"nothing") as (_, connection):
        assert post(connection, b"first") == (201, b"first")
        sock = connection.sock
        assert sock is not None
        assert post(connection) == (201, b"nothing")
        assert post(connection, b"x" * 3_000_000) == (201, b"x" * 3_000_000)
        assert connection.sock is sock


def test_the_application_sees_the_request_as_wsgi_has_it() -> None:
    seen: dict[str, Any] = {}

    def reply(environ: dict[str, Any]) -> bytes:
        seen.update(environ)
        return b"ok"

    with serving(reply) as (_, connection):
        post(connection, b"body", "DynamoDB_20120810.PutItem")
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["REQUEST_METHOD"]) == ("/a/b", "c=d", "POST")
    assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"]) == ("application/x-amz-json-1.0", "4")
    assert seen["HTTP_X_AMZ_TARGET"] == "DynamoDB_20120810.PutItem"


def test_dynamodb_is_asked_one_at_a_time_and_nobody_waits_for_a_long_poll() -> None:
    locked: list[bool] = []

    def reply(environ: dict[str, Any]) -> bytes:
        locked.append(server.dynamodb.locked())
        return b"ok"

    with serving(reply) as (server, connection):
        post(connection, target="DynamoDB_20120810.PutItem")
        post(connection, target="DynamoDBStreams_20120810.GetRecords")
        post(connection, target="AmazonSQS.ReceiveMessage")
    assert locked == [True, False, False]


def test_a_failing_application_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    def reply(environ: dict[str, Any]) -> bytes:
        raise RuntimeError("for a test")

    with serving(reply) as (_, connection):
        status, body = post(connection, b"x")
        assert (status, b"InternalServerError" in body) == (500, True)
        assert post(connection)[0] == 500
    assert caplog.messages == ["moto failed"] * 2
