"""The event that every server delivers: a `sentiment_update` as the service writes it, and the change behind it.

Its `source` holds what the client measures by: `§`, when it was published (microseconds of the monotonic clock, which
is the same in all processes of a machine) and its number. The second byte of `§` is nowhere else in a stream, so the
events of a chunk are counted by one byte, which no border between two chunks can cut.
"""

from __future__ import annotations

import re
import time
from functools import cache

from streamer.change import iso_time

MARK = "§".encode()[1:]
"""Once in each event."""

TICKER = "BENCH"
_SAMPLE = re.compile(rb"\xa7(\d{16})(\d{8})")


def now_us() -> int:
    """The monotonic clock in microseconds."""
    return time.monotonic_ns() // 1_000


def data(number: int, published_us: int, committed_s: int) -> str:
    """The event's `data` line. `number` has at most eight digits."""
    return (
        f'{{"source_id":"bench:{number:08}","timestamp":"{_item_time()}","version":"zgdEe3fyGhzz8Opdf9Kq_w",'
        f'"ticker":"{TICKER}","label":"positive","score":0.5,"confidence":null,'
        f'"source":"§{published_us:016}{number:08}","updated_at":null,"committed_at":"{iso_time(committed_s * 1000)}"}}'
    )


def frame(number: int, line: str) -> bytes:
    """The event as bytes, with an id as long as the service's: what servers without an encoder of their own send."""
    return f"id: evt_{number:036}\nevent: sentiment_update\ndata: {line}\n\n".encode()


def ticker(number: int, tickers: int) -> str:
    """The ticker of an event, if the events go through so many tickers by turns."""
    return TICKER if tickers == 1 else f"{TICKER}{number % tickers:04}"


def change(number: int, published_us: int, committed_s: int, table: str, tickers: int = 1) -> str:
    """The same as a change of change record v1, as the relay writes it: compact ASCII JSON."""
    return (
        f'{{"op":"INSERT","table":"{table}","keys":{{"source_id":"bench:{number:08}","timestamp":"{_item_time()}"}},'
        f'"new":{{"matched_tickers":["{ticker(number, tickers)}"],"sentiment":"positive","score":0.5,'
        f'"source":"\\u00a7{published_us:016}{number:08}"}},"seq":"{number + 1}","committed_at":{committed_s}}}'
    )


def message(changes: list[str], relayed_ms: int) -> str:
    """Changes packed as the relay packs them. They have to fit into 60 KB."""
    return f'{{"v":1,"relayed_at":{relayed_ms},"changes":[{",".join(changes)}]}}'


def samples(body: bytes) -> list[tuple[int, int]]:
    """When each event in a piece of a stream's body was published, in microseconds, and its number."""
    return [(int(published), int(number)) for published, number in _SAMPLE.findall(body)]


@cache
def _item_time() -> str:
    """Two hours before the run: the service's look-back and catch-up look for nothing so old in the table, where these
    items are not."""
    return iso_time(time.time_ns() // 1_000_000 - 7_200_000)
