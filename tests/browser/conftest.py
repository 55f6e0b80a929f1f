"""The browsers that the client is tested in, and the AWS that the service is tested on: each started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from streamer.local.resources import Resources
from tests.browser import chromium, firefox
from tests.browser.scripted import ScriptedServer, serving
from tests.browser.tab import Tab, opened
from tests.integration.pipeline import pipeline

BROWSERS = {"chromium": chromium.command, "firefox": firefox.command}


SLOW = pytest.mark.slow("the same once more in firefox")


@pytest.fixture(scope="package", params=["chromium", pytest.param("firefox", marks=SLOW)])
def open_tab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """A tab of each browser; no test reloads it."""
    with opened(BROWSERS[request.param], tmp_path_factory.mktemp(request.param)) as tab:
        yield tab


@pytest.fixture
def tab(open_tab: Tab) -> Iterator[Tab]:
    """The same, for one test."""
    yield open_tab
    open_tab.run("tab.stream?.close();")


@pytest.fixture(scope="package")
def resources() -> Iterator[Resources]:
    """The embedded AWS with everything of the path but the service."""
    with pipeline() as made:
        yield made


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.launched() as browser:
        yield browser


@pytest.fixture
def complaints() -> list[str]:
    """What the browser may complain of: a test that provokes an error says so by a substring."""
    return []


@pytest.fixture
def page(browser: Browser, server: ScriptedServer, complaints: list[str]) -> Iterator[Page]:
    with chromium.page_of(browser, server.url, known=complaints) as page:
        yield page
