"""The Python section of docs/client.md: its cells run in their order, as in a notebook, against a server that plays the
demo."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from streamer.client.environment import find_proxy
from streamer.client.response import _TEMPORARY
from streamer.client.stream import Reconnect, Stream
from streamer.sse.events import Connected, SentimentWithdrawn
from tests.unit.client.scripted import OK, Visit, serving
from tests.unit.client.test_stream import update
from tests.watchdog import WATCHDOG

SECTION = (Path(__file__).parents[3] / "docs" / "client.md").read_text().partition("\n## Python\n")[2]
CELLS = re.findall(r"^```python\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)


class Frame:
    """In place of pandas.DataFrame."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def groupby(self, member: str) -> Frame:
        assert member in self.rows[0]
        return self

    def __getitem__(self, member: str) -> Frame:
        assert isinstance(self.rows[0][member], float)
        return self

    def agg(self, names: list[str]) -> None:
        assert names == ["count", "mean"]


async def test_the_cells_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pandas = ModuleType("pandas")
    monkeypatch.setattr(pandas, "DataFrame", Frame, raising=False)
    monkeypatch.setitem(sys.modules, "pandas", pandas)

    async def demo(visit: Visit) -> None:
        await visit.send(OK, Connected("c", None, "fresh", 0, "push", 3000, 30.0))
        await visit.send(SentimentWithdrawn("wire:0", "2026-11-22T14:18:46.484Z", "AAPL", "deleted"))
        await visit.send(*(update(number).frame(place=f"evt_{number}") for number in range(1, 30)))
        await visit.gone()

    namespace: dict[str, Any] = {}
    assert len(CELLS) == 4
    async with serving(demo) as server, asyncio.timeout(WATCHDOG):
        for cell in CELLS:
            text = cell.replace("http://127.0.0.1:8080", server.url.removesuffix("/api/v2/stream"))
            code = compile(text, "a cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            assert isinstance(code, CodeType)
            result = eval(code, namespace)  # noqa: S307 - our own documentation
            if inspect.isawaitable(result):
                await result
    assert len(namespace["events"]) == 20
    assert namespace["place"] == "evt_1"
    assert capsys.readouterr().out.count("AAPL positive 0.5") == 10
    assert [visit.path.partition("?")[2] for visit in server.visits][:2] == [
        "replay=60",
        "tickers=AAPL%2CMSFT%2CNVDA%2CTSLA",
    ]


def test_the_table_names_every_parameter() -> None:
    table = "\n".join(line for line in SECTION.splitlines() if line.startswith("|"))
    for name in inspect.signature(Stream).parameters:
        assert f"`{name}`" in table, name
    defaults = Reconnect()
    assert f"Reconnect(watchdog={defaults.watchdog:g}, max_backoff={defaults.max_backoff:g}, patient=True)" in table


def test_the_statuses_that_are_waited_out_are_those_of_the_code() -> None:
    assert "statuses 408, 421, 425, 429, 499 and 5xx except 501 and 505" in SECTION
    assert {status for status in _TEMPORARY if status < 500} == {408, 421, 425, 429, 499}
    assert {*range(500, 600)} - _TEMPORARY == {501, 505}


def test_the_variables_are_those_of_the_code() -> None:
    assert find_proxy.__doc__ is not None
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        assert f"`{name}`" in SECTION
        assert name in find_proxy.__doc__
