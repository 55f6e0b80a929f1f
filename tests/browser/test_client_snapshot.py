"""`snapshot()` and `subscribe()` of /client.js, which React and others take; and what it says of another origin."""

from __future__ import annotations

import pytest

from tests.browser.scripted import ScriptedServer, begin, heartbeat, update, withdrawn
from tests.browser.tab import Tab
from tests.browser.test_client import live, stream_url
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.browser


def test_a_snapshot_is_the_same_until_something_changes_and_never_changes(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server)
    tab.run("tab.taken = [tab.stream.snapshot()];")
    assert tab.value("[tab.stream.snapshot() === tab.taken[0], Object.isFrozen(tab.taken[0])]") == [True, True]
    heartbeat(stream)
    tab.until("tab.of('heartbeat').length === 2")
    assert tab.value("tab.stream.snapshot() === tab.taken[0]"), "a heartbeat changes nothing that is shown"
    take = "tab.taken.push(tab.stream.snapshot());"
    stream.send("sentiment_update", **update())
    tab.until("tab.stream.items.size === 1")
    tab.run(take)
    stream.send("sentiment_update", **update())  # a repeat
    stream.send("metrics", total=3)
    tab.until("tab.of('metrics').length")
    tab.run(take)
    heartbeat(stream, mode="poll")
    tab.until("tab.stream.state.name === 'polling'")
    tab.run(take)
    stream.send("sentiment_withdrawn", **withdrawn())
    tab.until("tab.stream.items.size === 0")
    tab.run(take)
    assert tab.value("new Set(tab.taken).size") == 5, "each change makes another"
    shown = "[...it.items.values()].map((item) => item.label), it.state.name, it.state.mode, it.metrics?.total ?? null"
    assert tab.value(f"tab.taken.map((it) => [{shown}])") == [
        [[], "live", "push", None],
        [["positive"], "live", "push", None],
        [["positive"], "live", "push", 3],
        [["positive"], "polling", "poll", 3],
        [[], "polling", "poll", 3],
    ]
    assert tab.value("new Set(tab.taken.map((it) => it.items)).size") == 3, "items are copied when they change"
    assert tab.value("Object.keys(tab.taken[0]).sort()") == ["items", "metrics", "state", "tickers"]


def test_who_asks_in_a_listener_gets_what_the_event_tells(tab: Tab, server: ScriptedServer) -> None:
    tab.open(stream_url(server), "{snapshot: async () => []}")
    tab.run("""
        tab.differs = [];
        tab.stream.addEventListener("sentiment_update", ({ item }) => {
          if (tab.stream.snapshot().items.get(item.key) !== item) tab.differs.push(item);
        });
        tab.stream.addEventListener("state", ({ data }) => {
          if (tab.stream.snapshot().state !== data) tab.differs.push(data);
        });
        tab.stream.addEventListener("replaced", () => {
          if (tab.stream.snapshot().items.size !== tab.stream.items.size) tab.differs.push("replaced");
        });
    """)
    begin(server.accept(), update(), update("wire:0902"))
    tab.until("tab.stream.state.name === 'live'")
    assert tab.value("[tab.differs, tab.stream.snapshot().items.size]") == [[], 2]


def test_a_subscriber_is_called_once_for_what_comes_at_once(tab: Tab, server: ScriptedServer) -> None:
    tab.open(stream_url(server))
    tab.run("""
        tab.calls = [];
        const { subscribe, snapshot } = tab.stream; // as they are handed on
        tab.leave = subscribe(() => tab.calls.push(snapshot().items.size));
        subscribe(() => { throw new Error("thrown by a subscriber"); });
        subscribe(() => { tab.last = snapshot(); });
    """)
    begin(server.accept(), *(update(f"wire:{number}") for number in range(500)))
    tab.until("tab.stream.state.name === 'live'")
    tab.run("while (tab.last?.state.name !== 'live') await new Promise((resolve) => setTimeout(resolve, 5));")
    calls = tab.value("tab.calls")
    assert calls[-1] == 500
    assert len(calls) < 20, "not one for each item, nor for each that is sent with it"
    assert "thrown by a subscriber" in " ".join(tab.value("tab.reported"))
    tab.run("tab.leave(); tab.stream.close(); await null;")
    assert tab.value("tab.last.state.name") == "closed"
    assert len(tab.value("tab.calls")) == len(calls)


def test_the_end_is_told_at_once_and_leaves_no_timer(tab: Tab, server: ScriptedServer) -> None:
    before = tab.value("tab.timers()")
    stream = live(tab, server)
    tab.run("tab.calls = []; tab.stream.subscribe(() => tab.calls.push(tab.stream.snapshot().state.name));")
    for number in range(3):  # the later of them wait for their turn
        stream.send("sentiment_update", **update(f"wire:{number}"))
    tab.until("tab.stream.items.size === 3")
    tab.run("tab.stream.close(); await null;")
    assert tab.value("[tab.calls.at(-1), tab.timers()]") == ["closed", before]


def test_a_server_that_answers_but_not_to_this_origin_is_said_to_lack_it(tab: Tab, server: ScriptedServer) -> None:
    server.readable = False
    tab.open(stream_url(server))
    begin(server.accept())  # firefox shows no headers, and so refuses nothing, before a stream begins
    why = tab.until("tab.stream.state.why.includes('CORS_ORIGINS') && tab.stream.state.why")
    assert tab.value("origin") in why
    assert "most likely" in why
    assert server.probe_left.wait(WATCHDOG), "what was asked holds no slot"
