"""What an item of the users table means, whoever wrote it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from streamer.configuration import etag, normalised, read_configuration

STORED = {"name": "Chips", "tickers": ["NVDA", "AMD"], "status": "active", "revision": Decimal(3)}


def test_a_configuration_is_read_as_it_was_written() -> None:
    read = read_configuration("ada", "chips", STORED)
    assert (read.name, read.tickers, read.status) == ("Chips", ("NVDA", "AMD"), "active")
    assert read.etag == etag(STORED)


@pytest.mark.parametrize(
    ("foreign", "name", "tickers", "status"),
    [
        ({"tickers": ["nvda", "NVDA", "a b", 7, None, "AMD"]}, "Chips", ("NVDA", "AMD"), "active"),
        ({"tickers": list("ABCDEFG")}, "Chips", tuple("ABCDE"), "active"),
        ({"tickers": []}, "Chips", (), "disabled"),
        ({"tickers": "NVDA"}, "Chips", (), "disabled"),
        ({"tickers": None}, "Chips", (), "disabled"),
        ({"status": "paused"}, "Chips", ("NVDA", "AMD"), "disabled"),
        ({"status": None}, "Chips", ("NVDA", "AMD"), "disabled"),
        ({"name": Decimal(7)}, "", ("NVDA", "AMD"), "active"),
        ({"name": "\ud800"}, "", ("NVDA", "AMD"), "active"),
        ({"revision": "later"}, "Chips", ("NVDA", "AMD"), "active"),
        ({"revision": {"a": [Decimal("1E+40")]}}, "Chips", ("NVDA", "AMD"), "active"),
    ],
)
def test_what_others_wrote_is_read_as_far_as_it_is_valid(
    foreign: dict[str, Any], name: str, tickers: tuple[str, ...], status: str
) -> None:
    read = read_configuration("ada", "chips", STORED | foreign)
    assert (read.name, read.tickers, read.status) == (name, tickers, status)


@pytest.mark.parametrize("name", STORED)
def test_the_etag_names_everything_that_is_stored(name: str) -> None:
    changed = etag(STORED | {name: "other"})
    absent = etag({key: value for key, value in STORED.items() if key != name})
    assert len({etag(STORED), changed, absent}) == 3
    assert etag(STORED | {"others": "may add what they like"}) == etag(STORED)


@pytest.mark.parametrize(
    "name", ["chip makers", "CHIP  MAKERS", " Chip Makers ", "Ｃhip\u3000makers", "chip\u00a0makers", "ﬀ"]
)
def test_names_that_look_the_same_are_the_same(name: str) -> None:
    assert normalised(name) == normalised("ff" if name == "ﬀ" else "Chip makers")
