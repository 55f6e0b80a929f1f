"""/shared.js, against a stream that the test speaks itself: the tabs of a browser share one, which outlives each of
them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Driven

from tests.browser import firefox
from tests.browser.chromium import launched
from tests.browser.conftest import SLOW
from tests.browser.scripted import ScriptedServer, Stream, begin, heartbeat, update, withdrawn
from tests.browser.shared import KEEPS_THE_WORKER, PAGE, VANISHES, Browser, Chromium, Frames, SharedTab
from tests.browser.tab import Tab, opened
from tests.watchdog import WATCHDOG

pytestmark = [pytest.mark.browser, pytest.mark.slow("two tabs of the page are in the first tier")]

OTHERS = pytest.mark.slow("the ways of browsers without a shared worker")
SHARING = pytest.mark.parametrize("way", ["worker", pytest.param("locks", marks=OTHERS)])


@pytest.fixture(scope="module", params=["chromium", pytest.param("firefox", marks=SLOW)])
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driven | Tab]:
    if request.param == "chromium":
        with launched() as browser:
            yield browser
    else:
        with opened(firefox.command, tmp_path_factory.mktemp("firefox")) as tab:
            yield tab


@pytest.fixture
def browser(started: Driven | Tab, server: ScriptedServer) -> Iterator[Browser]:
    server.pages["/tab"] = PAGE
    if isinstance(started, Tab):
        yield Frames(started, server)
        return
    with started.new_context() as context:
        context.set_default_timeout(WATCHDOG * 1000)
        yield Chromium(context, server)


def live(tab: SharedTab, server: ScriptedServer, options: str = "", query: str = "") -> Stream:
    """The first of the tabs, whose stream is live."""
    tab.open(server, options, query)
    stream = server.accept()
    begin(stream)
    tab.until("tab.stream.state.name === 'live'")
    return stream


def joined(
    browser: Browser, server: ScriptedServer, way: str, options: str = ""
) -> tuple[SharedTab, SharedTab, Stream]:
    """Two tabs, the first of which began the stream."""
    first, second = browser.tab(way), browser.tab(way)
    stream = live(first, server, options)
    second.open(server, options)
    second.until("tab.stream.state.name === 'live'")
    return first, second, stream


SNAPSHOT = """snapshot: async ({ signal }) => {
    const response = await fetch("/api/v2/sentiment?limit=500", { signal });
    return (await response.json()).items.reverse();
}"""


@SHARING
def test_twenty_tabs_hold_one_stream_and_read_one_snapshot(browser: Browser, server: ScriptedServer, way: str) -> None:
    server.rows = [update("wire:2"), update("wire:1")]
    tabs = [browser.tab(way) for _ in range(20)]
    for tab in tabs:
        tab.open(server, SNAPSHOT)
    stream = server.accept()
    begin(stream)
    for tab in tabs:
        tab.until("tab.stream.state.name === 'live' && tab.stream.items.size === 2")
    place = stream.send("sentiment_update", **update("wire:3"))
    for tab in tabs:
        items = tab.until("tab.stream.items.size === 3 && tab.items()")
        assert items == [f"wire:{n} positive TSLA" for n in (1, 2, 3)]
        assert tab.run("return tab.updates();") == [["wire:3", True]]
        assert tab.run("return [...tab.stream.items.values()].every(Object.isFrozen);")
    assert server.opened.empty()
    assert server.asked == [{"limit": "500"}]
    roles = sorted(tab.run("return tab.stream.role;") for tab in tabs)
    assert roles == (["worker"] * 20 if way == "worker" else ["follower"] * 19 + ["leader"])
    stream.cut()
    assert server.accept().query["last_event_id"] == place
    assert server.opened.empty()


@SHARING
def test_each_tab_has_snapshots_of_its_own(browser: Browser, server: ScriptedServer, way: str) -> None:
    first, second, stream = joined(browser, server, way)
    for tab in (first, second):
        tab.run("""
            const { snapshot, subscribe } = tab.stream;
            tab.before = snapshot();
            tab.called = [];
            subscribe(() => tab.called.push(snapshot()));
        """)
    stream.send("sentiment_update", **update())
    stream.send("metrics", total=1)
    for tab in (first, second):
        # Changes within 50 ms of a call are told together, later.
        tab.until("tab.stream.snapshot().metrics?.total === 1 && tab.called.at(-1) === tab.stream.snapshot()")
        assert tab.run("return [tab.before.items.size, tab.called.at(-1).items.size];") == [0, 1]
        assert tab.run("tab.stream.close(); await null; return tab.called.at(-1).state.name;") == "closed"


@SHARING
def test_a_tab_that_joins_late_has_the_state_at_once(browser: Browser, server: ScriptedServer, way: str) -> None:
    first = browser.tab(way)
    stream = live(first, server)
    for item, ticker in (("wire:1", "TSLA"), ("wire:2", "F"), ("wire:1", "NVDA")):
        stream.send("sentiment_update", **update(item, ticker))
    stream.send("metrics", total=1)
    stream.send("metrics", total=2)
    stream.send("reset", with_id=False, reason="configuration_changed", tickers=["F", "TSLA"])
    stream.send("sentiment_update", **update("wire:4", "F"))
    stream.send("sentiment_update", **update("wire:3", "F"))
    heartbeat(stream, "poll")
    first.until("tab.reasons().length === 2 && tab.stream.state.name === 'polling'")
    late = browser.tab(way)
    late.open(server)
    late.until("tab.of('heartbeat').length")
    assert late.run("return tab.items();") == ["wire:4 positive F", "wire:3 positive F"]
    assert late.run("return tab.stream.tickers;") == ["F", "TSLA"]
    said = "({ type, data }) => [type, data.reason ?? data.name ?? data.total ?? data.mode]"
    told = late.run(f"return tab.log.map({said});")
    assert told == [
        ["replaced", "joined"],
        ["state", "polling"],
        ["connected", "push"],
        ["metrics", 2],
        ["heartbeat", "poll"],
    ]
    stream.send("sentiment_update", **update("wire:3", "F", version="v2", label="negative"))
    stream.send("sentiment_withdrawn", **withdrawn("wire:4", "F"))
    for tab in (first, late):
        assert tab.until("tab.of('sentiment_withdrawn').length && tab.items()") == ["wire:3 negative F"]
    assert server.opened.empty()


@SHARING
def test_the_first_tab_may_go_without_a_word(browser: Browser, server: ScriptedServer, way: str) -> None:
    first, second, stream = joined(browser, server, way)
    third = browser.tab(way)
    third.open(server)
    place = stream.send("sentiment_update", **update())
    for tab in (second, third):
        tab.until("tab.stream.items.size === 1")
    first.run(VANISHES)
    first.close()
    if way == "locks":
        stream.wait_until_left()
        stream = server.accept()
        assert stream.query == {"last_event_id": place, "on_full": "wait"}
        begin(stream, update(), update("wire:0902"))  # the first of them again
    else:
        stream.send("sentiment_update", **update("wire:0902"))
    stream.send("sentiment_update", **update("wire:0903"))
    for tab in (second, third):
        tab.until("tab.stream.items.size === 3 && tab.stream.state.name === 'live'")
        assert tab.run("return tab.updates();") in (
            [[f"wire:090{n}", True] for n in (1, 2, 3)],
            [[f"wire:090{n}", True] for n in (2, 3)],  # it joined when the first was there
        )
        assert tab.run("return tab.reasons();") == ["joined"]
    assert server.opened.empty()


@SHARING
def test_the_last_tab_may_go_without_a_word(browser: Browser, server: ScriptedServer, way: str) -> None:
    first, second = browser.tab(way), browser.tab(way)
    if way == "worker":
        first.run(KEEPS_THE_WORKER)
    stream = live(first, server)
    second.open(server)
    second.until("tab.stream.state.name === 'live'")
    first.run("tab.stream.close();")
    if way == "locks":
        stream = server.accept()
    second.run(VANISHES)
    second.close()
    stream.wait_until_left()
    assert server.opened.empty()


@SHARING
def test_an_earlier_version_that_comes_back_is_no_news_to_the_next_leader(
    browser: Browser, server: ScriptedServer, way: str
) -> None:
    first, second, stream = joined(browser, server, way)
    for version in ("v1", "v2"):
        stream.send("sentiment_update", **update(version=version))
    stream.send("metrics", total=7)
    second.until("tab.updates().length === 2 && tab.of('metrics').length")
    first.close()
    if way == "locks":
        stream = server.accept()
        begin(stream)
    stream.send("sentiment_update", **update(version="v1"))
    stream.send("sentiment_update", **update(version="v3"))
    second.until("tab.updates().length === 4")
    assert [news for _, news in second.run("return tab.updates();")] == [True, True, False, True]
    late = browser.tab(way)
    late.open(server)
    assert late.until("tab.of('heartbeat').length && tab.of('metrics').map(({ data }) => data.total)") == [7]
    stream.send("sentiment_update", **update(version="v2"))
    assert late.until("tab.updates()[0]") == ["wire:0901", False]


@SHARING
def test_other_urls_users_and_options_are_other_streams(browser: Browser, server: ScriptedServer, way: str) -> None:
    tab = browser.tab(way)
    live(tab, server)
    for options, query in (("", "?tickers=F"), ("user: 'ada'", ""), ("user: 'linus'", ""), ("limit: 5", "")):
        live(browser.tab(way), server, options, query)
    assert len(server.streams) == 5


@SHARING
def test_the_last_tab_that_closes_it_ends_the_connection(browser: Browser, server: ScriptedServer, way: str) -> None:
    first, second, stream = joined(browser, server, way)
    first.run("tab.stream.close();")
    assert first.run("return [tab.stream.state.name, tab.log.at(-1).data.name];") == ["closed", "closed"]
    if way == "locks":
        stream = server.accept()
        begin(stream)
    stream.send("sentiment_update", **update())
    second.until("tab.stream.items.size === 1")
    second.run("tab.stream.close();")
    stream.wait_until_left()
    assert first.run("return tab.stream.items.size;") == 0
    assert live(second, server).query == {"replay": "60", "on_full": "wait"}, "a new start"


# The worker, too, takes the lock of a tab for a moment: when the tab lets go of it.
HELD_NOTHING = """for (let held = [0]; held.length; ) {
    held = (await navigator.locks?.query())?.held.filter(({ name }) => / (tab|leader)/.test(name)) ?? [];
}"""


@pytest.mark.parametrize("way", ["worker", *(pytest.param(way, marks=OTHERS) for way in ("locks", "alone"))])
def test_a_page_that_is_put_away_holds_nothing_and_goes_on_when_it_is_back(
    browser: Browser, server: ScriptedServer, way: str
) -> None:
    tab = browser.tab(way)
    stream = live(tab, server)
    place = stream.send("sentiment_update", **update())
    tab.until("tab.stream.items.size === 1")
    for away, back in (
        ("new PageTransitionEvent('pagehide', {persisted: true})", "new PageTransitionEvent('pageshow')"),
        ("new Event('freeze')", "new Event('resume')"),
    ):
        target = "document" if "freeze" in away else "window"
        tab.run(f"{target}.dispatchEvent({away});")
        stream.wait_until_left()
        tab.run(HELD_NOTHING)
        tab.run(f"{target}.dispatchEvent({back});")
        stream = server.accept()
        assert stream.query == {"last_event_id": place, "on_full": "wait"}
        begin(stream, update(), update(f"wire:{target}"))
        tab.until(f"tab.updates().length === {2 if target == 'window' else 3}")
        place = heartbeat(stream)
        tab.until(f"tab.of('heartbeat').length === {3 if target == 'window' else 5}")
    assert [news for _, news in tab.run("return tab.updates();")] == [True, True, True]
    assert tab.run("return tab.reasons();") == ["fresh"]


@SHARING
def test_a_tab_that_was_away_is_told_what_it_missed(browser: Browser, server: ScriptedServer, way: str) -> None:
    first, second, stream = joined(browser, server, way)
    stream.send("sentiment_update", **update())
    second.until("tab.stream.items.size === 1")
    second.run("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}));")
    stream.send("sentiment_update", **update(version="v2", label="negative"))
    stream.send("sentiment_update", **update("wire:0902"))
    first.until("tab.updates().length === 3")
    second.run("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}));")
    second.until("tab.of('sentiment_update').length === 3")
    assert second.run("return tab.reasons();") == ["joined", "joined"]
    assert second.run("return tab.items();") == ["wire:0901 negative TSLA", "wire:0902 positive TSLA"]
    told = "tab.of('sentiment_update').map((it) => [it.data.version, it.news, it.replayed, it.previous?.label])"
    assert second.run(f"return {told};")[1:] == [
        ["v2-wire:0901-TSLA", True, True, "positive"],
        ["v1-wire:0902-TSLA", True, True, None],
    ]
    stream.send("sentiment_update", **update("wire:0902"))
    stream.send("metrics", total=1)
    second.until("tab.of('metrics').length")
    assert second.run("return tab.updates().length;") == 3


@SHARING
def test_a_ticket_is_fetched_by_one_tab_for_all_and_renewed_by_another(
    browser: Browser, server: ScriptedServer, way: str
) -> None:
    first, second = browser.tab(way), browser.tab(way)
    stream = live(first, server, "user: 'ada', ticket: async () => 'first'")
    assert stream.query["ticket"] == "first"
    second.open(server, "user: 'ada', ticket: async () => 'second'")
    second.until("tab.stream.state.name === 'live'")
    place = heartbeat(stream)
    second.until("tab.of('heartbeat').length === 2")
    first.close()
    if way == "locks":
        stream = server.accept()
        assert stream.query["ticket"] == "second"
        begin(stream)
        second.until("tab.stream.state.name === 'live'")
        place = heartbeat(stream)
        second.until("tab.of('heartbeat').length === 4")
    stream.send("closing", with_id=False, reason="ticket_expired", retry_ms=20)
    assert server.accept().query == {"last_event_id": place, "on_full": "wait", "ticket": "second"}


def test_if_the_tab_that_is_asked_goes_another_is_asked(browser: Browser, server: ScriptedServer) -> None:
    never = "timeout: 600, ticket: () => new Promise(() => { tab.asked = true; })"
    first, second = browser.tab(), browser.tab()
    first.open(server, never)
    first.until("tab.asked")
    second.open(server, never)
    second.until("tab.stream.role === 'worker'")
    first.run(VANISHES)
    first.close()
    second.until("tab.asked")
    second.close()
    third = browser.tab()
    third.open(server, "timeout: 600, ticket: async () => 'third'")
    assert server.accept().query["ticket"] == "third"


def test_a_tab_that_has_begun_may_take_its_time(browser: Browser, server: ScriptedServer) -> None:
    tab = browser.tab()
    timers = tab.run("""
        const { Hub } = await import("/shared.hub.js");
        const { setTimeout: set, clearTimeout: clear } = window;
        const patience = new Set();
        window.setTimeout = (action, ms) => {
          const timer = set(action, ms);
          if (ms === 3000) patience.add(timer);
          return timer;
        };
        window.clearTimeout = (timer) => { patience.delete(timer); clear(timer); };
        const numbers = { limit: 5, timeout: 5, longestWait: 5 };
        const hub = new Hub("hub", { url: "/api/v2/stream", functions: ["ticket"], ...numbers });
        const calls = [];
        hub.add("one", (message) => message.type === "call" && calls.push(message.call));
        const counts = [patience.size];
        hub.answer(calls[0], { begun: true });
        counts.push(patience.size);
        hub.close();
        Object.assign(window, { setTimeout: set, clearTimeout: clear });
        return counts;
    """)
    assert timers == [1, 0]


def test_if_the_tab_that_is_asked_hangs_another_is_asked(browser: Browser, server: ScriptedServer) -> None:
    server.altered = [("PATIENCE = 3000;", "PATIENCE = 1;")]
    first, second = browser.tab(), browser.tab()
    first.run("""const post = MessagePort.prototype.postMessage;
        MessagePort.prototype.postMessage = function (message) {
          if (message?.type === "answer") tab.asked = true;
          else post.call(this, message);
        };""")
    first.open(server, "user: 'ada', ticket: async () => 'first'")
    first.until("tab.asked")
    second.open(server, "user: 'ada', ticket: async () => 'second'")
    assert server.accept().query["ticket"] == "second"


@SHARING
def test_a_hidden_tab_gets_all_the_same(browser: Browser, server: ScriptedServer, way: str) -> None:
    first, hidden = browser.tab(way), browser.tab(way)
    hidden.run("Object.defineProperty(document, 'hidden', { value: true, configurable: true });")
    stream = live(first, server)
    hidden.open(server)
    hidden.until("tab.stream.state.name === 'live'")
    for n in range(5):
        stream.send("sentiment_update", **update(f"wire:{n}"))
        first.until(f"tab.updates().length === {n + 1}")
    hidden.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'));")
    for tab in (first, hidden):
        assert tab.until("tab.updates().length === 5 && tab.updates()") == [[f"wire:{n}", True] for n in range(5)]


@SHARING
def test_what_a_function_throws_is_said_in_each_tab(browser: Browser, server: ScriptedServer, way: str) -> None:
    tabs = [browser.tab(way) for _ in range(2)]
    for tab in tabs:
        tab.open(server, "snapshot: () => { throw new Error('no rows today'); }")
    begin(server.accept())
    for tab in tabs:
        tab.until("tab.stream.state.why === 'The snapshot could not be read: no rows today'")


@SHARING
def test_a_reset_replaces_the_items_of_each_tab_in_one_step(browser: Browser, server: ScriptedServer, way: str) -> None:
    first, second, stream = joined(browser, server, way, "snapshot: async ({ tickers }) => tab.rows?.[tickers] ?? []")
    stream.send("sentiment_update", **update())
    for tab in (first, second):
        tab.until("tab.stream.items.size === 1")
        tab.run(f"tab.rows = {{ 'AMD,F': {json.dumps([update('wire:1', 'AMD'), update('wire:2', 'F')])} }};")
        tab.run("""tab.seen = [];
            tab.stream.addEventListener("replaced", () => tab.seen.push([tab.stream.tickers, tab.items()]));""")
    stream.send("reset", with_id=False, reason="configuration_changed", tickers=["AMD", "F"])
    stream.send("sentiment_update", **update("wire:3", "F"))
    heartbeat(stream)
    for tab in (first, second):
        tab.until("tab.stream.items.size === 3")
        assert tab.run("return tab.seen;") == [[["AMD", "F"], ["wire:1 positive AMD", "wire:2 positive F"]]]
        assert tab.run("return tab.updates();")[-1] == ["wire:3", True]


@SHARING
def test_the_items_of_each_tab_are_bounded_alike(browser: Browser, server: ScriptedServer, way: str) -> None:
    first, second, stream = joined(browser, server, way, "limit: 2")
    for n in range(4):
        stream.send("sentiment_update", **update(f"wire:{n}"))
    for tab in (first, second):
        tab.until("tab.updates().length === 4")
        assert tab.run("return tab.items();") == ["wire:2 positive TSLA", "wire:3 positive TSLA"]


@SHARING
def test_a_tab_that_is_seen_again_makes_the_stream_look_at_once(
    browser: Browser, server: ScriptedServer, way: str
) -> None:
    first, second, stream = joined(browser, server, way)
    stream.send("closing", with_id=False, reason="server_busy", retry_ms=600_000)
    for tab in (first, second):
        tab.until("tab.stream.state.name === 'busy'")
    second.run("document.dispatchEvent(new Event('visibilitychange'));")
    begin(server.accept())
    for tab in (first, second):
        tab.until("tab.stream.state.name === 'live'")


@pytest.mark.parametrize("way", ["alone", pytest.param("refused", marks=OTHERS)])
def test_without_any_means_to_share_each_tab_has_its_own(browser: Browser, server: ScriptedServer, way: str) -> None:
    for _ in range(2):
        tab = browser.tab(way)
        stream = live(tab, server)
        stream.send("sentiment_update", **update())
        tab.until("tab.stream.items.size === 1")
        assert tab.run("return [tab.stream.role, tab.updates()];") == ["alone", [["wire:0901", True]]]


@pytest.mark.parametrize(
    ("old", "new", "wait"),
    [
        ("./shared.worker.js", "./there-is-none.js", "600_000"),  # which is noticed at once
        ("globalThis.EventSource", "globalThis.NotInThisBrowser", "600_000"),
        ('addEventListener("connect"', 'addEventListener("never"', "100"),
    ],
)
def test_a_worker_that_cannot_be_used_is_done_without(
    browser: Browser, server: ScriptedServer, old: str, new: str, wait: str
) -> None:
    server.altered = [(old, new), ("ANSWER = 10_000;", f"ANSWER = {wait};")]
    tabs = [browser.tab() for _ in range(2)]
    first, second = tabs
    live(first, server)
    second.open(server)
    second.until("tab.stream.state.name === 'live'")
    assert [tab.run("return tab.stream.role;") for tab in tabs] == ["leader", "follower"]
    assert server.opened.empty()


@pytest.mark.parametrize("way", ["worker", *(pytest.param(way, marks=OTHERS) for way in ("locks", "alone"))])
@pytest.mark.parametrize("moment", ["replaced", "state", "sentiment_update"])
def test_a_listener_may_close_it(browser: Browser, server: ScriptedServer, way: str, moment: str) -> None:
    tab = browser.tab(way)
    tab.open(server)
    tab.run(f"tab.stream.addEventListener('{moment}', () => tab.stream.close());")
    stream = server.accept()
    begin(stream, update(), update("wire:0902"))
    stream.wait_until_left()
    tab.until("tab.stream.state.name === 'closed'")
    assert tab.run("return tab.stream.items.size;") == {"replaced": 0, "state": 0}.get(moment, 1)
    assert tab.run("return [tab.log.at(-1).type, tab.log.at(-1).data.name];") == ["state", "closed"]


def test_a_listener_may_close_it_when_the_page_is_back(browser: Browser, server: ScriptedServer) -> None:
    tab = browser.tab("alone")
    live(tab, server)
    open_ones = tab.run("""
        dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
        const made = [];
        window.EventSource = class extends EventSource {
          constructor(url) {
            super(url);
            made.push(this);
          }
        };
        tab.stream.addEventListener("state", () => tab.stream.close());
        dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        return made.filter(({ readyState }) => readyState !== EventSource.CLOSED).length;
    """)
    assert open_ones == 0
    assert tab.run("return tab.stream.state.name;") == "closed"


def test_an_address_that_is_none_is_a_mistake_of_the_caller(browser: Browser) -> None:
    said = browser.tab().run("try { tab.open('http://'); } catch (error) { return error.name; }")
    assert said == "TypeError"
