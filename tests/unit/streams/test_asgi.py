from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streamer.streams.asgi import AsgiSink, Message
from tests.steps import steps
from tests.watchdog import WATCHDOG


class Client:
    """A scripted server side: `send` takes bodies while `open` is set, `receive` says when the client has gone."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.ended = False
        self.takes = asyncio.Event()
        self.takes.set()
        self.blocked = asyncio.Event()
        self.gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        if not self.takes.is_set():
            self.blocked.set()
            await self.takes.wait()
        self.bodies.append(message["body"])
        if not message["more_body"]:
            self.ended = True
            self.gone.set()  # ASGI: receive says http.disconnect once the response is complete

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}


def running(sink: AsgiSink, client: Client) -> asyncio.Task[Any]:
    return asyncio.create_task(sink.run(client.receive))


async def test_bytes_arrive_in_order_and_closing_sends_the_rest_and_ends_the_response() -> None:
    client = Client()
    sink = AsgiSink(client.send)
    task = running(sink, client)
    sink.write(b"one")
    sink.write(b"two")
    sink.close(b"bye")
    sink.write(b"never")
    await asyncio.wait_for(task, WATCHDOG)
    assert b"".join(client.bodies) == b"onetwobye"
    assert client.ended


async def test_an_idle_sink_has_no_task_beside_the_requests_own() -> None:
    client = Client()
    sink = AsgiSink(client.send)
    before = asyncio.all_tasks()
    task = running(sink, client)
    drained = asyncio.Event()
    sink.on_drained = drained.set
    sink.write(b"x" * 100_000)
    await asyncio.wait_for(drained.wait(), WATCHDOG)
    await steps()
    assert asyncio.all_tasks() - before == {task}
    client.gone.set()
    await asyncio.wait_for(task, WATCHDOG)


async def test_what_the_client_does_not_take_is_pending_and_seen_as_blocked() -> None:
    client, now = Client(), 5.0
    client.takes.clear()
    sink = AsgiSink(client.send, lambda: now)
    task = running(sink, client)
    sink.write(b"x" * 40_000)
    await asyncio.wait_for(client.blocked.wait(), WATCHDOG)
    now = 9.0
    sink.write(b"y" * 1000)
    assert sink.pending() == 41_000
    assert sink.blocked_since() == 5.0
    client.takes.set()
    drained = asyncio.Event()
    sink.on_drained = drained.set
    await asyncio.wait_for(drained.wait(), WATCHDOG)
    assert sink.pending() == 0
    assert sink.blocked_since() is None
    assert b"".join(client.bodies) == b"x" * 40_000 + b"y" * 1000
    client.gone.set()
    await asyncio.wait_for(task, WATCHDOG)


async def test_abort_ends_a_blocked_stream_without_cancelling_anything_else() -> None:
    client = Client()
    client.takes.clear()
    sink = AsgiSink(client.send)
    task = running(sink, client)
    sink.write(b"x")
    await asyncio.wait_for(client.blocked.wait(), WATCHDOG)
    sink.close(b"bye")
    sink.abort()
    await asyncio.wait_for(task, WATCHDOG)
    assert not task.cancelled()
    assert task.cancelling() == 0
    assert not client.ended


async def test_discarding_lets_go_of_what_waits_and_never_cuts_a_frame_in_two() -> None:
    client = Client()
    client.takes.clear()
    sink = AsgiSink(client.send)
    task = running(sink, client)
    sink.write(b"a" * 40_000)
    await asyncio.wait_for(client.blocked.wait(), WATCHDOG)
    sink.write(b"b" * 40_000)
    assert sink.discard() == b"b" * 40_000
    sink.close(b"bye")
    assert sink.discard() == b"", "the end is not dropped"
    client.takes.set()
    await asyncio.wait_for(task, WATCHDOG)
    assert b"".join(client.bodies) == b"a" * 40_000 + b"bye"


async def test_a_client_that_goes_ends_the_stream_and_later_writes_are_nothing() -> None:
    client = Client()
    sink = AsgiSink(client.send)
    task = running(sink, client)
    client.gone.set()
    await asyncio.wait_for(task, WATCHDOG)
    sink.write(b"x")
    sink.close(b"x")
    sink.abort()
    assert client.bodies == []


async def test_a_send_that_fails_because_the_client_is_gone_is_no_error() -> None:
    client = Client()

    async def broken(_: Message) -> None:
        client.gone.set()
        raise OSError

    sink = AsgiSink(broken)
    task = running(sink, client)
    sink.write(b"x")
    await asyncio.wait_for(task, WATCHDOG)
    assert sink.pending() == 1


async def test_being_cancelled_by_the_server_is_passed_on() -> None:
    client = Client()
    sink = AsgiSink(client.send)
    task = running(sink, client)
    await steps()
    task.cancel()
    await asyncio.wait({task}, timeout=WATCHDOG)
    assert task.cancelled()


async def test_the_end_of_a_response_that_is_not_taken_is_seen_as_blocked_too() -> None:
    client, now = Client(), 5.0
    sink = AsgiSink(client.send, lambda: now)
    task = running(sink, client)
    took = client.bodies.append

    async def until_the_last(message: Message) -> None:
        if not message["more_body"]:
            client.blocked.set()
            await client.takes.wait()
        took(message["body"])

    client.takes.clear()
    sink._send = until_the_last
    sink.close(b"bye")
    await asyncio.wait_for(client.blocked.wait(), WATCHDOG)
    assert (sink.pending(), sink.blocked_since()) == (0, 5.0)
    sink.abort()
    await asyncio.wait_for(task, WATCHDOG)


async def test_a_failure_in_what_follows_a_drain_is_logged_and_ends_the_stream(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client()
    sink = AsgiSink(client.send)

    def broken() -> None:
        raise ValueError("a bug")

    sink.on_drained = broken
    task = running(sink, client)
    sink.write(b"x")
    await asyncio.wait_for(task, WATCHDOG)
    assert "a bug" in caplog.text
