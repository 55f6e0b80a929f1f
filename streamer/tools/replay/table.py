"""Writes recorded changes to a table, so that they appear in its stream."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, ParamValidationError

from streamer.local.update import update_expression
from streamer.tools.relay import RelayResult
from streamer.tools.terminal.errors import UsageError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_INVALID_ITEM: Final = ("ValidationException", "ItemCollectionSizeLimitExceededException")

SHOWN: Final = 3
"""Number of error messages that are kept."""


class TableWriter:
    """Writes replayed changes to a table, one at a time, in order."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        """Raises UsageError if the table does not exist; botocore's exceptions."""
        self._dynamodb = dynamodb
        self._table = table
        self.skipped = 0
        """Number of records of other tables, and of TTL deletions, which only DynamoDB can make."""
        self.refused: list[str] = []
        """Error messages of the first refused items."""
        try:
            described = dynamodb.describe_table(TableName=table)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            raise UsageError(f"--table={table!r}: no such table in {dynamodb.meta.region_name}; correct it") from None
        self._keys = {key["AttributeName"] for key in described["KeySchema"]}

    def send(self, records: Sequence[Mapping[str, Any]]) -> RelayResult:
        """Writes a batch. An item that DynamoDB rejects as invalid is a failure. Raises botocore's other exceptions."""
        written = failures = 0
        for record in records:
            body = record["dynamodb"]
            keys = body.get("Keys")
            if not isinstance(keys, dict) or set(keys) != self._keys or record.get("userIdentity"):
                self.skipped += 1
                continue
            try:
                self._write(str(record.get("eventName")), keys, body)
                written += 1
            except (ClientError, ParamValidationError, ValueError, TypeError, AttributeError) as error:
                response: Any = error.response.get("Error", {}) if isinstance(error, ClientError) else {}
                if response and response.get("Code") not in _INVALID_ITEM:
                    raise
                failures += 1
                if len(self.refused) < SHOWN:
                    self.refused.append(f"{body.get('SequenceNumber')}: {response.get('Message') or error}")
        return RelayResult(done=len(records), changes=written, failures=failures)

    def _write(self, op: str, keys: dict[str, Any], body: Mapping[str, Any]) -> None:
        new, old = (_image(body.get(name)) for name in ("NewImage", "OldImage"))
        if op == "REMOVE":
            self._dynamodb.delete_item(TableName=self._table, Key=_image(keys))
        elif op == "INSERT":
            self._dynamodb.put_item(TableName=self._table, Item=new)
        else:
            self._update(_image(keys), new, [name for name in old if name not in new])

    def _update(self, keys: dict[str, Any], new: dict[str, Any], gone: Sequence[str]) -> None:
        """Updates attributes, because a put would remove hidden attributes that the recording does not have."""
        values = {name: value for name, value in new.items() if name not in keys}
        if values or gone:
            self._dynamodb.update_item(TableName=self._table, Key=keys, **update_expression(values, gone))


def _image(image: object) -> dict[str, Any]:
    return {name: _unpacked(value) for name, value in image.items()} if isinstance(image, dict) else {}


def _unpacked(attribute: Mapping[str, Any]) -> dict[str, Any]:
    """Converts an attribute to boto3's format, with binary as bytes. Raises ValueError, TypeError or AttributeError."""
    ((kind, value),) = attribute.items()
    match kind:
        case "B":
            return {"B": base64.b64decode(value, validate=True)}
        case "BS":
            return {"BS": [base64.b64decode(each, validate=True) for each in value]}
        case "L":
            return {"L": [_unpacked(each) for each in value]}
        case "M":
            return {"M": {name: _unpacked(each) for name, each in value.items()}}
        case _:
            return {kind: value}
