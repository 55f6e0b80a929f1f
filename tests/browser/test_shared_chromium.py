"""/shared.js in chromium, of which a driver crashes pages and workers, and puts pages away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Error

from tests.browser.chromium import launched, page_of
from tests.browser.scripted import ScriptedServer, Stream, begin, serving, update
from tests.browser.served import served
from tests.browser.shared import KEEPS_THE_WORKER, PAGE, VANISHES, Chromium, PageTab
from tests.watchdog import WATCHDOG

pytestmark = [pytest.mark.browser, pytest.mark.slow("crashes and what only chromium can do")]

BACK_FORWARD_CACHE = "--disable-back-forward-cache"
INSECURE = "insecure.example"
"""A host without https: no locks."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched(
        f"--host-resolver-rules=MAP {INSECURE} 127.0.0.1", without=[BACK_FORWARD_CACHE], whole=True
    ) as browser:
        yield browser


@pytest.fixture
def context(browser: Browser, server: ScriptedServer) -> Iterator[BrowserContext]:
    server.pages["/tab"] = PAGE
    with browser.new_context() as context:
        context.set_default_timeout(WATCHDOG * 1000)
        yield context


def shared(context: BrowserContext, server: ScriptedServer, way: str, count: int) -> tuple[list[PageTab], Stream]:
    """Tabs, of which the first began the stream, and one item."""
    tabs = [Chromium(context, server).tab(way) for _ in range(count)]
    tabs[0].open(server)
    stream = server.accept()
    begin(stream)
    for tab in tabs:
        if tab is not tabs[0]:
            tab.open(server)
        tab.until("tab.stream.state.name === 'live'")
    stream.send("sentiment_update", **update())
    for tab in tabs:
        tab.until("tab.stream.items.size === 1")
    return tabs, stream


def crash(tab: PageTab) -> None:
    with tab.page.expect_event("crash"), pytest.raises(Error):
        tab.page.goto("chrome://crash")


def gone_on(tabs: list[PageTab], server: ScriptedServer, stream: Stream) -> None:
    """Each tab has the two items, and was told each once as news, on the stream that was resumed."""
    stream.wait_until_left()
    again = server.accept()
    assert "last_event_id" in again.query
    begin(again, update())
    again.send("sentiment_update", **update("wire:0902"))
    for tab in tabs:
        tab.until("tab.stream.items.size === 2 && tab.stream.state.name === 'live'")
        assert tab.run("return tab.updates();") == [["wire:0901", True], ["wire:0902", True]]
    assert server.opened.empty()


def test_a_leader_that_crashes_is_followed_by_another(context: BrowserContext, server: ScriptedServer) -> None:
    tabs, stream = shared(context, server, "locks", 3)
    leader, *others = sorted(tabs, key=lambda tab: tab.run("return tab.stream.role === 'follower';"))
    crash(leader)
    gone_on(others, server, stream)
    assert sorted(tab.run("return tab.stream.role;") for tab in others) == ["follower", "leader"]


def test_a_tab_of_the_worker_that_crashes_takes_nothing_along(context: BrowserContext, server: ScriptedServer) -> None:
    """The worker may live in the process of the tab that began it; then the next one goes on."""
    tabs, stream = shared(context, server, "worker", 3)
    crash(tabs[0])
    place = stream.send("sentiment_update", **update("wire:0902"))
    for tab in tabs[1:]:
        tab.until("tab.stream.items.size === 2 || tab.stream.state.name === 'connecting'")
    if tabs[1].run("return tab.stream.state.name === 'connecting';"):
        stream = server.accept()
        assert stream.query["last_event_id"] < place
        begin(stream, update("wire:0902"))
    for tab in tabs[1:]:
        tab.until("tab.stream.items.size === 2 && tab.stream.state.name === 'live'")
        assert tab.run("return tab.updates();") == [["wire:0901", True], ["wire:0902", True]]
        assert tab.run("return tab.stream.role;") == "worker"
    assert server.opened.empty()


def test_a_worker_that_dies_is_followed_by_another_and_at_last_by_a_leader(
    browser: Browser, context: BrowserContext, server: ScriptedServer
) -> None:
    tabs, stream = shared(context, server, "worker", 2)
    end_workers(browser)
    gone_on(tabs, server, stream)
    for role in ("worker", "leader"):
        stream = server.streams[-1]
        end_workers(browser)
        stream.wait_until_left()
        begin(server.accept())
        for tab in tabs:
            tab.until("tab.stream.state.name === 'live'")
        assert role in [tab.run("return tab.stream.role;") for tab in tabs]
    server.streams[-1].send("sentiment_update", **update("wire:0903"))
    for tab in tabs:
        tab.until("tab.stream.items.size === 3")
        assert tab.run("return tab.updates().filter(([, news]) => news).length;") == 3
    assert server.opened.empty()


def end_workers(browser: Browser) -> None:
    session = browser.new_browser_cdp_session()
    for target in session.send("Target.getTargets")["targetInfos"]:
        if target["type"] == "shared_worker":
            session.send("Target.closeTarget", {"targetId": target["targetId"]})
    session.detach()


@pytest.mark.parametrize("way", ["worker", "locks", "alone"])
def test_it_lets_a_page_into_the_back_forward_cache(context: BrowserContext, server: ScriptedServer, way: str) -> None:
    (tab,), stream = shared(context, server, way, 1)
    tab.run("addEventListener('pageshow', ({ persisted }) => { tab.persisted = persisted; });")
    tab.page.goto(f"{server.url}client.js")
    stream.wait_until_left()
    tab.page.go_back(wait_until="commit")
    again = server.accept()
    assert "last_event_id" in again.query
    begin(again, update(), update("wire:0902"))
    tab.until("tab.stream.items.size === 2 && tab.persisted")
    assert tab.run("return [tab.stream.role, tab.updates().map(([, news]) => news)];")[1] == [True, True]


def test_scripts_of_two_protocols_do_not_mix(context: BrowserContext, server: ScriptedServer) -> None:
    _, old = shared(context, server, "worker", 1)
    server.altered = [("PROTOCOL = 1;", "PROTOCOL = 2;")]
    (after,), _ = shared(context, server, "worker", 1)
    old.send("sentiment_update", **update("wire:0902"))
    old.cut()
    server.accept()
    assert after.run("return tab.items();") == ["wire:0901 positive TSLA"]


def test_a_tab_that_vanishes_is_noticed_without_locks(context: BrowserContext, server: ScriptedServer) -> None:
    server.altered = [("PING = 30_000;", "PING = 100;")]
    server.url = server.url.replace("127.0.0.1", INSECURE)
    keeper = Chromium(context, server).tab()
    keeper.run(KEEPS_THE_WORKER)
    keeper.open(server)
    stream = server.accept()
    begin(stream)
    keeper.until("tab.stream.state.name === 'live'")
    second = Chromium(context, server).tab()
    second.open(server)
    second.until("tab.stream.state.name === 'live'")
    assert second.run("return [navigator.locks ?? null, tab.stream.role];") == [None, "worker"]
    keeper.run("tab.stream.close();")
    second.run(VANISHES)
    second.close()
    stream.wait_until_left()
    assert server.opened.empty()


def test_a_page_of_another_origin_leads(browser: Browser, server: ScriptedServer) -> None:
    with serving() as elsewhere, browser.new_context() as context:
        elsewhere.pages["/tab"] = PAGE.replace('"/shared.js"', f'"{server.url}shared.js"')
        tabs, _ = shared(context, elsewhere, "worker", 2)
        assert sorted(tab.run("return tab.stream.role;") for tab in tabs) == ["follower", "leader"]
        assert len(elsewhere.streams) == 1


def test_the_policy_of_the_service_allows_the_worker(browser: Browser) -> None:
    with served() as service, page_of(browser, service.base, known=["favicon.ico"]) as page:
        page.goto(f"{service.base}/page/style.css")  # with the dashboard's policy, but without its stream
        page.evaluate("""async () => {
            const { SharedSentimentStream } = await import("/shared.js");
            window.stream = new SharedSentimentStream("/api/v2/stream");
            await new Promise((live) => stream.addEventListener("heartbeat", live));
        }""")
        service.publish("positive")
        once = "new Promise((told) => stream.items.size ? told() : stream.addEventListener('sentiment_update', told))"
        page.evaluate(f"async () => {{ await {once}; }}")
        assert page.evaluate("[stream.role, stream.items.size]") == ["worker", 1]
