"""Every DynamoDB type becomes JSON with nothing lost, and nothing else does."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_relay.attribute import DEEPEST, AttributeFault, to_json
from tests.unit.ingest_relay.stream import recorded


def parsed(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


ANY_TEXT = st.text(st.characters(exclude_categories=()))
NUMBERS = st.decimals(min_value=Decimal("-1E126"), max_value=Decimal("1E126"), allow_nan=False).filter(
    lambda number: number.adjusted() >= -130 and number.adjusted() <= 125
)
BINARIES = st.binary().map(lambda octets: base64.b64encode(octets).decode())
SCALARS = st.one_of(
    ANY_TEXT.map(lambda text: ({"S": text}, text)),
    NUMBERS.map(lambda number: ({"N": str(number)}, number)),
    BINARIES.map(lambda text: ({"B": text}, text)),
    st.booleans().map(lambda flag: ({"BOOL": flag}, flag)),
    st.just(({"NULL": True}, None)),
    st.lists(ANY_TEXT).map(lambda texts: ({"SS": texts}, texts)),
    st.lists(NUMBERS).map(lambda numbers: ({"NS": [str(number) for number in numbers]}, numbers)),
    st.lists(BINARIES).map(lambda texts: ({"BS": texts}, texts)),
)
VALUES = st.recursive(
    SCALARS,
    lambda values: st.one_of(
        st.lists(values).map(lambda pairs: ({"L": [pair[0] for pair in pairs]}, [pair[1] for pair in pairs])),
        st.dictionaries(ANY_TEXT, values).map(
            lambda pairs: (
                {"M": {name: pair[0] for name, pair in pairs.items()}},
                {name: pair[1] for name, pair in pairs.items()},
            )
        ),
    ),
    max_leaves=12,
)


@given(VALUES)
def test_every_value_survives_and_is_ascii(pair: tuple[Any, Any]) -> None:
    value, meant = pair
    text = to_json(value)
    assert text.isascii()
    assert parsed(text) == meant


def test_the_recorded_types_become_what_they_mean() -> None:
    image = recorded("insert-every-attribute-type")["Records"][0]["dynamodb"]["NewImage"]
    plain = {name: to_json(value) for name, value in image.items()}
    assert plain["digits_38"] == "12345678901234567890123456789012345678"
    assert plain["beyond_double"] == "9007199254740993"
    assert plain["tiny"] == image["tiny"]["N"]
    assert plain["huge"] == image["huge"]["N"]
    assert plain["number_set"] == "[-2.5,1,300000000000000000000000000001]"
    assert plain["string_set"] == '["alpha","beta","gamma"]'
    assert plain["binary_set"] == '["AAE=","//4="]'
    assert (plain["yes"], plain["no"], plain["nothing"]) == ("true", "false", "null")
    assert (plain["empty_text"], plain["empty_list"], plain["empty_map"]) == ('""', "[]", "{}")
    assert plain["nested"] == (
        '{"deep":{"deeper":{"deepest":-1.5}},"set":["x"],"list":[1,"two",true,null,[3.0],{"four":"NA=="}]}'
    )


@pytest.mark.parametrize(
    ("written", "token"),
    [
        ("0.10", "0.10"),
        ("-0", "-0"),
        ("1E-130", "1E-130"),
        ("9.9e+125", "9.9E+125"),
        ("+1.5", "1.5"),
        ("007", "7"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("0e0", "0E0"),
        ("0." + "0" * 129 + "1", "0." + "0" * 129 + "1"),
    ],
)
def test_a_number_becomes_a_json_token_with_the_same_digits(written: str, token: str) -> None:
    assert to_json({"N": written}) == token
    assert parsed(token) == Decimal(written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-",
        ".",
        "e5",
        "1e",
        "NaN",
        "Infinity",
        "-Infinity",
        "0x10",
        "1_000",
        "0,5",
        " 1",
        "1\n",
        "١",
        "1E126",
        "1E-131",
        "1" + "0" * 126,
        "0." + "0" * 130 + "1",
        "1E99999999999999999999",
        "1e1e1",
    ],
)
def test_what_is_no_finite_decimal_is_refused(written: str) -> None:
    with pytest.raises(AttributeFault, match="type N"):
        to_json({"N": written})


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        [],
        {},
        {"S": "a", "N": "1"},
        {"F": "0.5"},
        {"S": 1},
        {"S": None},
        {"N": 1},
        {"N": 0.5},
        {"B": "not base64!"},
        {"B": "AAE"},
        {"B": "ÄÄ=="},
        {"B": 1},
        {"BOOL": "true"},
        {"BOOL": 1},
        {"NULL": False},
        {"NULL": None},
        {"NULL": 1},
        {"SS": "text"},
        {"SS": [1]},
        {"NS": ["1", "one"]},
        {"BS": ["%"]},
        {"L": {}},
        {"L": ["text"]},
        {"M": []},
        {"M": {"a": {"X": 1}}},
    ],
)
def test_what_is_no_value_is_refused(value: object) -> None:
    with pytest.raises(AttributeFault):
        to_json(value)


def test_nesting_ends_at_dynamodbs_limit() -> None:
    value: dict[str, Any] = {"NULL": True}
    for _ in range(DEEPEST):
        value = {"L": [value]}
    assert to_json(value) == "[" * DEEPEST + "null" + "]" * DEEPEST
    with pytest.raises(AttributeFault, match="32 levels"):
        to_json({"M": {"a": value}})


def test_a_fault_names_the_type_and_is_short_and_keeps_texts_to_itself() -> None:
    with pytest.raises(AttributeFault, match="type 'F' is unknown; the relay knows S, N, B"):
        to_json({"F": "0.5"})
    with pytest.raises(AttributeFault, match="type N holds '0,5', which is not") as fault:
        to_json({"N": "0,5"})
    with pytest.raises(AttributeFault) as fault:
        to_json({"X" * 100_000: "0.5"})
    assert len(str(fault.value)) < 150
    with pytest.raises(AttributeFault) as fault:
        to_json({"B": "the article's text"})
    assert "article" not in str(fault.value)
