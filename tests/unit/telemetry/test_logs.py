from __future__ import annotations

import json
import logging
from io import StringIO

import pytest

from streamer.change import iso_time
from streamer.telemetry.counters import Counters, Lags
from streamer.telemetry.logs import JsonFormatter, TextFormatter


def logged(formatter: logging.Formatter, message: str, **extra: object) -> str:
    out = StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    logger.warning(message, extra=extra)
    logger.removeHandler(handler)
    return out.getvalue()


def test_a_json_line_holds_the_message_and_what_came_with_it() -> None:
    line = json.loads(logged(JsonFormatter(), "stream closed", events=3, tickers=["AAPL"], odd={1, 2}))
    assert (line["level"], line["message"], line["events"], line["tickers"]) == (
        "WARNING",
        "stream closed",
        3,
        ["AAPL"],
    )
    assert line["time"].endswith("Z")
    assert len(line["time"]) == len(iso_time(0))


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_no_value_can_pretend_to_be_another_line(formatter: logging.Formatter) -> None:
    forged = logged(formatter, "item\nis no event", source_id="a\n00:00:00.000 ERROR forged\x1b[2J")
    assert forged.count("\n") == 1
    assert "\x1b" not in forged


def test_a_text_line_reads_well() -> None:
    assert logged(TextFormatter(), "serving", port=8080, host="127.0.0.1")[12:] == (
        " WARNING serving port=8080 host=127.0.0.1\n"
    )


def test_counters_are_those_of_the_catalogue() -> None:
    counters = Counters()
    counters.add("events_published", 2)
    assert counters.snapshot()["events_published"] == 2
    with pytest.raises(KeyError):
        counters.add("no_such_counter")


def test_percentiles_are_of_the_samples_and_clocks_that_differ_count_as_no_lag() -> None:
    lags = Lags()
    assert lags.snapshot()["received_to_sent"] == {"p50_ms": None, "p99_ms": None, "count": 0}
    for milliseconds in range(-1, 100):
        lags.add("received_to_sent", milliseconds)
    assert lags.snapshot()["received_to_sent"] == {"p50_ms": 49, "p99_ms": 98, "count": 101}


def test_each_sample_goes_to_the_report_too() -> None:
    also: list[tuple[str, float]] = []
    lags = Lags(lambda hop, milliseconds: also.append((hop, milliseconds)))
    lags.add("committed_to_sent", 5)
    lags.add("received_to_sent", -1)
    assert also == [("committed_to_sent", 5), ("received_to_sent", 0)]
