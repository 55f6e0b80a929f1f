"""What Terraform knows about the service's settings is what they are: terraform/settings.json is written from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamer import settings
from streamer.errors import SettingsError
from streamer.settings import Settings

FILE = Path(__file__).parents[2] / "terraform" / "settings.json"
NEEDED = {"SENTIMENT_TABLE": "sentiment", "SSE_INTAKE": "poll"}
LIMITS = {"exclusiveMinimum": "above", "minimum": "minimum", "maximum": "maximum"}
"""JSON Schema's words, and the file's."""


def table() -> dict[str, dict[str, Any]]:
    """Type and limits of each number among the settings, by key; of the others nothing."""
    found: dict[str, dict[str, Any]] = {}
    for key, described in Settings.model_json_schema()["properties"].items():
        kinds: list[dict[str, Any]] = described.get("anyOf", [described])
        number: dict[str, Any] = next((kind for kind in kinds if kind.get("type") in ("integer", "number")), {})
        limits = {word: number[name] for name, word in LIMITS.items() if name in number}
        found[key] = {"type": number["type"], **limits} if number else {}
    return found


def test_terraforms_table_of_the_settings_is_current() -> None:
    current = json.dumps(table(), indent=2) + "\n"
    if FILE.read_text() != current:
        FILE.write_text(current)
        pytest.fail("terraform/settings.json was not current: it is now; commit it")


def read(key: str, value: float) -> bool:
    """Whether the service takes it."""
    try:
        settings.read(NEEDED | {key: str(value)})
    except SettingsError:
        return False
    return True


@pytest.mark.parametrize("key", [key for key, limits in table().items() if limits])
def test_each_limit_is_the_services(key: str) -> None:
    limits = table()[key]
    least = limits["above"] + 1 if "above" in limits else limits["minimum"]
    assert read(key, least)
    assert not read(key, least - 1)
    assert read(key, least + 0.5) == (limits["type"] == "number")
    if "maximum" in limits:
        assert read(key, limits["maximum"])
        assert not read(key, limits["maximum"] + 1)
