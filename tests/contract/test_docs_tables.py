"""The tables of the docs say what the code says, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingest_relay.metrics import CATALOGUE as RELAY
from streamer.intake import failover
from streamer.settings import Settings
from streamer.telemetry.catalogue import COUNTERS, GAUGES, HOPS, REAPED
from tests.contract.metric_tables import TABLES

DOCS = Path(__file__).parents[2] / "docs"


def rows(name: str, columns: int) -> list[tuple[str, ...]]:
    """The rows of a page's tables whose first cell is code."""
    pattern = r"^\| `([^`]+)` \|" + r" (.*?) \|" * (columns - 1) + "$"
    return re.findall(pattern, (DOCS / name).read_text(), re.MULTILINE)


def test_each_setting_is_in_the_docs_with_its_default_and_its_reason() -> None:
    expected = []
    for field in Settings.model_fields.values():
        written = str(field.default).lower() if isinstance(field.default, bool) else field.default
        default = "required" if field.is_required() else "none" if field.default in ((), None) else f"`{written}`"
        expected.append((field.alias, default, field.description))
    assert rows("settings.md", 3) == expected


@pytest.mark.parametrize("table", TABLES)
def test_each_metric_is_in_the_docs_as_the_catalogue_has_it(table: str) -> None:
    assert TABLES[table] in (DOCS / "operations.md").read_text(), "python -m tests.contract.metric_tables prints them"


def test_the_docs_tables_name_no_other_metric() -> None:
    section = (DOCS / "operations.md").read_text().split("\n## Metrics\n")[1].split("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    streamers = [metric.name for metric in (*GAUGES, *COUNTERS, *HOPS)]
    assert named == streamers + [metric.name for metric in RELAY] + [metric.name for metric in REAPED]


def test_the_modes_are_said_with_the_times_that_the_failover_has() -> None:
    wait = Settings.model_fields["receive_wait"].default
    hung = max(failover.TOLERANCE, wait * 1_000 + failover.HANG) / 1_000
    modes = (DOCS / "operations.md").read_text().split("\n## Modes\n")[1].split("\n## ")[0]
    assert f"receives that fail for {failover.TOLERANCE // 1_000} s or hang for {hung:g} s" in modes
