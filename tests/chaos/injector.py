"""What stands between a container and AWS: an HTTP proxy whose every listener can be told to misbehave.

One listener per container and service, given to boto3 as AWS_ENDPOINT_URL_SQS and so on. A disturbance counts for the
requests that come while it lasts and for the answers that come back meanwhile; an end lets everything pass again.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, get_args

from streamer.change import Key
from tests.chaos import answers, http, index
from tests.chaos.kinds import Service
from tests.chaos.messages import Shuffle
from tests.chaos.writes import Write

LONGEST_LAG: Final = 4.0
_LIMIT: Final = 4 * 1024 * 1024
_RESET: Final = struct.pack("ii", 1, 0)

Items = Callable[[], Mapping[Key, Sequence[Write]]]


class Disturbance:
    """One way of misbehaving, for as long as a listener has it."""

    def __init__(self, how: str, seed: int) -> None:
        """`how`: refuse, hang, cut, delay, errors, throttled, denied, stale or shuffled."""
        self.how = how
        self.random = random.Random(seed)
        self.over = asyncio.Event()
        self.met = asyncio.Event()
        """Somebody hangs by it."""
        self.felt = 0
        """Requests or connections that met it."""
        self.problems: Counter[str] = Counter()
        """What it could not do."""
        self.shuffle = Shuffle(self.random)


class Listener:
    """One container's way to one service."""

    def __init__(self, service: Service, upstream: tuple[str, int], items: Items) -> None:
        self.service = service
        self.disturbance: Disturbance | None = None
        self.requests: Counter[str] = Counter()
        self.queue: str | None = None
        """The name of the queue that was asked for messages last."""
        self._upstream = upstream
        self._items = items
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens on a free port of loopback."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_LIMIT)

    @property
    def url(self) -> str:
        """Where it listens."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def disturb(self, disturbance: Disturbance) -> None:
        """From now on."""
        self.disturbance = disturbance
        if disturbance.how == "refuse":
            for writer in self._connections.values():
                disturbance.felt += 1
                _reset(writer)

    def leave_alone(self, disturbance: Disturbance) -> None:
        """Ends one disturbance: what hangs by it is reset."""
        disturbance.over.set()
        if self.disturbance is disturbance:
            self.disturbance = None

    async def close(self) -> None:
        """Ends listening and every connection."""
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        upstream: asyncio.StreamWriter | None = None
        try:
            if self.disturbance is not None and self.disturbance.how == "refuse":
                self.disturbance.felt += 1
                _reset(writer)
                return
            back, upstream = await asyncio.open_connection(*self._upstream, limit=_LIMIT)
            while await self._exchange(reader, writer, back, upstream):
                pass
        except (OSError, asyncio.IncompleteReadError):
            _reset(writer)
        except asyncio.CancelledError:
            _reset(writer)  # the gate is over
        finally:
            del self._connections[task]
            for each in filter(None, (writer, upstream)):
                each.close()
                with suppress(OSError, asyncio.CancelledError):
                    await each.wait_closed()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
    ) -> bool:
        """One request and its answer; whether the connection goes on."""
        request = await http.read(reader)
        target = request.header("x-amz-target").rpartition(".")[2]
        self.requests[target or "-"] += 1
        if target == "ReceiveMessage":
            self.queue = str(json.loads(request.body)["QueueUrl"]).rpartition("/")[2]
        met = self.disturbance
        reply = self._instead(request, met)
        if met is not None and met.how == "hang":
            return await _hang(met, writer)
        if reply is None:
            upstream.write(request.encode())
            await upstream.drain()
            reply = await http.read(back)
        now = self.disturbance  # an answer that comes back meanwhile is disturbed too
        if now is not None and now.how in ("refuse", "hang", "cut", "delay", "shuffled"):
            return await self._disturbed(now, request, reply, writer)
        return await _send(writer, reply)

    def _instead(self, request: http.Message, met: Disturbance | None) -> http.Message | None:
        """The answer that takes the place of the service's, if one does."""
        if met is None:
            return None
        if met.how in get_args(answers.Refusal):
            if met.how == "errors" and self.service == "dynamodb" and met.random.random() < 0.3:
                return None
            met.felt += 1
            why: answers.Refusal = met.how  # type: ignore[assignment]  # checked by the line above
            return answers.refusal(self.service, why)
        if met.how == "stale" and request.header("x-amz-target").endswith(".Query"):
            return self._stale(request, met)
        return None

    def _stale(self, request: http.Message, met: Disturbance) -> http.Message | None:
        query = json.loads(request.body)
        try:
            asked = index.read(query)
        except index.Unreadable as error:
            met.problems[str(error)] += 1
            return None
        if asked is None:
            return None
        met.felt += 1
        said = index.answer(query, asked, self._items(), time.time(), LONGEST_LAG)
        return http.answer("200 OK", json.dumps(said).encode(), ("Content-Type", "application/x-amz-json-1.0"))

    async def _disturbed(
        self, met: Disturbance, request: http.Message, reply: http.Message, writer: asyncio.StreamWriter
    ) -> bool:
        if met.how == "shuffled":
            if request.header("x-amz-target").endswith(".ReceiveMessage") and reply.first.split()[1] == "200":
                met.felt += 1
                body = json.loads(reply.body)
                messages = met.shuffle.answer(body.pop("Messages", None) or [])
                reply = reply.with_body(json.dumps(body | ({"Messages": messages} if messages else {})).encode())
            return await _send(writer, reply)
        met.felt += 1
        if met.how == "hang":
            return await _hang(met, writer)
        if met.how == "cut":
            text = reply.encode()
            writer.write(text[: max(1, len(text) - 1 - met.random.randrange(max(1, len(reply.body))))])
            await writer.drain()
        if met.how == "delay":
            with suppress(TimeoutError):
                await asyncio.wait_for(met.over.wait(), met.random.uniform(0.5, 3.0))
            return await _send(writer, reply)
        _reset(writer)
        return False


async def _send(writer: asyncio.StreamWriter, reply: http.Message) -> bool:
    writer.write(reply.encode())
    await writer.drain()
    return reply.header("connection").lower() != "close"


async def _hang(met: Disturbance, writer: asyncio.StreamWriter) -> bool:
    met.felt += 1
    met.met.set()
    await met.over.wait()
    _reset(writer)
    return False


def _reset(writer: asyncio.StreamWriter) -> None:
    """Closes with RST in place of FIN."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


class Injector:
    """The listeners of every container."""

    def __init__(self, listeners: Mapping[tuple[int, Service], Listener]) -> None:
        self.listeners = listeners

    def environment(self, container: int) -> dict[str, str]:
        """What makes a container's boto3 take this way."""
        return {
            f"AWS_ENDPOINT_URL_{service.upper()}": listener.url
            for (number, service), listener in self.listeners.items()
            if number == container
        }


@asynccontextmanager
async def injecting(
    upstream: tuple[str, int], containers: int, services: Sequence[Service], items: Items
) -> AsyncIterator[Injector]:
    """Listens for every container until the block ends."""
    injector = Injector(
        {(number, service): Listener(service, upstream, items) for number in range(containers) for service in services}
    )
    started: list[Listener] = []
    try:
        for listener in injector.listeners.values():
            await listener.start()
            started.append(listener)
        yield injector
    finally:
        for listener in started:
            await listener.close()
