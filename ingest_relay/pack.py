"""Packs changes into messages, and messages into requests, in the order of the stream.

Pure. SNS and SQS bill messages in units of 64 KB; a limit of 60 KB leaves room for the metadata that they add. A
request has at most ten messages and 262,144 bytes. All text is ASCII, so its length is its size in bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quote
from typing import Final

from ingest_relay.record import Change
from ingest_relay.tracing import traceparent

MESSAGE_BYTES: Final = 60_000
"""Maximum size of a message body."""
BATCH_MESSAGES: Final = 10
"""Maximum number of messages in a PublishBatch or SendMessageBatch request."""
BATCH_BYTES: Final = 262_144
"""Maximum size of all bodies in a PublishBatch or SendMessageBatch request."""
_TRACE_BYTES = 1_000  # an X-Ray header has fewer than 200 bytes; a longer text is not one


@dataclass(frozen=True, slots=True)
class Message:
    """A message of change record v1."""

    changes: tuple[Change, ...]
    """One or more changes, in order."""
    text: str
    """The message body."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The changes of a batch. Each change is in one message, or in `oversize` if it does not fit into a message."""

    messages: tuple[Message, ...]
    oversize: tuple[Change, ...]


def pack(changes: Iterable[Change], *, relayed_at: int, trace: str | None = None, limit: int = MESSAGE_BYTES) -> Packed:
    """Packs changes in order into messages of at most `limit` bytes.

    `relayed_at`: Unix milliseconds. `trace`: the X-Ray header of this invocation.
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
    """Returns a canary message, which proves that the topic works while there are no changes. `sent_at`: Unix ms."""
    return f'{{"v":1,"canary":{{"sent_at":{sent_at}}}{_trace(trace)}}}'


def batches(texts: Sequence[str], *, most: int = BATCH_MESSAGES, limit: int = BATCH_BYTES) -> Iterator[tuple[str, ...]]:
    """Groups message bodies in order into requests of at most `most` bodies and `limit` bytes.

    A text above the limit is a separate batch, which the service rejects.
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
    """Returns X-Ray's header as it is, and the same as a W3C header for receivers that use OpenTelemetry."""
    if not trace or len(trace) > _TRACE_BYTES:
        return ""
    parent = traceparent(trace)
    return f',"trace":{quote(trace)}' + (f',"traceparent":"{parent}"' if parent else "")
