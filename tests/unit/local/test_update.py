"""Update expressions name every attribute by a placeholder."""

from __future__ import annotations

from streamer.local.update import update_expression


def test_values_are_set_and_names_removed() -> None:
    assert update_expression({"score": {"N": "1"}, "source": {"S": "a"}}, ["headline"]) == {
        "UpdateExpression": "SET #0 = :0, #1 = :1 REMOVE #2",
        "ExpressionAttributeNames": {"#0": "score", "#1": "source", "#2": "headline"},
        "ExpressionAttributeValues": {":0": {"N": "1"}, ":1": {"S": "a"}},
    }


def test_an_empty_part_is_left_out() -> None:
    assert update_expression({"a": {"S": ""}}, [])["UpdateExpression"] == "SET #0 = :0"
    removing = update_expression({}, ["a"])
    assert removing == {"UpdateExpression": "REMOVE #0", "ExpressionAttributeNames": {"#0": "a"}}
