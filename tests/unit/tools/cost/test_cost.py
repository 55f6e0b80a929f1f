"""What `streamer cost` computes: against sums by hand, against docs/operations.md, and as docs/scaling.md shows it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from ingest_relay.pack import MESSAGE_BYTES
from streamer import tools
from streamer.intake.push import RATE
from streamer.intake.receive import MOST
from streamer.settings import Settings
from streamer.streams.timing import Timing
from streamer.tools.cost import estimate
from streamer.tools.cost.command import amount
from streamer.tools.cost.estimate import Load, bill, total
from tests.unit.tools.cost import scaling_tables
from tests.unit.tools.cost.scaling_tables import MEASURED, Measured, capacity

SMALL = Load(streams=20, changes=1, cpu=0.5, streams_per_container=100)
"""The small month of docs/operations.md."""
OPERATIONS = (scaling_tables.DOCS / "operations.md").read_text()


def dollars(load: Load) -> dict[str, float]:
    return {line.what: line.dollars for line in bill(load)}


def ran(*arguments: str) -> int:
    return tools.run(["cost", *arguments])


def test_the_small_month_is_the_one_of_the_operations_page_line_by_line() -> None:
    section = OPERATIONS.split("### A small month on Fargate")[1].split("\n### ")[0]
    rows = re.findall(r"^\| (\**[^|]+?\**) \|.*\| \**\$([\d.,]+)\** \|$", section, re.MULTILINE)
    shown = {name.strip("*"): float(amount) for name, amount in rows}
    together = shown.pop("together")
    assert dollars(SMALL) == shown
    assert total(bill(SMALL)) == together


def test_the_table_reads_are_those_of_the_operations_page() -> None:
    section = OPERATIONS.split("### What the table reads cost")[1].split("\n### ")[0]
    rows = re.findall(r"^\| ([\d.]+) \| (any|[\d.]+ KB).*? \| ([\d.,]+) \| \$([\d.]+) \|", section, re.MULTILINE)
    assert len(rows) == 7
    for changes, kilobytes, a_round, a_month in rows:
        size_kb = 1.0 if kilobytes == "any" else float(kilobytes.removesuffix(" KB"))
        load = replace(SMALL, changes=float(changes), item_bytes=round(1_024 * size_kb))
        assert load.units == float(a_round.replace(",", ""))
        assert dollars(load)["table reads"] / load.count == pytest.approx(float(a_month), abs=0.0051)


def test_an_open_stream_in_lambda_costs_what_the_operations_page_says() -> None:
    spent = dollars(Load(streams=1, changes=1, deployment="lambda"))
    assert round(spent["streams' compute"] + spent["table reads"], 2) == 19.00
    assert (
        "| 512 MB (the default) | 0.5 GB × 3,600 s × $0.0000133334 = $0.0240 | $0.0020 | $0.0260 | $19.00 |"
        in OPERATIONS
    )


def test_prices_come_in_tiers() -> None:
    tiers = ((10, 2.0), (30, 1.0), (float("inf"), 0.5))
    found = [estimate._line("", quantity, "", tiers).dollars for quantity in (0, 10, 30, 31)]
    assert found == [0, 20, 40, 40.5]


def test_capacity_units_are_of_the_largest_dimension() -> None:
    quiet = Load(streams=81_000, changes=0, share=0.5)  # 4 units by new connections, 2.6 by bytes
    assert dollars(quiet)["its capacity units"] == pytest.approx(27 * 730 * 0.008)


@pytest.mark.parametrize(
    ("changes", "shards", "change_bytes", "messages", "receives", "requests"),
    [
        (0, 4, 600, 0, 0, 0.1),
        (0.05, 4, 600, 0.05, 0.05, 0.05 + 0.1 + 0.05),
        (3, 4, 600, 3, 3, 9),
        (100, 4, 600, 16, 16, 48),
        (100, 4, 6_000, 16, 16, 48),
        (1_000, 1, 600, 10, 10, 30),
        (1_000, 4, 6_000, 100, 18, 100 + 18 * 6 + 18),  # receives of more than five messages, 333,333 bytes
        (3_000, 100, 600, 400, 40, 400 + 40 + 40),  # full receives follow one another
    ],
)
def test_changes_are_packed_and_received_together(
    changes: float, shards: int, change_bytes: int, messages: float, receives: float, requests: float
) -> None:
    load = Load(streams=1, changes=changes, shards=shards, change_bytes=change_bytes)
    assert (load.messages, load.receives) == (messages, receives)
    assert load.queue_requests == pytest.approx(requests)


def test_a_containers_streams_by_hand() -> None:
    measured = Measured(
        write_us=10, intake_low_us=1_000, intake_high_us=200, stream_kb=4, intake_receives=100, joined_us=1,
        admits_us=0.5, row_us=100,
    )  # fmt: skip
    assert measured.change_us == pytest.approx(1_000 / 9)
    assert measured.receive_us == pytest.approx(8_000 / 9)
    load = Load(streams=50_000, changes=10, tickers_per_item=1, lookback=180, verify=18)
    found = capacity(load, measured=measured, busy=0.5)
    fixed = 10 * 1_000 / 1e6 + 1_800 * 100 / 18 / 1e6
    writes = 10 + 1 + 2 / 30  # ten messages, metrics, heartbeat and ping
    stream_us = writes * 10
    assert found.fixed == pytest.approx(fixed)
    assert found.stream_us == pytest.approx(stream_us)
    assert found.bounds["processor"] == int((0.5e6 - fixed * 1e6 - 10 * 0.5) / stream_us)
    assert found.binds == "processor"
    assert found.containers == -(-50_000 // found.streams_each) + 1


def test_one_bound_binds() -> None:
    everything = Load(streams=100_000, changes=10)
    assert capacity(everything).binds == "processor"
    assert capacity(Load(streams=100_000, changes=1_000, verify=60)).binds == "bandwidth"
    assert capacity(replace(everything, streams_per_container=100)).binds == "streams-per-container"
    found = capacity(everything)
    assert found.streams_each == min(found.bounds.values()) == found.bounds[found.binds]


def test_shared_filters_leave_room_for_more_streams() -> None:
    own = Load(streams=100_000, changes=1_000, share=0.01, verify=60)
    assert capacity(own, 50).streams_each > 2 * capacity(own).streams_each


@pytest.mark.parametrize("share", [0.01, 1.0])
def test_more_of_anything_never_costs_less(share: float) -> None:
    base = Load(streams=50_000, changes=100, share=share)
    steps: dict[str, tuple[Any, ...]] = {
        "streams": (1, 20, 10_000, 10_001, 100_000, 1_000_000),
        "changes": (0, 1, 10, 16, 50, 100, 200),
        "item_bytes": (100, 1_024, 8_192),
        "event_bytes": (100, 360, 1_000),
        "shards": (1, 4, 16, 64),
        "hours_open": (0, 8, 24),
        "lookback": (150, 180, 600),
        "tickers_per_item": (1, 1.5, 3),
    }
    for name, values in steps.items():
        spent = [total(bill(load)) for load in (replace(base, **{name: value}) for value in values)]
        assert all(before <= after for before, after in pairwise(spent)), name
    checked = [dollars(replace(base, verify=verify))["table reads"] for verify in (15, 30, 60)]
    assert checked == sorted(checked, reverse=True)


def test_the_system_is_the_one_that_is_built() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    load = Load(streams=1, changes=1)
    assert (load.lookback, load.verify, estimate.POLL) == tuple(
        defaults[name] for name in ("lookback", "verify_interval", "poll_interval")
    )
    assert defaults["heartbeat_interval"] == estimate.HEARTBEAT
    assert defaults["lifetime"] * 0.9 == estimate.STREAM_LIFE
    assert (defaults["history_seconds"], defaults["history_bytes"]) == (
        scaling_tables.HISTORY_S,
        scaling_tables.HISTORY_MB * 1e6,
    )
    assert 1 / defaults["receive_wait"] == estimate.IDLE_RECEIVES
    assert estimate.MESSAGE_BYTES == MESSAGE_BYTES
    assert estimate.MAX_MESSAGES == MOST
    assert (RATE, 1 / Timing().flush) == (estimate.RECEIVES, scaling_tables.FLUSHES)


def test_what_is_measured_is_what_the_benchmarks_page_says() -> None:
    used = {name: getattr(MEASURED, name) for name in scaling_tables.measured()}
    assert used == scaling_tables.measured(), "put them into scaling_tables.MEASURED, then see docs/scaling.md, end"


def test_each_table_of_the_scaling_page_is_computed() -> None:
    page = scaling_tables.PAGE.read_text()
    for table in scaling_tables.tables():
        assert f"\n\n{table}\n\n" in page, "python -m tests.unit.tools.cost.scaling_tables puts them there"
    memory = page.split("\n### Memory\n")[1].split("\n### ")[0]  # tests/unit/test_memory.py has its table
    shown = "\n".join(re.findall(r"^\|.*$", page.replace(memory, ""), re.MULTILINE))
    assert shown == "\n".join(scaling_tables.tables()), "the page has a table that nobody computes"


def test_the_scaling_pages_commands_run(capsys: pytest.CaptureFixture[str]) -> None:
    found = re.findall(r"^    streamer (cost .+)$", scaling_tables.PAGE.read_text(), re.MULTILINE)
    assert len(found) == 3
    for line in found:
        assert tools.run(line.split()) == 0
    capsys.readouterr()


def test_it_shows_what_is_taken_and_what_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("--streams", "20", "--changes", "1", "--cpu", "0.5", "--memory", "1") == 0
    said = capsys.readouterr().out
    for words in ("2 containers of 1 GB", "data to the internet", "$0.400 a million", "15.8 M", "92.51"):
        assert words in said


def test_json_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("--streams", "20", "--changes", "1", "--cpu", "0.5", "--memory", "1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "load", "messages_a_second", "changes_a_message", "bytes_a_second_and_stream", "sizing", "lines",
        "dollars_a_month",
    }  # fmt: skip
    assert found["load"]["streams"] == 20
    assert found["sizing"]["containers"] == 2
    assert found["bytes_a_second_and_stream"] == 1_125
    assert set(found["lines"][0]) == {"what", "quantity", "unit", "price", "dollars"}
    assert found["dollars_a_month"] == pytest.approx(sum(line["dollars"] for line in found["lines"])) == 92.51
    assert ran("--streams", "20", "--changes", "1", "--deployment", "lambda", "--json") == 0
    assert json.loads(capsys.readouterr().out)["sizing"]["queues"] == 0


@pytest.mark.parametrize(
    ("option", "value", "remedy"),
    [
        ("--streams", "0", "greater than or equal to 1"),
        ("--changes", "nan", "less than or equal to 100000"),
        ("--changes", "inf", "less than or equal to 100000"),
        ("--share", "1.5", "less than or equal to 1"),
        ("--lookback", "100", "greater than or equal to 150"),
        ("--cpu", "3", "--cpu=3: Fargate does not sell this; give 0.25, 0.5, 1, 2 or 4"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_remedy(
    option: str, value: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"--streams": "20", "--changes": "1"} | {option: value}
    assert ran(*(part for pair in given.items() for part in pair)) == 2
    said = capsys.readouterr().err
    assert option in said
    assert remedy in " ".join(said.split())


def test_a_wrong_call_is_one_sentence_and_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("--streams", "20", "--changes", "1", "--deployment", "ec2") == 2
    assert capsys.readouterr().err == "streamer cost: --deployment='ec2': unknown; give fargate or lambda\n"


@pytest.mark.parametrize(
    ("quantity", "shown"),
    [(0, "0"), (17.5, "17.5"), (999_999, "999,999"), (15.83e6, "15.8 M"), (2.37e9, "2.37 bn"), (101.2e9, "101 bn")],
)
def test_quantities_have_three_digits(quantity: float, shown: str) -> None:
    assert amount(quantity) == shown


def test_prices_are_named_in_one_place() -> None:
    for price in ("0.03238", "0.00356", "0.0225", "0.0000133334"):
        assert price in OPERATIONS
        assert float(price) in estimate.PRICES.values()
