"""/client.js in each browser, against a stream that the test speaks itself."""

from __future__ import annotations

import json

import pytest

from tests.browser.scripted import ScriptedServer, Stream, begin, heartbeat, update, withdrawn
from tests.browser.tab import Tab
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.browser

QUICK = "{longestWait: 0.05}"
FRESH = {"replay": "60", "on_full": "wait"}


def stream_url(server: ScriptedServer) -> str:
    return f"{server.url}api/v2/stream"


def live(tab: Tab, server: ScriptedServer, options: str = QUICK) -> Stream:
    tab.open(stream_url(server), options)
    stream = server.accept()
    begin(stream)
    tab.until("tab.stream.state.name === 'live'")
    return stream


def after(place: str) -> dict[str, str]:
    return {"last_event_id": place, "on_full": "wait"}


def test_it_asks_for_the_last_minute_and_waits_if_there_is_no_room(tab: Tab, server: ScriptedServer) -> None:
    tab.open(stream_url(server))
    stream = server.accept()
    assert stream.query == FRESH
    assert tab.value("tab.stream.state") == {
        "name": "connecting",
        "mode": None,
        "why": "Opening the stream.",
        "until": None,
        "status": None,
    }
    begin(stream, update())
    assert tab.until("tab.stream.state.name === 'live' && tab.items()") == ["wire:0901 positive TSLA"]
    tab.open(f"{stream_url(server)}?tickers=AAPL&replay=5")
    assert server.accept().query == {"tickers": "AAPL", "replay": "5", "on_full": "wait"}


def test_state_belongs_to_an_item_and_what_it_says_already_is_no_event(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server)
    for data in (
        update(),
        update(ticker="NVDA"),
        update(),
        update(version="v2", label="negative"),
        update(version="v2", label="negative"),
        update(),
    ):
        stream.send("sentiment_update", **data)
    stream.send("sentiment_withdrawn", **withdrawn(ticker="AAPL"))  # it never had that one
    stream.send("sentiment_withdrawn", **withdrawn())
    assert tab.until("tab.of('sentiment_withdrawn').length && tab.items()") == ["wire:0901 positive NVDA"]
    stream.send("sentiment_update", **update())
    tab.until("tab.items()[0] === 'wire:0901 positive NVDA,TSLA'")
    for ticker in ("NVDA", "TSLA"):
        stream.send("sentiment_withdrawn", **withdrawn(ticker=ticker))
    tab.until("tab.stream.items.size === 0")
    heard = tab.value("tab.of('sentiment_update').map(({data, news, replayed}) => [data.version, news, replayed])")
    first, nvda, second = "v1-wire:0901-TSLA", "v1-wire:0901-NVDA", "v2-wire:0901-TSLA"
    assert heard == [
        [first, True, False],
        [nvda, True, False],
        [second, True, False],
        [first, False, False],
        [first, False, False],
    ]


def test_an_update_comes_with_the_item_before_and_after(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server)
    tab.run("""tab.pairs = [];
        for (const name of ["sentiment_update", "sentiment_withdrawn"])
          tab.stream.addEventListener(name, ({ item, previous }) => tab.pairs.push([previous?.label, item?.label]));""")
    stream.send("sentiment_update", **update())
    stream.send("sentiment_update", **update(version="v2", label="negative"))
    stream.send("sentiment_withdrawn", **withdrawn())
    pairs = tab.until("tab.of('sentiment_withdrawn').length && tab.pairs")
    assert pairs == [[None, "positive"], ["positive", "negative"], ["negative", None]]


def test_the_state_is_bounded_and_the_first_item_goes_first(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server, "{limit: 2}")
    for n in range(4):
        stream.send("sentiment_update", **update(f"wire:{n}"))
    tab.until("tab.stream.items.has(JSON.stringify(['wire:3', '2026-11-22T14:18:46.484Z']))")
    assert tab.value("tab.items()") == ["wire:2 positive TSLA", "wire:3 positive TSLA"]


@pytest.mark.parametrize(
    ("mode", "name"), [("push", "live"), ("poll", "polling"), ("both", "polling"), ("down", "down"), ("new", "live")]
)
def test_the_state_follows_the_mode_of_the_service(tab: Tab, server: ScriptedServer, mode: str, name: str) -> None:
    stream = live(tab, server)
    heartbeat(stream, mode)
    assert tab.until(f"tab.stream.state.mode === '{mode}' && tab.stream.state.name") == name


GIVEN = "{snapshot: () => new Promise((give) => { tab.give = give; tab.ask(true); })}"


def test_a_start_shows_the_history_at_once_and_puts_the_snapshot_under_it(tab: Tab, server: ScriptedServer) -> None:
    tab.run("tab.asked = new Promise((resolve) => { tab.ask = resolve; });")
    tab.open(stream_url(server), GIVEN)
    stream = server.accept()
    begin(stream, update(version="v2", label="negative"), update("wire:gone"))
    assert tab.run("return await tab.asked;")
    assert tab.until("tab.stream.state.name === 'live' && tab.items()") == [
        "wire:0901 negative TSLA",
        "wire:gone positive TSLA",
    ]
    stream.send("sentiment_update", **update("wire:0902"))
    stream.send("sentiment_withdrawn", **withdrawn("wire:gone"))
    tab.until("tab.of('sentiment_withdrawn').length")
    assert tab.value("tab.of('replaced')") == []
    older = [update("wire:0800"), update(), update("wire:gone")]
    tab.run(f"tab.give({json.dumps(older)});")
    assert tab.until("tab.of('replaced').length && tab.items()") == [
        "wire:0800 positive TSLA",
        "wire:0901 negative TSLA",
        "wire:0902 positive TSLA",
    ]
    heard = tab.value("tab.of('replaced', 'sentiment_update').map(({data, replayed}) => [data.source_id, replayed])")
    assert heard == [["wire:0901", True], ["wire:gone", True], ["wire:0902", False], [None, None]]
    place = heartbeat(stream)
    tab.until("tab.of('heartbeat').length === 2")
    stream.cut()
    assert server.accept().query == after(place)


def test_a_start_whose_snapshot_has_not_come_is_a_start_again(tab: Tab, server: ScriptedServer) -> None:
    tab.run("tab.asked = new Promise((resolve) => { tab.ask = resolve; });")
    tab.open(stream_url(server), GIVEN.replace("{snapshot", "{longestWait: 0.05, snapshot"))
    stream = server.accept()
    begin(stream, update())
    tab.until("tab.stream.state.name === 'live' && tab.items().length")
    stream.cut()
    again = server.accept()
    assert again.query == FRESH, "the place is not ours before the snapshot is"
    begin(again, update("wire:0902"))
    tab.until("tab.of('heartbeat').length === 2")
    assert tab.value("tab.items()") == ["wire:0901 positive TSLA"], "half a history is no state"
    tab.run(f"tab.give({json.dumps([update('wire:0800')])});")
    assert tab.until("tab.of('replaced').length && tab.stream.state.name === 'live' && tab.items()") == [
        "wire:0800 positive TSLA",
        "wire:0902 positive TSLA",
    ]


def test_a_reset_replaces_the_state_in_one_step_when_its_history_is_there(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server)
    place = stream.send("sentiment_update", **update("wire:old"))
    tab.until("tab.stream.items.size === 1")
    stream.cut()
    second = server.accept()
    assert second.query == after(place)
    second.send("connected", with_id=False, resume="reset", mode="push", retry_ms=20, heartbeat_seconds=30)
    second.send("reset", with_id=False, reason="too_old")
    second.send("sentiment_update", **update("wire:new"))
    second.send("metrics", total=1)
    tab.until("tab.of('metrics').length")
    assert tab.value("tab.items()") == ["wire:old positive TSLA"], "half a history is no state"
    second.cut()
    third = server.accept()
    assert third.query == after(place), "what was not applied is asked for again"
    begin(third, update("wire:new"), reset="too_old")
    assert tab.until("tab.items()[0] === 'wire:new positive TSLA' && tab.stream.items.size") == 1
    assert tab.value("tab.of('replaced').map(({data}) => data.reason)") == ["fresh", "too_old"]
    place = heartbeat(third)
    tab.until("tab.of('heartbeat').length === 3")
    third.cut()
    assert server.accept().query == after(place)


def test_a_running_stream_may_be_reset_too(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server, "{snapshot: async () => tab.rows ?? []}")
    stream.send("sentiment_update", **update("wire:old"))
    tab.until("tab.stream.items.size === 1")
    tab.run(f"tab.rows = {json.dumps([update('wire:snapshot')])};")
    stream.send("reset", with_id=False, reason="configuration_changed")
    stream.send("sentiment_update", **update("wire:new"))
    heartbeat(stream)
    items = tab.until("tab.of('replaced').length === 2 && tab.stream.items.size === 2 && tab.items()")
    assert items == ["wire:snapshot positive TSLA", "wire:new positive TSLA"]


def test_the_snapshot_is_told_which_tickers_the_stream_shows_now(tab: Tab, server: ScriptedServer) -> None:
    tab.run("tab.asked = [];")
    stream = live(tab, server, "{snapshot: async ({ tickers }) => (tab.asked.push(tickers), [])}")
    stream.send("reset", with_id=False, reason="configuration_changed", tickers=["AMD", "F"])
    heartbeat(stream)
    tab.until("tab.of('replaced').length === 2")
    stream.send("reset", with_id=False, reason="too_old")
    heartbeat(stream)
    tab.until("tab.of('replaced').length === 3")
    assert tab.value("tab.asked") == [None, ["AMD", "F"], ["AMD", "F"]]
    assert tab.value("tab.stream.tickers") == ["AMD", "F"]


def test_what_comes_between_a_reset_and_the_next_heartbeat_is_history(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server)
    stream.send("sentiment_update", **update("wire:old"))
    stream.send("reset", with_id=False, reason="configuration_changed", tickers=["NVDA"])
    stream.send("sentiment_update", **update("wire:history", "NVDA"))
    heartbeat(stream)
    stream.send("sentiment_update", **update("wire:live", "NVDA"))
    tab.until("tab.of('sentiment_update').length === 3")
    assert tab.value("tab.of('sentiment_update').map((it) => it.replayed)") == [False, True, False]
    assert tab.value("tab.items()") == ["wire:history positive NVDA", "wire:live positive NVDA"]
    assert tab.value("tab.states().at(-1)") == "live"


def test_a_configuration_that_is_gone_is_said(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server, "{longestWait: 60}")
    stream.send("closing", with_id=False, reason="configuration_gone", retry_ms=60_000)
    assert tab.until("tab.stream.state.why.startsWith('The configuration') && tab.stream.state.name") == "reconnecting"


def test_a_snapshot_that_fails_is_said_and_tried_again(tab: Tab, server: ScriptedServer) -> None:
    tab.open(stream_url(server), "{longestWait: 0.05, snapshot: () => { throw new Error('no rows today'); }}")
    for _ in range(2):
        begin(server.accept())
        tab.until("tab.stream.state.why === 'The snapshot could not be read: no rows today'")


def test_a_snapshot_that_never_comes_is_given_up_whatever_else_comes(tab: Tab, server: ScriptedServer) -> None:
    tab.open(stream_url(server), "{longestWait: 0.05, snapshot: () => new Promise(() => {})}")
    stream = server.accept()
    begin(stream, beat=0.1)
    for _ in range(1000):
        heartbeat(stream)
        if tab.value("tab.stream.state.why") == "The snapshot did not come.":
            return
    pytest.fail("heartbeats excuse everything")


def test_without_a_stream_the_snapshot_alone_keeps_the_page_current(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server, "{longestWait: 0.05, snapshot: async () => tab.rows ?? []}")
    place = heartbeat(stream)
    tab.until("tab.of('heartbeat').length === 2")
    server.refusal = 502, "<h1>Bad Gateway</h1>"
    tab.run(f"tab.rows = {json.dumps([update('wire:polled')])};")
    stream.cut()
    assert tab.until("tab.stream.state.name === 'polling' && tab.items()") == ["wire:polled positive TSLA"]
    server.refusal = None
    again = server.accept()
    assert again.query == after(place)
    begin(again, update("wire:polled"), update("wire:missed"))
    tab.until("tab.stream.state.name === 'live' && tab.stream.items.size === 2")


def test_a_snapshot_that_comes_when_the_stream_is_back_is_too_late(tab: Tab, server: ScriptedServer) -> None:
    tab.run("tab.gives = [];")
    snapshot = (
        "snapshot: () => tab.gives.length ? new Promise((give) => tab.gives.push(give)) : (tab.gives.push(0), [])"
    )
    stream = live(tab, server, f"{{longestWait: 0.05, {snapshot}}}")
    heartbeat(stream)
    tab.until("tab.of('heartbeat').length === 2")
    server.refusal = 502, ""
    stream.cut()
    tab.until("tab.gives.length > 1")
    server.refusal = None
    begin(server.accept(), update())
    tab.until("tab.stream.state.name === 'live'")
    tab.run(f"tab.gives.slice(1).forEach((give) => give({json.dumps([update('wire:stale')])})); await null;")
    heartbeat(server.streams[-1])
    tab.until("tab.of('heartbeat').length === 4")
    assert tab.value("tab.items()") == ["wire:0901 positive TSLA"]


def test_asking_why_holds_no_stream(tab: Tab, server: ScriptedServer) -> None:
    tab.open(stream_url(server), "{longestWait: 600}")
    stream = server.accept()
    begin(stream, retry_ms=600_000)
    tab.until("tab.stream.state.name === 'live'")
    server.refusal = 502, ""
    server.admits_probes = True
    tab.run("tab.random = Math.random; Math.random = () => 1;")  # no attempt for ten minutes, which would end it too
    try:
        stream.cut()
        tab.until("tab.stream.state.until")
        tab.run("document.dispatchEvent(new Event('visibilitychange'));")
        assert server.probe_left.wait(WATCHDOG)
    finally:
        tab.run("Math.random = tab.random;")


def test_silence_is_noticed(tab: Tab, server: ScriptedServer) -> None:
    tab.open(stream_url(server), QUICK)
    begin(server.accept(), beat=0.05)
    tab.until("tab.stream.state.why === 'The stream fell silent.'")
    server.accept()


def test_a_server_that_never_answers_is_given_up(tab: Tab, server: ScriptedServer) -> None:
    server.mute = True
    tab.open(stream_url(server), "{timeout: 0.1, longestWait: 0.05}")
    server.accept()
    tab.until("tab.stream.state.why === 'The server did not answer.'")
    server.accept()


def test_a_ticket_is_renewed_when_it_has_expired_and_when_it_is_refused(tab: Tab, server: ScriptedServer) -> None:
    tab.run("tab.tickets = 0;")
    stream = live(tab, server, "{longestWait: 0.05, ticket: async () => `t${++tab.tickets}`}")
    assert stream.query == FRESH | {"ticket": "t1"}
    place = heartbeat(stream)
    stream.cut()
    second = server.accept()
    assert second.query == after(place) | {"ticket": "t1"}
    second.send("closing", with_id=False, reason="ticket_expired", retry_ms=20)
    assert server.accept().query == after(place) | {"ticket": "t2"}
    server.refusal = 401, {"detail": "Missing user identification"}
    for known in server.streams:
        known.cut()
    tab.until("tab.stream.state.status === 401 && tab.stream.state.why.endsWith('401. Missing user identification')")
    tab.until("tab.tickets > 2")
    server.refusal = None


def test_a_ticket_that_cannot_be_had_is_said_and_asked_for_again(tab: Tab, server: ScriptedServer) -> None:
    tab.run("tab.tickets = 0;")
    tab.open(
        stream_url(server),
        "{longestWait: 0.05, ticket: async () => { if (!tab.tickets++) throw new Error('log in'); return 't'; }}",
    )
    assert server.accept().query == FRESH | {"ticket": "t"}
    assert "No ticket could be had: log in" in tab.value("tab.of('state').map(({data}) => data.why)")


@pytest.mark.parametrize(
    ("refusal", "name", "why"),
    [
        ((422, {"detail": "tickers: entry 1 is no ticker"}), "reconnecting", "422. tickers: entry 1 is no ticker"),
        ((502, "<h1>Bad Gateway</h1>"), "reconnecting", "502."),
        ((200, "<h1>Please log in</h1>"), "reconnecting", "with text/html, which is no event stream."),
        ((503, {"detail": "Connection limit reached."}), "busy", "503. Connection limit reached."),
    ],
)
def test_a_refusal_is_explained_and_ends_nothing(
    tab: Tab, server: ScriptedServer, refusal: tuple[int, dict[str, str] | str], name: str, why: str
) -> None:
    server.refusal = refusal
    tab.open(stream_url(server), "{longestWait: 1}")
    state = tab.until("tab.stream.state.status && tab.stream.state")
    assert (state["name"], state["why"], state["status"]) == (name, f"The server answered {why}", refusal[0])
    server.refusal = None
    begin(server.accept())
    tab.until("tab.stream.state.name === 'live' && tab.stream.state.status === null")


def test_a_full_server_is_heeded_and_a_tab_that_comes_back_looks_at_once(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server)
    place = heartbeat(stream)
    stream.send("closing", with_id=False, reason="server_busy", retry_ms=600_000)
    state = tab.until("tab.stream.state.name === 'busy' && tab.stream.state")
    assert state["why"] == "The server has no free stream."
    assert 500_000 < state["until"] - tab.value("Date.now()") <= 600_000
    tab.run("document.dispatchEvent(new Event('visibilitychange'));")
    again = server.accept()
    assert again.query == after(place)
    assert tab.value("tab.stream.state.until") is None
    begin(again)
    tab.until("tab.stream.state.name === 'live'")
    tab.run("document.dispatchEvent(new Event('visibilitychange'));")
    stream = again
    stream.send("metrics", total=1)
    tab.until("tab.of('metrics').length")
    assert server.opened.empty(), "a stream that lives is left alone"


def test_a_stream_that_never_gets_through_comes_back_ever_later(tab: Tab, server: ScriptedServer) -> None:
    tab.run("tab.random = Math.random; Math.random = () => 0.3; tab.now = Date.now; Date.now = () => 1e12;")
    try:
        tab.open(stream_url(server))
        for _ in range(3):
            server.accept().send("closing", with_id=False, reason="drain", retry_ms=0)
        stream = server.accept()
        begin(stream, retry_ms=1000)
        tab.until("tab.stream.state.name === 'live'")  # which ends the growth
        stream.cut()
        server.accept()
        delays = tab.value("tab.of('state').filter(({data}) => data.until).map(({at, data}) => data.until - at)")
    finally:
        tab.run("Math.random = tab.random; Date.now = tab.now;")
    assert [round(delay / 300) for delay in delays] == [1, 2, 4, 1]


@pytest.mark.parametrize(("retry_ms", "waited"), [(0, 250), (-7, 250), (3e9, 86_400_000), ("soon", 250)])
def test_a_wait_out_of_all_measure_neither_hammers_nor_overflows_the_timer(
    tab: Tab, server: ScriptedServer, retry_ms: float | str, waited: int
) -> None:
    stream = live(tab, server)
    heartbeat(stream)
    tab.run("tab.now = Date.now; Date.now = () => 1e12;")
    try:
        stream.send("closing", with_id=False, reason="drain", retry_ms=retry_ms)
        until = tab.until("tab.of('state').map(({data}) => data.until).find((until) => until)")
    finally:
        tab.run("Date.now = tab.now;")
    assert until - 1e12 == pytest.approx(waited, abs=1)


def test_closing_it_in_a_listener_of_its_refusal_leaves_nothing_to_ask(tab: Tab, server: ScriptedServer) -> None:
    server.refusal = 503, {"detail": "full"}
    tab.run("""tab.asked = [];
        tab.fetch = globalThis.fetch.bind(globalThis);
        globalThis.fetch = (...call) => { tab.asked.push(String(call[0])); return tab.fetch(...call); };""")
    try:
        tab.open(stream_url(server))
        tab.run("""tab.stream.addEventListener("state", ({ data }) => {
            if (data.name !== "reconnecting") return;
            tab.asked = []; // what an earlier refusal asked
            tab.stream.close();
        });""")
        tab.until("tab.stream.state.name === 'closed'")
        assert tab.value("tab.asked.filter((url) => url.includes('/api/v2/stream'))") == []
        assert tab.value("tab.stream.state.name") == "closed"
    finally:
        tab.run("globalThis.fetch = tab.fetch;")


def test_a_stream_goes_on_from_another_that_has_ended(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server)
    stream.send("sentiment_update", **update())
    stream.send("sentiment_update", **update(version="v2"))
    place = stream.send("sentiment_update", **update("wire:0902"))
    tab.until("tab.stream.items.size === 2")
    assert tab.value("tab.stream.place") == place
    versions = ["v1-wire:0901-TSLA", "v2-wire:0901-TSLA", "v1-wire:0902-TSLA"]
    assert tab.value("tab.stream.seen") == versions
    tab.run("""const { place, items, seen } = tab.stream;
        tab.left = structuredClone({ place, seen, items: [...items.values()] });""")
    tab.open(stream_url(server), "tab.left")
    assert tab.value("tab.items()") == ["wire:0901 positive TSLA", "wire:0902 positive TSLA"]
    again = server.accept()
    assert again.query == after(place)
    begin(again, update("wire:0902"))
    again.send("sentiment_update", **update())
    again.send("sentiment_update", **update("wire:0903"))
    tab.until("tab.stream.items.size === 3")
    assert tab.value("tab.of('sentiment_update').map(({data, news}) => [data.version, news])") == [
        ["v1-wire:0901-TSLA", False],
        ["v1-wire:0903-TSLA", True],
    ]
    assert tab.value("tab.of('replaced')") == []


def test_one_that_waits_can_be_woken(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server)
    tab.run("tab.stream.wake();")
    stream.send("closing", with_id=False, reason="server_busy", retry_ms=600_000)
    tab.until("tab.stream.state.name === 'busy'")
    tab.run("tab.stream.wake();")
    server.accept()
    assert server.opened.empty(), "a stream that lives is left alone"
    tab.run("tab.stream.close(); tab.stream.wake();")
    assert tab.value("tab.stream.state.name") == "closed"


def test_an_offline_device_says_so_and_comes_back_by_itself(tab: Tab, server: ScriptedServer) -> None:
    stream = live(tab, server)
    place = heartbeat(stream)
    tab.until("tab.of('heartbeat').length === 2")
    tab.run("dispatchEvent(new Event('offline'));")
    assert tab.value("tab.stream.state.name") == "offline"
    place = heartbeat(stream)
    tab.until("tab.stream.state.name === 'live'")  # the stream lives all the same: so it says
    tab.run("dispatchEvent(new Event('offline')); dispatchEvent(new Event('online'));")
    assert server.accept().query == after(place)
    tab.run("Object.defineProperty(navigator, 'onLine', { value: false, configurable: true });")
    try:
        server.streams[-1].cut()
        begin(server.accept())  # it goes on trying: a service on this machine needs no network
        tab.until("tab.stream.state.name === 'live'")
        lost = tab.value("tab.of('state').filter(({data}) => data.why === 'The connection was lost.')")
        assert {state["data"]["name"] for state in lost} == {"offline"}
    finally:
        tab.run("delete navigator.onLine;")


def test_what_a_listener_throws_is_reported_and_stops_nothing(tab: Tab, server: ScriptedServer) -> None:
    tab.run("tab.reported.length = 0;")
    tab.open(stream_url(server), QUICK)
    tab.run("""for (const name of ["connected", "replaced", "sentiment_update", "heartbeat", "state"])
        tab.stream.addEventListener(name, () => { throw new Error(`thrown in ${name}`); });""")
    begin(server.accept(), update())
    assert tab.until("tab.stream.state.name === 'live' && tab.items()") == ["wire:0901 positive TSLA"]
    reported = " ".join(tab.value("tab.reported"))
    for name in ("connected", "replaced", "sentiment_update", "heartbeat", "state"):
        assert f"thrown in {name}" in reported
    assert "unhandled" not in reported


@pytest.mark.parametrize("data", ["{", "null", "7"])
def test_an_event_that_is_no_json_object_is_dropped(tab: Tab, server: ScriptedServer, data: str) -> None:
    tab.open(stream_url(server))
    stream = server.accept()
    stream.send("connected", with_id=False, resume="fresh", mode="push")
    stream.send_raw(f"event: sentiment_update\ndata: {data}\n\n")  # in the replay, which is applied in one step
    stream.send("sentiment_update", **update())
    heartbeat(stream)
    tab.until("tab.stream.state.name === 'live'")
    assert tab.value("tab.items()") == ["wire:0901 positive TSLA"]


@pytest.mark.parametrize(
    "moment", ["connecting", "connected", "replaced", "sentiment_update", "live", "closing", "state"]
)
def test_closing_ends_it_with_all_its_timers_wherever_it_is(tab: Tab, server: ScriptedServer, moment: str) -> None:
    before = tab.value("tab.timers()")
    tab.open(stream_url(server), "{longestWait: 0.05, snapshot: async () => []}")
    if moment == "connecting":
        server.accept()
        tab.run("tab.stream.close();")
    else:
        condition = "tab.stream.state.name === 'live'" if moment == "live" else "true"
        name = "state" if moment == "live" else moment
        tab.run(f"tab.stream.addEventListener('{name}', () => {condition} && tab.stream.close());")
        stream = server.accept()
        begin(stream, update())
        if moment == "closing":
            tab.until("tab.stream.state.name === 'live'")
            stream.send("closing", with_id=False, reason="drain", retry_ms=1)
        tab.until("tab.stream.state.name === 'closed'")
    told = tab.value("tab.log.length")
    assert tab.value("[tab.timers(), tab.stream.state.name]") == [before, "closed"]
    assert tab.value("[tab.log.at(-1).type, tab.log.at(-1).data.name]") == ["state", "closed"], "its last word"
    tab.run("dispatchEvent(new Event('online')); document.dispatchEvent(new Event('visibilitychange'));")
    assert tab.value("tab.log.length") == told
    assert server.opened.empty()


def test_an_address_that_is_none_is_a_mistake_of_the_caller(tab: Tab, server: ScriptedServer) -> None:
    with pytest.raises(AssertionError, match="TypeError"):
        tab.run(f"const it = await import('{server.url}client.js'); new it.SentimentStream('http://');")
