"""Sends records that cannot be relayed to the failure queue.

A failure record has the position of the record, the reason, and the allow-listed attributes that fit, but no article
text. It is one SQS message of at most 60 KB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Protocol

from ingest_relay.attribute import AttributeFault, to_json
from ingest_relay.delivery import Delivery, deliver
from ingest_relay.pack import MESSAGE_BYTES
from ingest_relay.record import Allowed, Reason, table_of

_TEXT_BYTES = 1_000  # longer ARNs, ids and numbers are malformed, and omitted


class SqsClient(Protocol):
    """The part of boto3's SQS client that the relay calls."""

    def send_message_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - boto3's spelling
        Entries: Sequence[Any],  # noqa: N803 - boto3's spelling
    ) -> Mapping[str, Any]:
        """Sends up to ten entries of `Id` and `MessageBody`. The response has `Successful` and `Failed`."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be relayed."""

    position: int
    """Index in the batch."""
    record: object
    """The record as received."""
    reason: Reason
    error: str

    @property
    def seq(self) -> str | None:
        """Sequence number, which may be malformed; None if missing."""
        return _text(_body(self.record).get("SequenceNumber"))

    @property
    def event_id(self) -> str | None:
        """`eventID`; None if missing."""
        return _text(_mapping(self.record).get("eventID"))

    @property
    def table(self) -> str | None:
        """Name of the table; None if unknown."""
        return table_of(_mapping(self.record))


def failure_record(
    rejected: Rejected,
    *,
    tables: Mapping[str, Allowed],
    failed_at: int,
    shard: str | None = None,
    limit: int = MESSAGE_BYTES,
) -> str:
    """Returns the failure queue's message, version 1, as compact ASCII JSON.

    Members: v, stream_arn, shard (known only with a tumbling window), seq, event_id, table, keys, reason, error,
    attributes (of the new image, else of the old image), failed_at (Unix milliseconds). Missing members of the record
    are null. Attributes that cannot be converted or exceed `limit` bytes are omitted. The keys of an unknown table are
    included.
    """
    body = _body(rejected.record)
    allowed = tables.get(rejected.table or "")
    keys = _mapping(body.get("Keys"))
    image = _mapping(body.get("NewImage")) or _mapping(body.get("OldImage"))
    opening = (
        f'{{"v":1,"stream_arn":{_json(_text(_mapping(rejected.record).get("eventSourceARN")))},'
        f'"shard":{_json(_text(shard))},"seq":{_json(rejected.seq)},"event_id":{_json(rejected.event_id)},'
        f'"table":{_json(rejected.table)},"keys":'
    )
    middle = f',"reason":"{rejected.reason}","error":{quote(rejected.error[:_TEXT_BYTES])},"attributes":'
    closing = f',"failed_at":{failed_at}}}'
    room = limit - len(opening) - len(middle) - len(closing)
    shown_keys = _fitting(keys, allowed.keys if allowed else keys, room - len("{}")) if keys else "null"
    attributes = _fitting(image, allowed.attributes if allowed else (), room - len(shown_keys))
    return f"{opening}{shown_keys}{middle}{attributes}{closing}"


class FailureQueue:
    """The failure queue of the relay."""

    def __init__(self, client: SqsClient, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, texts: Sequence[str]) -> Delivery:
        """Sends the texts in order and stops at the first one that the queue does not accept."""
        return deliver(texts, self._send)

    def _send(self, entries: list[tuple[str, str]]) -> Mapping[str, Any]:
        return self._client.send_message_batch(
            QueueUrl=self._url, Entries=[{"Id": number, "MessageBody": text} for number, text in entries]
        )


def _fitting(values: Mapping[str, Any], names: Iterable[str], room: int) -> str:
    """Returns a JSON object of the named values that can be converted and fit into `room` bytes."""
    members: list[str] = []
    room -= len("{}")
    for name in names:
        if name not in values:
            continue
        try:
            member = f"{quote(name)}:{to_json(values[name])}"
        except AttributeFault:
            continue
        if len(member) + 1 <= room:
            members.append(member)
            room -= len(member) + 1
    return f"{{{','.join(members)}}}"


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _body(record: object) -> Mapping[str, Any]:
    return _mapping(_mapping(record).get("dynamodb"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _TEXT_BYTES else None


def _json(text: str | None) -> str:
    return "null" if text is None else quote(text)
