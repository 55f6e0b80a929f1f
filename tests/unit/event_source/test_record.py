"""What the handler is given has the shape of the recorded events of Lambda."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streamer.event_source.record import from_api, to_event
from tests.unit.event_source.fakes import ARN, wire

EVENTS = Path(__file__).parents[2] / "events"
RECORDED = sorted(
    path.name
    for path in EVENTS.glob("*.json")
    if path.name.startswith(("insert", "modify", "remove", "transact", "batch", "upsert", "burst"))
)


def as_boto3_gives_it(lambda_record: dict[str, Any]) -> dict[str, Any]:
    """Lambda's record turned back into what `get_records` returns."""
    given = {name: value for name, value in lambda_record.items() if name not in ("eventSourceARN", "userIdentity")}
    stream = dict(given["dynamodb"])
    stream["ApproximateCreationDateTime"] = datetime.fromtimestamp(stream["ApproximateCreationDateTime"], UTC)
    for image in ("Keys", "NewImage", "OldImage"):
        if image in stream:
            stream[image] = {name: unpacked(value) for name, value in stream[image].items()}
    given["dynamodb"] = stream
    if identity := lambda_record.get("userIdentity"):
        given["userIdentity"] = {"Type": identity["type"], "PrincipalId": identity["principalId"]}
    return given


def unpacked(attribute: dict[str, Any]) -> dict[str, Any]:
    [(kind, value)] = attribute.items()
    match kind:
        case "B":
            return {"B": base64.b64decode(value)}
        case "BS":
            return {"BS": [base64.b64decode(each) for each in value]}
        case "L":
            return {"L": [unpacked(each) for each in value]}
        case "M":
            return {"M": {name: unpacked(each) for name, each in value.items()}}
        case _:
            return {kind: value}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_event_comes_out_as_lambda_delivered_it(name: str) -> None:
    event = json.loads((EVENTS / name).read_text(encoding="utf-8"))
    records = [from_api(as_boto3_gives_it(each), each["eventSourceARN"]) for each in event["Records"]]
    assert to_event(records) == event


def test_the_recordings_hold_what_makes_this_hard() -> None:
    text = "".join((EVENTS / name).read_text(encoding="utf-8") for name in RECORDED)
    assert all(part in text for part in ('"B": "', '"BS": ', '"userIdentity"', '"NULL"'))


def test_microseconds_of_an_emulator_are_rounded_down() -> None:
    given = wire(1)
    given["dynamodb"]["ApproximateCreationDateTime"] = datetime(2026, 11, 22, 14, 0, 0, 999_999, UTC)
    made = from_api(given, ARN)
    assert made.created_at == int(datetime(2026, 11, 22, 14, 0, 0, tzinfo=UTC).timestamp())
    assert to_event([made])["Records"][0]["dynamodb"]["ApproximateCreationDateTime"] == made.created_at


def test_each_call_gets_an_event_of_its_own() -> None:
    records = [from_api(wire(1), ARN)]
    to_event(records)["Records"][0]["dynamodb"].clear()
    assert to_event(records)["Records"][0]["dynamodb"]["SequenceNumber"] == "1"


def test_what_lambda_has_no_json_for_is_refused() -> None:
    given = wire(1)
    given["dynamodb"]["NewImage"] = {"odd": {"S": object()}}
    with pytest.raises(TypeError, match="value of type object"):
        from_api(given, ARN)
