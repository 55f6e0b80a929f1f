"""A sink that writes with ASGI `send` (ASGI 3.0, HTTP response body)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PIECE = 8 * 1024
"""Number of bytes per `send`. It returns when the server's buffer has room again, so small pieces show the progress of
a slow client."""


class AsgiSink:
    """Conforms to Sink. The request's task waits for the disconnect; a writing task exists only while bytes are queued.
    So an idle stream needs only the task that the server created for the request."""

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self.on_blocked: Callable[[], None] | None = None
        self.on_drained: Callable[[], None] | None = None
        self.connection_id: str | None = None
        """The stream's id, for log lines."""
        self._send = send
        self._clock = clock
        self._chunks: deque[bytes] = deque()
        self._waiting = 0  # bytes in _chunks
        self._in_flight = 0  # bytes taken from _chunks that were not sent yet
        self._in_flight_since: float | None = None
        self._writer: asyncio.Task[None] | None = None
        self._owner: asyncio.Task[Any] | None = None
        self._closing = False
        self._ended = False
        self._aborted = False

    async def run(self, receive: Receive) -> None:
        """Waits until the client disconnected, the response ended, or the sink was aborted. Called once, by the task of
        the request."""
        self._owner = asyncio.current_task()
        try:
            while not self._aborted and (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not self._aborted or self._owner is None or self._owner.uncancel():
                raise
        finally:
            self._ended = True
            self._owner = None
            if self._writer is not None:
                self._writer.cancel()

    def write(self, data: bytes) -> None:
        if self._closing or self._ended or not data:
            return
        self._queue(data)

    def discard(self) -> bytes:
        if self._closing or not self._chunks:
            return b""
        first = self._chunks[0]
        self._chunks.clear()
        self._waiting = 0
        return first

    def close(self, last: bytes) -> None:
        if self._closing or self._ended:
            return
        self._queue(last)
        self._closing = True

    def abort(self) -> None:
        if not self._ended and not self._aborted:
            self._aborted = True
            if self._owner is not None:
                self._owner.cancel()

    def pending(self) -> int:
        return self._waiting + self._in_flight

    def blocked_since(self) -> float | None:
        return self._in_flight_since

    def _queue(self, data: bytes) -> None:
        self._chunks.append(data)
        self._waiting += len(data)
        if self.on_blocked is not None:
            self.on_blocked()
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._chunks:
                data = b"".join(self._chunks)
                self._chunks.clear()
                self._waiting, self._in_flight = 0, len(data)
                for start in range(0, len(data), _PIECE):
                    piece = data[start : start + _PIECE]
                    await self._send_piece(piece)
                    self._in_flight -= len(piece)
                if not self._chunks and not self._closing:
                    self._drained()
            if self._closing:
                await self._send_piece(b"", more=False)
        except OSError:
            # ASGI 2.4: `send` raises OSError after a disconnect. `run` gets the disconnect from `receive`.
            self._ended = True
        except Exception as error:
            # uvloop raises RuntimeError if the transport was closed during a pipelined request.
            logger.debug(
                "writing to a stream failed", extra={"connection_id": self.connection_id, "error": repr(error)}
            )
            self.abort()
        finally:
            self._writer = None

    def _drained(self) -> None:
        if self.on_drained is not None:
            try:
                self.on_drained()
            except Exception:
                logger.exception("the replay of a stream failed", extra={"connection_id": self.connection_id})
                self.abort()

    async def _send_piece(self, piece: bytes, *, more: bool = True) -> None:
        self._in_flight_since = self._clock()
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})
        self._in_flight_since = None
