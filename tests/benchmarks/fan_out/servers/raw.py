"""The yardstick: an asyncio protocol on uvloop that writes the event's bytes to each transport, and nothing else."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from tests.benchmarks.fan_out.payload import frame

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
_streams: set[asyncio.Transport] = set()


class Raw(asyncio.Protocol):
    """A reader or the publisher."""

    _number = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A request comes whole: both ends are on one machine, and it is short."""
        if data.startswith(b"GET"):
            _streams.add(self._transport)
            self._transport.write(_HEAD)
            return
        self._number += 1
        event = frame(self._number, data.partition(b"\r\n\r\n")[2].decode())
        chunk = b"%x\r\n%b\r\n" % (len(event), event)
        for stream in _streams:
            stream.write(chunk)
        self._transport.write(_TAKEN)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        _streams.discard(self._transport)


async def _main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Raw, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1])))
