"""Many changes in few messages, and many messages in few requests, in the order of the stream.

Pure. SNS and SQS bill by 64 KB of a message, so 60 KB leave room for what the services add; a request takes ten
messages of 262,144 bytes in all. Everything is ASCII, so a text's length is its number of bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quote
from typing import Final

from ingest_relay.record import Change

MESSAGE_BYTES: Final = 60_000
"""The most that one message's body may have."""
BATCH_MESSAGES: Final = 10
"""The most messages in one PublishBatch or SendMessageBatch."""
BATCH_BYTES: Final = 262_144
"""The most bytes of bodies in one PublishBatch or SendMessageBatch."""
_TRACE_BYTES = 1_000  # X-Ray's header has under 200; a longer one is not a trace header


@dataclass(frozen=True, slots=True)
class Message:
    """One message of change record v1."""

    changes: tuple[Change, ...]
    """What it holds, at least one, in order."""
    text: str
    """Its body."""


@dataclass(frozen=True, slots=True)
class Packed:
    """What became of a batch's changes: each is in one message or too large for any."""

    messages: tuple[Message, ...]
    oversize: tuple[Change, ...]


def pack(changes: Iterable[Change], *, relayed_at: int, trace: str | None = None, limit: int = MESSAGE_BYTES) -> Packed:
    """Fills messages of at most `limit` bytes, one after the other, in the order given.

    `relayed_at`: Unix milliseconds. `trace`: this invocation's X-Ray header.
    """
    head = f'{{"v":1,"relayed_at":{relayed_at}{_trace(trace)},"changes":['
    tail = "]}"
    room = limit - len(head) - len(tail)
    messages: list[Message] = []
    oversize: list[Change] = []
    waiting: list[Change] = []
    used = 0

    def close() -> None:
        if waiting:
            text = f"{head}{','.join([change.text for change in waiting])}{tail}"
            messages.append(Message(tuple(waiting), text))
            waiting.clear()

    for change in changes:
        size = len(change.text)
        if size > room:
            oversize.append(change)
            continue
        if waiting and used + 1 + size > room:
            close()
        used = used + 1 + size if waiting else size
        waiting.append(change)
    close()
    return Packed(tuple(messages), tuple(oversize))


def canary(*, sent_at: int, trace: str | None = None) -> str:
    """The message that proves the topic works while the tables are quiet. `sent_at`: Unix milliseconds."""
    return f'{{"v":1,"canary":{{"sent_at":{sent_at}}}{_trace(trace)}}}'


def batches(texts: Sequence[str], *, most: int = BATCH_MESSAGES, limit: int = BATCH_BYTES) -> Iterator[tuple[str, ...]]:
    """Groups message bodies for one request each: at most `most` of them, of at most `limit` bytes, in order.

    A single text over the limit makes a batch of its own, for the service to refuse.
    """
    batch: list[str] = []
    used = 0
    for text in texts:
        if batch and (len(batch) == most or used + len(text) > limit):
            yield tuple(batch)
            batch, used = [], 0
        batch.append(text)
        used += len(text)
    if batch:
        yield tuple(batch)


def _trace(trace: str | None) -> str:
    return f',"trace":{quote(trace)}' if trace and len(trace) <= _TRACE_BYTES else ""
