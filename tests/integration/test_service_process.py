"""`streamer serve` as its users and orchestrators meet it: a process with an environment, signals and logs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator

import httpx
import pytest

from streamer.local.clients import LocalClients
from streamer.local.provision import provision
from streamer.local.resources import Resources
from tests.integration.pipeline import embedded_aws
from tests.integration.rig import stream
from tests.integration.service import serving
from tests.watchdog import WATCHDOG

NO_AWS = {
    "SENTIMENT_TABLE": "sentiment",
    "CHANGES_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:changes",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # the discard port: nobody listens
}


@pytest.fixture(scope="module")
def resources() -> Iterator[Resources]:
    with embedded_aws() as endpoint_url:
        yield provision(endpoint_url)


def good(number: int) -> dict[str, object]:
    """A change record as the relay writes it."""
    return {
        "op": "INSERT",
        "table": "sentiment",
        "keys": {"source_id": f"good:{number}", "timestamp": "2026-11-22T14:18:46.484Z"},
        "new": {"matched_tickers": ["AAPL"], "sentiment": "positive", "score": 0.5},
        "seq": str(number),
        "committed_at": 1_795_359_360,
    }


def message(*changes: object, version: object = 1) -> str:
    return json.dumps({"v": version, "relayed_at": 1_795_359_360_123, "changes": changes})


async def test_poison_is_counted_logged_with_its_id_and_dropped_and_the_stream_goes_on(resources: Resources) -> None:
    poison = {
        "json": "{",
        "version": message(good(1), version=2),
        "shape": '["not", "an", "object"]',
        "too_large": message(good(1) | {"filler": "x" * 300_000}),
    }
    sqs = LocalClients(resources.endpoint_url).sqs()

    def send(queue: str, text: str) -> None:
        sqs.send_message(QueueUrl=queue, MessageBody=text)

    async with serving(resources.environment()) as service, stream(service.base) as events:
        await events.until("metrics")
        (queue,) = sqs.list_queues(QueueNamePrefix="sentiment-stream-")["QueueUrls"]
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MaximumMessageSize": "1048576"})
        for text in (*poison.values(), message(good(1), {"op": "INSERT", "secret words": 1}, good(2))):
            await asyncio.to_thread(send, queue, text)
        told = [(await events.until("sentiment_update"))["data"]["source_id"] for _ in range(2)]
        status = await service.status()
        assert await service.stop() == 0
    assert told == ["good:1", "good:2"]
    assert status["counters"]["messages_poison"] == 4
    assert status["counters"]["changes_faulty"] == 1
    dropped = {line["reason"]: line for line in service.log if line["message"] == "poison message dropped"}
    assert set(dropped) == set(poison)
    assert all(line["message_id"] for line in dropped.values())
    assert "secret words" not in json.dumps(service.log)


async def test_sigterm_says_goodbye_to_every_stream_and_takes_the_queue_along(resources: Resources) -> None:
    clients = LocalClients(resources.endpoint_url)
    async with serving(resources.environment() | {"SSE_DRAIN_WINDOW": "0.5"}) as service:
        assert len(clients.sqs().list_queues(QueueNamePrefix="sentiment-stream-")["QueueUrls"]) == 1

        async def follow() -> list[str]:
            async with stream(service.base) as events:
                await events.until("metrics")
                opened.release()
                return [json.dumps(event["data"]) for event in await events.rest()]

        opened = asyncio.Semaphore(0)
        following = [asyncio.create_task(follow()) for _ in range(20)]
        for _ in following:
            await opened.acquire()
        assert await service.stop() == 0
        for rest in await asyncio.gather(*following):
            assert json.loads(rest[-1])["reason"] == "drain"
    assert "QueueUrls" not in clients.sqs().list_queues(QueueNamePrefix="sentiment-stream-")
    assert clients.sns().list_subscriptions()["Subscriptions"] == []
    ends = [line for line in service.log if line["message"] == "stream closed"]
    assert len(ends) == 20
    assert {line["reason"] for line in ends} == {"drain"}
    wanted = {"connection_id", "peer", "tickers", "resume", "replayed", "seconds", "events", "bytes"}
    assert all(wanted <= set(line) for line in ends)


async def test_a_second_sigterm_ends_it_at_once() -> None:
    async with (
        serving(NO_AWS | {"SSE_DRAIN_WINDOW": "600"}, until="serving") as service,
        stream(service.base) as first,
        stream(service.base) as second,
    ):
        await first.until("metrics")
        await second.until("metrics")
        service.process.send_signal(signal.SIGTERM)
        await service.line("draining")
        service.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WATCHDOG):
            assert await service.process.wait() == 1


async def test_without_aws_it_serves_and_says_that_nothing_comes() -> None:
    async with serving(NO_AWS | {"SSE_READY_AFTER": "0.01"}, until="serving") as service:
        async with stream(service.base) as events:
            assert (await events.next())["data"]["mode"] == "down"
        async with httpx.AsyncClient(trust_env=False) as client:
            ready = await client.get(f"{service.base}/health/ready")
        assert ready.status_code == 200
        status = await service.status()
        assert status["mode"] == "down"
        assert "arn:" not in json.dumps(status)
        assert await service.stop() == 0


async def test_it_is_not_ready_while_it_waits_for_its_queue() -> None:
    async with serving(NO_AWS, until="serving") as service, httpx.AsyncClient(trust_env=False) as client:
        ready = await client.get(f"{service.base}/health/ready")
        assert ready.status_code == 503
        assert ready.json()["detail"]


async def run(*arguments: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "streamer.cli",
        *arguments,
        env=os.environ | environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), WATCHDOG)
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_wrong_settings_are_all_named_at_once_with_exit_code_2() -> None:
    code, said = await run("serve", "--port", "many", SENTIMENT_TABLE="sentiment", SSE_LIFETIME="-1")
    assert code == 2
    assert "Traceback" not in said
    for key in ("CHANGES_TOPIC_ARN: not set", "SSE_PORT='many'", "SSE_LIFETIME='-1'"):
        assert key in said


async def test_a_port_in_use_is_said_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = await run("serve", "--port", str(port), **NO_AWS)
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "--port" in said
    assert "Traceback" not in said


async def test_an_address_that_is_not_ours_is_said() -> None:
    code, said = await run("serve", "--host", "no.such.host.invalid", **NO_AWS)
    assert code == 2
    assert "SSE_HOST='no.such.host.invalid'" in said
    assert "Traceback" not in said


async def test_a_command_that_is_unknown_shows_the_usage() -> None:
    code, said = await run("sevre")
    assert code == 2
    assert "serve" in said
