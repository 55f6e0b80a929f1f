"""The page in Firefox, which no driver opens here: the page is a frame of one that says what it sees (framed.html)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import firefox
from tests.browser.dashboard import REPLAY
from tests.browser.scripted import ScriptedServer, Stream, begin, heartbeat, update, withdrawn
from tests.browser.shared import Frames, FrameTab
from tests.browser.tab import Tab, opened

pytestmark = [pytest.mark.browser, pytest.mark.slow("what matters most once more in firefox")]

FRAMED = Path(__file__).with_name("framed.html").read_text()


class Framed:
    """The page in a frame. `page` in an expression is the object of framed.html."""

    def __init__(self, frame: FrameTab) -> None:
        self._frame = frame

    def run(self, program: str) -> Any:
        return self._frame.run(program)

    def until(self, condition: str) -> None:
        self.run(f"return await page.until(() => {condition});")

    def shows(self, selector: str, *texts: str) -> None:
        """Returns when these are the texts of the elements."""
        found = f"JSON.stringify(page.texts({json.dumps(selector)}))"
        self.until(f"{found} === JSON.stringify({json.dumps(texts)})")

    def live(self, server: ScriptedServer, *replay: dict[str, Any], query: str = "") -> Stream:
        self.run(f"await page.open({json.dumps('/' + query)});")
        stream = server.accept()
        begin(stream, *replay)
        self.until("page.one('#status').textContent.startsWith('Live.')")
        self.until("page.one('#feed').ariaBusy === 'false'")
        return stream


@pytest.fixture(scope="module")
def browser_tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with opened(firefox.command, tmp_path_factory.mktemp("firefox")) as tab:
        yield tab


@pytest.fixture
def framed(browser_tab: Tab, server: ScriptedServer) -> Iterator[Framed]:
    """At the end nothing may have gone wrong on it."""
    server.pages["/tab"] = FRAMED
    server.frame_ancestors = ("*",)
    framed = Framed(Frames(browser_tab, server).tab())
    yield framed
    assert framed.run("return page.faults;") == []


def test_it_follows_the_stream(framed: Framed, server: ScriptedServer) -> None:
    server.rows = [update("wire:1", "NVDA")]
    stream = framed.live(server)
    assert stream.query == REPLAY
    for ticker in ("TSLA", "AMD"):
        stream.send("sentiment_update", **update("wire:2", ticker))
    framed.shows("#feed .chip", "TSLA", "AMD", "NVDA")
    stream.send("sentiment_update", **update("wire:2", version="v2", label="negative", score=-0.5))
    framed.shows("#feed .label", "▼ negative", "▲ positive")
    framed.shows("#feed .mark", "was ▲ +0.37", "")
    for ticker in ("TSLA", "AMD"):
        stream.send("sentiment_withdrawn", **withdrawn("wire:2", ticker))
    framed.shows("#feed .mark", "withdrawn: deleted", "")
    heartbeat(stream, "poll")
    framed.until("page.one('#connection').textContent === 'Delayed'")


def test_a_cut_is_gone_on_from(framed: Framed, server: ScriptedServer) -> None:
    stream = framed.live(server)
    place = stream.send("sentiment_update", **update())
    framed.shows("#feed .label", "▲ positive")
    stream.cut()
    again = server.accept()
    assert again.query == {"last_event_id": place, "on_full": "wait"}
    begin(again, update("wire:2", label="neutral"))
    framed.shows("#feed .label", "■ neutral", "▲ positive")


def test_it_is_filtered_and_goes_back(framed: Framed, server: ScriptedServer) -> None:
    framed.live(server, update("wire:1", "NVDA"))
    framed.run("page.enter('#filters [name=tickers]', 'nvda, amd');")
    stream = server.accept()
    assert stream.query["tickers"] == "NVDA,AMD"
    begin(stream)
    framed.shows("#board tbody th", "NVDA", "AMD")
    framed.run("page.one('#board tbody a').click();")
    assert server.accept().query["tickers"] == "NVDA"
    framed.run("page.window.history.back();")
    assert server.accept().query["tickers"] == "NVDA,AMD"


def test_bad_input_is_said_at_its_field(framed: Framed, server: ScriptedServer) -> None:
    framed.live(server)
    framed.run("page.enter('#filters [name=tickers]', 'no_such');")
    framed.until("page.one('#tickers-problem').textContent.includes('“NO_SUCH” is no ticker')")
    assert server.opened.empty()


def test_it_pauses_and_says_an_alert(framed: Framed, server: ScriptedServer) -> None:
    stream = framed.live(server)
    framed.run("""
        page.one('#alerts').click();
        page.one('#alerts-panel [name=ticker]').value = 'TSLA';
        page.one('#alerts-panel form').requestSubmit();
        page.one('#alerts-panel').hidePopover();
        page.one('#pause').click();
    """)
    stream.send("sentiment_update", **update())
    framed.until("page.one('#alerts').textContent === 'Alerts (1)'")
    framed.until("page.one('#pause').textContent === 'Go on (1 changed)'")
    framed.shows("#feed .chip")
    framed.run("page.one('#pause').click();")
    framed.shows("#feed .chip", "TSLA")
    framed.run("page.window.localStorage.clear();")


def test_details_open_and_close(framed: Framed, server: ScriptedServer) -> None:
    framed.live(server, update())
    framed.run("page.one('#feed .time').click();")
    framed.until("page.one('#item').open && page.all('#item tbody tr').length === 1")
    framed.run("page.one('#item [data-close]').click();")
    framed.until("!page.one('#item').open")
