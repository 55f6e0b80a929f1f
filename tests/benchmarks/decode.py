"""The decoder beside httpx-sse and sseclient-py: the same bytes in the same pieces, one run.

By default 256 MB a decoder; `STREAM_BYTES=1e9` for a whole gigabyte. Each reads a generator, so that nothing but a
decoder's own memory can grow.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from decimal import Decimal

import httpx
import httpx_sse
import sseclient

from streamer.place import Place
from streamer.sse.decode import Decoder
from streamer.sse.events import SentimentUpdate

_BYTES = int(float(os.environ.get("STREAM_BYTES", "256e6")))
_PIECE = 65_536
"""What one read of a busy socket brings."""


def _usual() -> bytes:
    """Events as the service writes them."""
    frames = []
    for number in range(3_000):
        event = SentimentUpdate(
            source_id=f"wire:{number}",
            timestamp="2026-11-22T14:18:46.484Z",
            version="zgdEe3fyGhzz8Opdf9Kq_w",
            ticker="TSLA",
            label="positive",
            score=Decimal("0.37"),
            confidence=Decimal("0.82"),
            source="wire",
            updated_at="2026-11-22T14:18:46.507Z",
            committed_at="2026-11-22T14:18:46.000Z",
        )
        frames.append(event.frame(place=str(Place(0, 5, number))))
    return b"".join(frames)


def _several_lines() -> bytes:
    """The same, with data in three lines: the decoder's way for what is unusual."""
    return _usual().replace(b',"label"', b'\ndata: ,"label"').replace(b',"updated_at"', b'\ndata: ,"updated_at"')


def _chunks(stream: bytes, size: int) -> Iterator[bytes]:
    """So many bytes of the stream over and over, cut without regard to its events."""
    around = stream * (_PIECE // len(stream) + 2)
    position = sent = 0
    while sent < size:
        yield around[position : position + _PIECE]
        sent += _PIECE
        position = (position + _PIECE) % len(stream)
    yield around[position : around.index(b"\n\n", position) + 2]  # the rest of the last event


def _response(chunks: Iterator[bytes]) -> httpx.Response:
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=chunks)


def _ours(chunks: Iterator[bytes]) -> int:
    decoder = Decoder()
    return sum(1 for chunk in _response(chunks).iter_bytes() for _ in decoder.feed(chunk))


def _httpx_sse(chunks: Iterator[bytes]) -> int:
    return sum(1 for _ in httpx_sse.EventSource(_response(chunks)).iter_sse())


def _sseclient(chunks: Iterator[bytes]) -> int:
    return sum(1 for _ in sseclient.SSEClient(_response(chunks).iter_bytes()).events())


_DECODERS: dict[str, Callable[[Iterator[bytes]], int]] = {
    "streamer.sse.decode": _ours,
    "httpx-sse": _httpx_sse,
    "sseclient-py": _sseclient,
}


def _peak(decode: Callable[[Iterator[bytes]], int], stream: bytes, size: int) -> int:
    """The most memory that decoding so many bytes holds at once, the stream's source included."""
    tracemalloc.start()
    try:
        decode(_chunks(stream, size))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _table(title: str, stream: bytes, size: int) -> None:
    print(f"{title}\n{'':24}{'MB/s':>8}{'µs an event':>14}{'ours is':>10}")
    ours = 0.0
    counts = set()
    for name, decode in _DECODERS.items():
        began = time.process_time()
        count = decode(_chunks(stream, size))
        took = time.process_time() - began
        ours = ours or took
        counts.add(count)
        print(f"  {name:22}{size / took / 1e6:8.0f}{took / count * 1e6:14.2f}{took / ours:9.1f}×")
    assert len(counts) == 1, f"they do not agree on the number of events: {counts}"


def main() -> None:
    """Prints the tables. Speed is of CPU time; each decoder gets the same pieces through an httpx response."""
    usual = _usual()
    _table(
        f"decoding {_BYTES / 1e6:,.0f} MB of the service's own events (aim: 5× sseclient-py or httpx-sse)",
        usual,
        _BYTES,
    )
    print()
    _table(f"{_BYTES / 8e6:,.0f} MB of events with three lines of data each", _several_lines(), _BYTES // 8)
    few, many = (_peak(_ours, usual, size) for size in (_BYTES // 64, _BYTES // 8))
    print(
        f"\nmost memory held by streamer.sse.decode: {few / 1e6:.2f} MB in a stream of {_BYTES / 64e6:,.0f} MB, "
        f"{many / 1e6:.2f} MB in one of {_BYTES / 8e6:,.0f} MB"
    )


if __name__ == "__main__":
    main()
