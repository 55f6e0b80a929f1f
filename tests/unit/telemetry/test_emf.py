"""Lines as CloudWatch Logs takes metrics from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.telemetry.distribution import Samples
from streamer.telemetry.emf import encode

AT_MS = 1_795_359_359_999


def lines(values: dict[str, float | Samples], **options: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in encode(values, deployment="prod", at_ms=AT_MS, **options)]


def test_a_line_declares_what_is_published_and_holds_the_rest_as_plain_members() -> None:
    (line,) = lines({"streams_open": 3, "bytes_delivered": 12, "queries": 4, "canary_age": 1.5})
    assert line == {
        "_aws": {
            "Timestamp": AT_MS,
            "CloudWatchMetrics": [
                {
                    "Namespace": "SentimentStreamer",
                    "Dimensions": [["Deployment"]],
                    "Metrics": [
                        {"Name": "streams_open", "Unit": "Count"},
                        {"Name": "bytes_delivered", "Unit": "Bytes"},
                        {"Name": "canary_age", "Unit": "Seconds"},
                    ],
                }
            ],
        },
        "Deployment": "prod",
        "queries": 4,
        "streams_open": 3,
        "bytes_delivered": 12,
        "canary_age": 1.5,
    }


def test_samples_are_values_with_their_counts() -> None:
    (line,) = lines({"committed_to_sent": Samples((10, 20), (1, 2))})
    assert line["committed_to_sent"] == {
        "Values": [10, 20],
        "Counts": [1, 2],
        "Max": 20,
        "Min": 10,
        "Sum": 50,
        "Count": 3,
    }


def test_more_than_a_directive_may_declare_makes_more_lines() -> None:
    made = lines({"streams_open": 1, "queries": 2, "streams_slow": 3, "streams_reset": 4}, most=2)
    declared = [[each["Name"] for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]] for line in made]
    assert declared == [["streams_open", "streams_slow"], ["streams_reset"]]
    assert [sorted(line) for line in made] == [
        sorted(["_aws", "Deployment", "queries", "streams_open", "streams_slow"]),
        sorted(["_aws", "Deployment", "streams_reset"]),
    ]


def test_a_line_that_publishes_nothing_declares_nothing() -> None:
    (line,) = lines({"queries": 2})
    assert line["_aws"]["CloudWatchMetrics"] == []


def test_a_name_that_is_not_in_the_catalogue_is_a_bug() -> None:
    with pytest.raises(KeyError):
        lines({"no_such_metric": 1})


def test_what_json_cannot_say_is_a_bug() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        lines({"canary_age": float("nan")})
