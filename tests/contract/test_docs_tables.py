"""The tables of the docs say what the code says, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from streamer.settings import Settings
from streamer.telemetry.catalogue import COUNTERS, HOPS

DOCS = Path(__file__).parents[2] / "docs"


def rows(name: str, columns: int) -> list[tuple[str, ...]]:
    """The rows of a page's tables whose first cell is code."""
    pattern = r"^\| `([^`]+)` \|" + r" (.*?) \|" * (columns - 1) + "$"
    return re.findall(pattern, (DOCS / name).read_text(), re.MULTILINE)


def test_each_setting_is_in_the_docs_with_its_default_and_its_reason() -> None:
    expected = []
    for field in Settings.model_fields.values():
        default = "required" if field.is_required() else "none" if field.default in ((), None) else f"`{field.default}`"
        expected.append((field.alias, default, field.description))
    assert rows("settings.md", 3) == expected


def test_each_metric_is_in_the_docs_with_its_unit_and_meaning() -> None:
    expected = [(metric.name, metric.unit, metric.meaning) for metric in (*COUNTERS, *HOPS)]
    assert rows("operations.md", 3) == expected
