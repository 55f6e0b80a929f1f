"""The tables of the docs say what the code says, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingest_relay.metrics import CATALOGUE as RELAY
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
