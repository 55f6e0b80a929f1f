"""An item reads the same by a query as by push: checked with what a real engine wrote, and the relay's own code."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ingest_relay.record import to_change
from streamer.change import read_item, read_key, version
from streamer.intake.decode import Batch, decode
from streamer.tables.attribute import plain
from streamer.tables.index import VISIBLE
from tests.unit.ingest_relay.stream import RECORDED, TABLES, recorded

TABLE = "sentiment"


def as_boto3_has_it(value: Any) -> Any:
    """Stream fixtures hold binary as base64 text, boto3 as bytes."""
    if isinstance(value, list):
        return [as_boto3_has_it(member) for member in value]
    if not isinstance(value, dict):
        return value
    decoded: dict[str, Any] = {}
    for name, content in value.items():
        if name == "B" and isinstance(content, str):
            decoded[name] = base64.b64decode(content)
        elif name == "BS" and isinstance(content, list):
            decoded[name] = [base64.b64decode(member) for member in content]
        else:
            decoded[name] = as_boto3_has_it(content)
    return decoded


def written() -> list[Any]:
    """Every record of the sentiment table that left an item behind."""
    found = []
    for name in RECORDED:
        if name.startswith("undecodable"):
            continue
        for number, record in enumerate(recorded(name)["Records"]):
            if f":table/{TABLE}/" in record["eventSourceARN"] and "NewImage" in record["dynamodb"]:
                found.append(pytest.param(record, id=f"{name}-{number}"))
    return found


def pushed(record: Mapping[str, Any]) -> Batch:
    change = to_change(record, 0, TABLES).text
    batch = decode(f'{{"v":1,"relayed_at":1795359360000,"changes":[{change}]}}', TABLE)
    assert isinstance(batch, Batch)
    assert not batch.faults
    return batch


@pytest.mark.parametrize("record", written())
def test_what_a_query_reads_is_what_push_brings(record: dict[str, Any]) -> None:
    (change,) = pushed(record).changes
    item = as_boto3_has_it(record["dynamodb"]["NewImage"] | record["dynamodb"]["Keys"])
    projected = plain({name: value for name, value in item.items() if name in VISIBLE})
    assert read_key(projected) == change.key
    assert read_item(projected) == replace(read_item(plain(item)), expires_at=None) == change.after
    state, told = read_item(projected).state, change.after.state
    if state is not None and told is not None:
        for ticker in state.tickers:
            assert version(change.key, ticker, state) == version(change.key, ticker, told)


def test_there_is_something_to_compare() -> None:
    states = [pushed(param.values[0]).changes[0].after.state for param in written()]
    assert len(states) > 20
    assert sum(state is not None for state in states) > 15


@pytest.mark.parametrize(
    "value",
    [
        {"S": "Agence é 📈 \ud800"},
        {"N": "0.12345678901234567890123456789012345678"},
        {"N": "1E-130"},
        {"N": "-0"},
        {"N": "300000000000000000000000000001"},
        {"B": b"\x00\xff"},
        {"BOOL": False},
        {"NULL": True},
        {"SS": ["a", "b"]},
        {"NS": ["1", "2.50"]},
        {"BS": [b"a", b"\xfe"]},
        {"L": [{"S": "x"}, {"L": [{"N": "1"}]}, {"M": {"N": {"N": "2"}}}]},
        {"M": {"S": {"B": b"x"}, "M": {"M": {}}}},
        {"L": []},
    ],
)
def test_each_type_is_the_relays_json_read_back(value: dict[str, Any]) -> None:
    from ingest_relay.attribute import to_json

    def as_a_stream_has_it(one: Any) -> Any:
        if isinstance(one, bytes):
            return base64.b64encode(one).decode()
        if isinstance(one, list):
            return [as_a_stream_has_it(member) for member in one]
        return {name: as_a_stream_has_it(member) for name, member in one.items()} if isinstance(one, dict) else one

    relayed = json.loads(to_json(as_a_stream_has_it(value)), parse_float=Decimal)
    assert plain({"x": value}) == {"x": relayed}
