"""The publisher: a process that makes events at a rate and gives them to a server.

`python -m tests.benchmarks.fan_out.publisher post` posts each event over one connection that is kept open, as nchan
takes them. `… queue MOTO_ENDPOINT TABLE` is the container's queue itself: whoever makes SQS calls that move messages
is answered here, from memory, and all others by moto. moto would take 4 ms of the load's core for each message, and it
looks for new ones every 10 ms only; what the container does for a message stays as it is.
Orders come as lines of JSON on standard input.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import sys
import time
from collections import deque
from typing import Any, Protocol

import uvloop

from tests.benchmarks.fan_out import story
from tests.benchmarks.fan_out.payload import change, data, message, now_us

_PACKED = 150  # changes of a message: the relay packs up to 60 KB


class Outlet(Protocol):
    """Takes events on their way to a server."""

    async def publish(self, first: int, count: int) -> None:
        """Makes so many events with the numbers from `first` on, and returns when they are on their way."""

    async def start(self, order: dict[str, Any]) -> dict[str, Any]:
        """Gets ready; what it answers is the answer to the order."""


class Post:
    """Each event is a POST of its `data` line to /publish."""

    async def start(self, order: dict[str, Any]) -> dict[str, Any]:
        """Connects to the server's port."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", order["port"])
        return {}

    async def publish(self, first: int, count: int) -> None:
        """See Outlet. The next one is sent when this one was answered."""
        for number in range(first, first + count):
            body = data(number, now_us(), int(time.time())).encode()
            self._writer.write(
                b"POST /publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
                b"X-EventSource-Event: sentiment_update\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith((b"http/1.1 20",)):
                raise RuntimeError(f"the server did not take an event: {head.decode(errors='replace')}")
            if (at := head.find(b"content-length:")) >= 0:
                await self._reader.readexactly(int(head[at + 15 : head.index(b"\r", at)]))


class Queue:
    """The queue of one container: `publish` puts one packed message in it."""

    def __init__(self, endpoint: str, table: str) -> None:
        self._moto = endpoint.removeprefix("http://")
        self._table = table
        self._waiting: deque[str] = deque()
        self._handed_out: dict[str, str] = {}
        self._came = asyncio.Event()
        self._count = 0
        self._life = 0
        self._tickers = 1
        self._story: tuple[int, float] | None = None
        self._server: asyncio.Server | None = None

    async def start(self, order: dict[str, Any]) -> dict[str, Any]:
        """Listens; the answer names the port. A queue that was there before is forgotten. The changes go through so
        many `tickers` by turns (1 if the order does not say)."""
        self._tickers, self._story = order.get("tickers", 1), None
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._waiting.clear()
        self._handed_out.clear()
        self._life += 1  # a long poll of a container that is gone must not take what is for the next one
        return {"port": self._server.sockets[0].getsockname()[1]}

    async def publish(self, first: int, count: int) -> None:
        """See Outlet."""
        sent_us, sent_s = now_us(), int(time.time())
        numbers = range(first, first + count)
        if self._story is None:
            changes = [change(number, sent_us, sent_s, self._table, self._tickers) for number in numbers]
        else:
            changes = [story.change(number, sent_s, self._table, *self._story) for number in numbers]
        for at in range(0, count, _PACKED):
            self._put(message(changes[at : at + _PACKED], time.time_ns() // 1_000_000))

    def begin_story(self, first_ms: int, per_second: float) -> None:
        """From now on the changes are those of the soak, as in `story.change`."""
        self._story = first_ms, per_second

    def canary(self) -> None:
        """What proves that push works."""
        self._put(f'{{"v":1,"canary":{{"sent_at":{time.time_ns() // 1_000_000}}}}}')

    def left(self) -> int:
        """Messages that nobody has taken and deleted yet."""
        return len(self._waiting) + len(self._handed_out)

    def _put(self, body: str) -> None:
        self._waiting.append(body)
        self._came.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:-2]]
                headers = {name.lower(): value for name, _, value in lines}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                action = headers.get("x-amz-target", "").rpartition(".")[2]
                if action == "ReceiveMessage":
                    status, content = 200, await self._receive(json.loads(body))
                elif action == "DeleteMessageBatch":
                    status, content = 200, self._delete(json.loads(body))
                else:
                    status, content = await asyncio.to_thread(self._forward, head, body)
                writer.write(
                    b"HTTP/1.1 %d OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n%b"
                    % (status, len(content), content)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _receive(self, request: dict[str, Any]) -> bytes:
        deadline = time.monotonic() + request.get("WaitTimeSeconds", 0)
        life = self._life
        while not self._waiting and (wait := deadline - time.monotonic()) > 0:
            self._came.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._came.wait()
            except TimeoutError:
                break
        messages: list[dict[str, object]] = []
        while life == self._life and self._waiting and len(messages) < request.get("MaxNumberOfMessages", 1):
            self._count += 1
            name, text = f"message-{self._count}", self._waiting.popleft()
            self._handed_out[name] = text
            attributes = {"SentTimestamp": str(time.time_ns() // 1_000_000), "ApproximateReceiveCount": "1"}
            messages.append(
                {
                    "MessageId": name,
                    "ReceiptHandle": name,
                    "MD5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
                    "Body": text,
                    "Attributes": attributes,
                }
            )
        return json.dumps({"Messages": messages} if messages else {}).encode()

    def _delete(self, request: dict[str, Any]) -> bytes:
        for entry in request["Entries"]:
            self._handed_out.pop(entry["ReceiptHandle"], None)
        return json.dumps({"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]], "Failed": []}).encode()

    def _forward(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:-2]]
        connection = http.client.HTTPConnection(self._moto, timeout=30)
        try:
            connection.request("POST", "/", body, {name: value for name, _, value in lines})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


async def _publish(outlet: Outlet, first: int, rate: float, seconds: float, tick: float, pair: float) -> dict[str, Any]:
    """Makes events for so long: all that are due at a tick together, or, without ticks, each at its own time, or in
    pairs whose second event comes `pair` seconds after the first. The events that a slow server holds up come late, and
    none comes when the time is over."""
    began, cpu = time.monotonic(), time.process_time()
    total, done = round(rate * seconds), 0
    while done < total:
        elapsed = time.monotonic() - began
        if elapsed > seconds + 0.1:
            break
        due = 1 if pair else min(total, int(elapsed * rate + 1e-6) + 1) - done
        if due > 0:
            await outlet.publish(first + done, due if tick else 1)
            done += due if tick else 1
        if done >= total:
            break
        at = done / rate
        if pair:
            at = done // 2 * 2 / rate + done % 2 * pair
        elif tick:
            at = -(-at // tick) * tick
        wait = began + at - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
    return {"published": done, "seconds": time.monotonic() - began, "cpu": (time.process_time() - cpu) / seconds}


async def _main(arguments: list[str]) -> None:
    outlet: Outlet = Queue(*arguments[1:]) if arguments[0] == "queue" else Post()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    number = 0
    while line := await reader.readline():
        order = json.loads(line)
        match order["do"]:
            case "start":
                answer = await outlet.start(order)
                number = 0
            case "publish":
                answer = await _publish(outlet, number, order["rate"], order["seconds"], order["tick"], order["pair"])
                number += answer["published"]
            case "story":
                assert isinstance(outlet, Queue)
                outlet.begin_story(order["first_ms"], order["per_second"])
                answer = {}
            case "canary":
                assert isinstance(outlet, Queue)
                outlet.canary()
                answer = {}
            case _:
                assert isinstance(outlet, Queue)
                answer = {"left": outlet.left()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    try:
        uvloop.run(_main(sys.argv[1:]))
    except (ConnectionError, asyncio.IncompleteReadError):
        sys.exit("the publisher's server has gone")
