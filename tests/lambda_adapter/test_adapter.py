"""The streaming Lambda: the real adapter before the real service, invoked as a Function URL invokes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.local.clients import LocalClients
from streamer.local.provision import provision
from streamer.local.resources import Resources
from streamer.streams.asgi import AsgiSink
from tests.integration.pipeline import embedded_aws
from tests.integration.rig import running
from tests.integration.service import ServiceProcess, serving
from tests.lambda_adapter.environment import FUNCTION, Environment, environment, request
from tests.watchdog import WATCHDOG

STREAM = "/api/v2/stream"
POLL_INTERVAL = 0.5


@pytest.fixture(scope="module")
def resources() -> Iterator[Resources]:
    with embedded_aws() as endpoint_url:
        yield provision(endpoint_url)


@asynccontextmanager
async def function(resources: Resources) -> AsyncIterator[tuple[Environment, ServiceProcess]]:
    """An environment of the function, its service ready."""
    settings = resources.environment() | {
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
        "SSE_POLL_INTERVAL": str(POLL_INTERVAL),
        "GATEWAY_SECRET": "the-gateway-keeps-this",
    }
    del settings["CHANGES_TOPIC_ARN"]
    async with serving(settings, until="serving") as service:
        await service.line("ready")
        port = urlsplit(service.base).port
        assert port is not None
        async with environment(port) as made:
            yield made, service


async def write(resources: Resources, name: str) -> None:
    """One scored item."""
    item = {
        "source_id": {"S": name},
        "timestamp": {"S": iso_time(wall_ms())},
        "ticker": {"S": "AAPL"},
        "sentiment": {"S": "positive"},
        "score": {"N": "0.5"},
    }
    dynamodb = LocalClients(resources.endpoint_url).dynamodb()
    await asyncio.to_thread(lambda: dynamodb.put_item(TableName=resources.sentiment_table, Item=item))


async def test_a_stream_begins_brings_what_is_written_and_says_goodbye_before_the_function_ends(
    resources: Resources,
) -> None:
    async with function(resources) as (lambda_, service):
        invocation = lambda_.invoke(request(STREAM), seconds=5)
        prelude = await invocation.prelude()
        assert prelude["statusCode"] == 200
        headers = prelude["headers"]
        assert (headers["content-type"], headers["cache-control"]) == (
            "text/event-stream; charset=utf-8",
            "no-cache, no-transform",
        )
        assert invocation.response_headers["lambda-runtime-function-response-mode"] == "streaming"
        assert invocation.response_headers["content-type"] == "application/vnd.awslambda.http-integration-response"
        connected, _ = await invocation.until("connected")
        assert connected["mode"] == "poll"
        assert connected["mode_reason"] == "no queue in this deployment: the table is polled"
        await invocation.until("metrics")
        await write(resources, "first")
        update, _ = await invocation.until("sentiment_update")
        assert (update["source_id"], update["committed_at"]) == ("first", None)
        closing, _ = await invocation.until("closing")
        assert closing["reason"] == "lifetime"
        assert await invocation.text() == ""
        await lambda_.api.waits_for(2)
        assert (invocation.error, invocation.trailers) == (None, {})
        assert (await service.status())["connections"] == 0


async def test_what_is_no_stream_is_answered_too_one_invocation_after_the_other(resources: Resources) -> None:
    async with function(resources) as (lambda_, _):
        for number, (path, status) in enumerate(
            {"/health/ready": 200, "/api/v2/sentiment": 200, "/api/v2/metrics": 200, "/nowhere": 404}.items(), 2
        ):
            invocation = lambda_.invoke(request(path))
            assert (await invocation.prelude())["statusCode"] == status
            assert json.loads(await invocation.text())
            await lambda_.api.waits_for(number)
            assert (invocation.error, invocation.trailers) == (None, {})
        refused = lambda_.invoke(request(STREAM, "tickers=!"))
        assert (await refused.prelude())["statusCode"] == 422
        assert "tickers" in await refused.text()


async def test_a_client_that_comes_to_another_environment_misses_nothing(resources: Resources) -> None:
    async with function(resources) as (one, _), function(resources) as (other, _):
        invocation = one.invoke(request(STREAM), seconds=3)
        await invocation.prelude()
        await write(resources, "seen")
        place = ""
        while True:
            name, data, place = await invocation.next()
            if name == "sentiment_update" and data["source_id"] == "seen":
                break
        async with asyncio.timeout(WATCHDOG):
            await invocation.text()  # until the goodbye, with the place of before
        for number in range(5):
            await write(resources, f"between:{number}")
        again = other.invoke(request(STREAM, f"last_event_id={place}"), seconds=60)
        await again.prelude()
        assert (await again.until("connected"))[0]["resume"] == "resumed"
        missing = {f"between:{number}" for number in range(5)}
        while missing:
            missing.discard((await again.until("sentiment_update"))[0]["source_id"])


async def test_a_stream_whose_sink_raises_ends_by_a_whole_response_and_only_in_lambda(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(self: AsgiSink, data: bytes) -> None:
        if b"sentiment_update" in data:
            raise ValueError("a bug")
        whole(self, data)

    whole = AsgiSink.write
    monkeypatch.setattr(AsgiSink, "write", broken)
    for in_lambda in (True, False):
        async with running(in_lambda=in_lambda) as rig, environment(rig.port) as lambda_:
            invocation = lambda_.invoke(request(STREAM))
            await invocation.prelude()
            await invocation.until("metrics")
            rig.publish("positive")
            rest = await invocation.text()
            await lambda_.api.waits_for(2)
            assert invocation.error is None
            if in_lambda:
                assert (rest, invocation.trailers) == ("", {})
            else:
                assert "Error-Type" in rest, "what the adapter makes of a response that breaks off"


async def test_who_signed_the_request_is_the_user_and_nobody_becomes_one_by_a_header(resources: Resources) -> None:
    ada = {"userId": "ada", "accountId": "123456789012", "userArn": "arn:aws:iam::123456789012:user/ada"}
    forged = {"authorizer": {"iam": {"userId": "ada"}}}
    path = "/api/v2/configurations"
    async with function(resources) as (lambda_, _):
        signed = lambda_.invoke(request(path, iam=ada))
        assert (await signed.prelude())["statusCode"] == 200
        assert {one["config_id"] for one in json.loads(await signed.text())["configurations"]} == {"chips", "cars"}
        for headers in (
            {"x-user-id": "ada"},
            {"x-amzn-request-context": json.dumps(forged)},
            {"x-user-id": "ada", "x-gateway-secret": "a-secret-of-somebody-else"},
        ):
            forger = lambda_.invoke(request(path, headers=headers))
            assert (await forger.prelude())["statusCode"] == 401
            await forger.text()
        mine = lambda_.invoke(request(f"{path}/chips/stream", iam=ada), seconds=3)
        assert (await mine.prelude())["statusCode"] == 200
        assert (await mine.until("connected"))[0]["tickers"] == ["AMD", "INTC", "NVDA", "TSM"]
        assert (await mine.until("closing"))[0]["reason"] == "lifetime"
        late = {"deadline": wall_ms() - 1_000}
        spoofed = lambda_.invoke(request(STREAM, headers={"x-amzn-lambda-context": json.dumps(late)}), seconds=3)
        await spoofed.prelude()
        assert await spoofed.until("connected"), "the adapter's own context counts"
        await spoofed.text()
