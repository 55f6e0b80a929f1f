"""Lambda's Runtime API and Extensions API, as far as the adapter uses them (docs.aws.amazon.com/lambda/latest/dg:
runtimes-api, runtimes-extensions-api, runtimes-custom). One environment: one invocation at a time.

`next.json` holds the headers of an invocation; identifier and deadline are set anew for each.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from streamer.sse.decode import Decoder, Message
from tests.watchdog import WATCHDOG

NEXT: dict[str, str] = json.loads(Path(__file__).with_name("next.json").read_text())
_PRELUDE_END = b"\0" * 8


class Invocation:
    """One event, and what the function answers to it, as it comes."""

    def __init__(self, event: Mapping[str, Any], deadline_ms: int) -> None:
        self.id = str(uuid.uuid4())
        self.event = event
        self.headers = NEXT | {"Lambda-Runtime-Aws-Request-Id": self.id, "Lambda-Runtime-Deadline-Ms": str(deadline_ms)}
        self.response_headers: dict[str, str] = {}
        self.trailers: dict[str, str] = {}
        self.error: Any = None
        """What the function posted in place of a response, or the Runtime API's view of one that broke off."""
        self.body = asyncio.StreamReader(limit=1 << 26)
        self._decoder = Decoder()
        self._messages: list[Message] = []

    async def prelude(self) -> dict[str, Any]:
        """Status and headers of the response."""
        async with asyncio.timeout(WATCHDOG):
            found: dict[str, Any] = json.loads((await self.body.readuntil(_PRELUDE_END))[: -len(_PRELUDE_END)])
            return found

    async def next(self) -> tuple[str, Any, str]:
        """The next event of the stream: name, data, id. EOFError at the response's end."""
        async with asyncio.timeout(WATCHDOG):
            while not self._messages:
                chunk = await self.body.read(65_536)
                if not chunk:
                    raise EOFError
                self._messages = self._decoder.feed(chunk)
            message = self._messages.pop(0)
            return message.event, json.loads(message.data), message.id

    async def until(self, event: str) -> tuple[Any, str]:
        """Reads on until an event of this name: its data and id."""
        while True:
            name, data, place = await self.next()
            if name == event:
                return data, place

    async def text(self) -> str:
        """The rest of the body."""
        async with asyncio.timeout(WATCHDOG):
            return (await self.body.read()).decode()


class RuntimeApi:
    """Serves one function's environment on loopback."""

    def __init__(self) -> None:
        self.address = ""
        self.asked = 0
        """How many invocations the function has asked for."""
        self._queue: asyncio.Queue[Invocation] = asyncio.Queue()
        self._sent: dict[str, Invocation] = {}
        self._change = asyncio.Condition()

    def invoke(self, event: Mapping[str, Any], deadline_ms: int) -> Invocation:
        """Gives the function an event when it asks for one."""
        invocation = Invocation(event, deadline_ms)
        self._queue.put_nowait(invocation)
        return invocation

    async def waits_for(self, count: int) -> None:
        """Returns when the function has asked for so many invocations."""
        async with asyncio.timeout(WATCHDOG), self._change:
            await self._change.wait_for(lambda: self.asked >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split()
                headers = await _fields(reader)
                status, extra, answer = await self._answer(method, path.strip("/").split("/"), headers, reader)
                body = json.dumps(answer).encode()
                lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in extra.items())]
                writer.write("\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, method: str, path: list[str], headers: dict[str, str], reader: asyncio.StreamReader
    ) -> tuple[int, dict[str, str], Any]:
        match method, path:
            case "POST", ["2020-01-01", "extension", "register"]:
                await _body(reader, headers)
                return 200, {"Lambda-Extension-Identifier": str(uuid.uuid4())}, {"functionName": "sentiment-stream"}
            case "GET", ["2020-01-01", "extension", "event", "next"]:
                await asyncio.Event().wait()  # INVOKE and SHUTDOWN are not registered for, so nothing ever comes
            case "GET", ["2018-06-01", "runtime", "invocation", "next"]:
                async with self._change:
                    self.asked += 1
                    self._change.notify_all()
                invocation = await self._queue.get()
                self._sent[invocation.id] = invocation
                return 200, invocation.headers, invocation.event
            case "POST", ["2018-06-01", "runtime", "invocation", request_id, "response"]:
                invocation = self._sent.pop(request_id)
                invocation.response_headers = headers
                try:
                    invocation.trailers = await _body(reader, headers, invocation.body)
                except asyncio.IncompleteReadError:
                    invocation.error = "the response broke off"
                    raise
                finally:
                    invocation.body.feed_eof()
                return 202, {}, {"status": "OK"}
            case "POST", ["2018-06-01", "runtime", "invocation", request_id, "error"]:
                invocation, said = self._sent.pop(request_id), asyncio.StreamReader()
                await _body(reader, headers, said)
                said.feed_eof()
                invocation.error = json.loads(await said.read())
                invocation.body.feed_eof()
                return 202, {}, {"status": "OK"}
        raise AssertionError(f"the Runtime API has no {method} {path}")


async def _fields(reader: asyncio.StreamReader) -> dict[str, str]:
    found = {}
    while line := (await reader.readline()).strip():
        name, _, value = line.decode().partition(":")
        found[name.lower()] = value.strip()
    return found


async def _body(
    reader: asyncio.StreamReader, headers: Mapping[str, str], into: asyncio.StreamReader | None = None
) -> dict[str, str]:
    """Reads a request's body as it comes; its trailers."""
    into = into or asyncio.StreamReader()
    if headers.get("transfer-encoding") != "chunked":
        into.feed_data(await reader.readexactly(int(headers.get("content-length", 0))))
        return {}
    while True:
        line = await reader.readline()
        if not line:
            raise asyncio.IncompleteReadError(b"", None)
        if not (size := int(line, 16)):
            return await _fields(reader)
        into.feed_data((await reader.readexactly(size + 2))[:-2])


@asynccontextmanager
async def runtime_api() -> AsyncIterator[RuntimeApi]:
    """A Runtime API on a free port, until the block ends."""
    api, connections = RuntimeApi(), set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await api.serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the end of the block
        finally:
            connections.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    api.address = f"{host}:{port}"
    try:
        yield api
    finally:
        server.close()
        running = list(connections)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
