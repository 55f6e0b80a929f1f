"""Gives recorded items new keys, so that the service publishes them as new states; and replaces the table name. Pure.

New keys replace:
- `source_id`, which gets a prefix of this replay and a digest of the old range key, so that items stay distinct;
- the times, which start at the start of the replay and are scaled by the speed;
- the sequence number, which keeps the order;
- the TTL.
`eventID` stays, because it identifies the record in the recording.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

from streamer.change import iso_time, parse_time
from streamer.tools.relay import TableKind, table_kind

_TIMES: Final = ("timestamp", "updated_at")
_LONGEST_SEQ: Final = 128
_ROOM: Final = 10**40
"""AWS's sequence numbers have up to 40 digits. Those of a replay are larger, and increase with each replay."""


class NewKeys:
    """Rewrites records. `first_ms`: start of the recording. `factor`: the speed; None: all records at once."""

    def __init__(self, *, started_ms: int, first_ms: int, factor: float | None) -> None:
        self.prefix = f"replay-{started_ms:x}"
        self._started_ms = started_ms
        self._first_ms = first_ms
        self._factor = factor

    def __call__(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the record with new keys. Malformed parts stay unchanged."""
        body = dict(record["dynamodb"])
        kind = table_kind(record)
        for name in ("Keys", "NewImage", "OldImage"):
            if isinstance(image := body.get(name), dict) and kind == "sentiment":
                body[name] = self._item(image)
        if isinstance(seq := body.get("SequenceNumber"), str) and seq.isdecimal() and len(seq) < _LONGEST_SEQ:
            new = str(self._started_ms * _ROOM + int(seq))
            body["SequenceNumber"] = new if len(new) <= _LONGEST_SEQ else seq
        seconds = body.get("ApproximateCreationDateTime")
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 1e11:
            body["ApproximateCreationDateTime"] = self._moved(int(seconds * 1000)) // 1000
        return {**record, "dynamodb": body}

    def _item(self, image: Mapping[str, Any]) -> dict[str, Any]:
        new = dict(image)
        source_id, timestamp = _text(image.get("source_id")), _text(image.get("timestamp"))
        if source_id is not None and timestamp is not None:
            digest = zlib.crc32(timestamp.encode("utf-8", "surrogatepass"))
            new["source_id"] = {"S": f"{self.prefix}-{digest:08x}:{source_id}"}
        for name in _TIMES:
            if (text := _text(image.get(name))) is not None and (moment := parse_time(text)) is not None:
                new[name] = {"S": iso_time(self._moved(moment))}
        match image.get("ttl_timestamp"):
            case {"N": str(ttl)} if ttl.isdecimal() and len(ttl) < 12:
                new["ttl_timestamp"] = {"N": str(int(ttl) + (self._started_ms - self._first_ms) // 1000)}
        return new

    def _moved(self, moment_ms: int) -> int:
        """Returns the time in the replay, limited to the years 1970 to 9999."""
        offset = 0 if self._factor is None else int((moment_ms - self._first_ms) / self._factor)
        return min(max(0, self._started_ms + offset), 253_402_300_799_999)


def with_target_table(record: Mapping[str, Any], tables: Mapping[TableKind, str]) -> dict[str, Any]:
    """Returns the record with the name of the target's table; unchanged if it is from neither of our tables."""
    kind = table_kind(record)
    if kind is None:
        return dict(record)
    arn = f"arn:aws:dynamodb:us-east-1:000000000000:table/{tables[kind]}/stream/replay"
    return {**record, "eventSourceARN": arn}


def _text(attribute: object) -> str | None:
    match attribute:
        case {"S": str(text)}:
            return text
    return None
