"""/client.js in each browser against the real service, on the real path, while the service is killed, restarted, full,
silent, and a gateway answers 502 for it. The page is never reloaded."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from streamer.change import iso_time
from streamer.local.clients import LocalClients
from streamer.local.resources import Resources
from tests.browser.gateway import before
from tests.browser.service import Service, controlled
from tests.browser.tab import Tab

pytestmark = [pytest.mark.browser, pytest.mark.slow("kills, freezes and restarts the service in each browser")]

# The page's snapshot is what it has ever been told: in place of REST, which answers from the table.
OPTIONS = """{longestWait: 0.3, timeout: 1, snapshot: async () => [...tab.table.values()]}"""


@pytest.fixture(scope="module")
def service(resources: Resources) -> Iterator[Service]:
    environment = resources.environment() | {
        "CORS_ORIGINS": "*",
        "SSE_RECEIVE_WAIT": "1",
        "SSE_DRAIN_WINDOW": "0.2",
        "SSE_HEARTBEAT_INTERVAL": "0.4",
    }
    with controlled(environment) as service:
        yield service


@pytest.fixture
def running(service: Service) -> Iterator[Service]:
    service.end()
    service.start()
    yield service
    service.end()


@dataclass
class Put:
    """Writes one new item → the start of how the tab lists it. Each test has its own ticker: a service that starts
    reads what the tests before have written."""

    resources: Resources
    ticker: str = field(default_factory=lambda: f"T{time.time_ns() % 10**9}")

    def __call__(self) -> str:
        source_id = f"{time.time_ns()}"
        dynamodb = LocalClients(self.resources.endpoint_url).dynamodb()
        dynamodb.put_item(
            TableName=self.resources.sentiment_table,
            Item={
                "source_id": {"S": source_id},
                "timestamp": {"S": iso_time(time.time_ns() // 1_000_000)},
                "matched_tickers": {"L": [{"S": self.ticker}]},
                "sentiment": {"S": "positive"},
                "score": {"N": "0.5"},
            },
        )
        return f"{source_id} positive {self.ticker}"


@pytest.fixture
def put(resources: Resources) -> Put:
    return Put(resources)


def begun(tab: Tab, url: str, put: Put) -> tuple[str, float]:
    """Opens a stream that gets a change → how that is listed, and what a reload would change."""
    tab.run("tab.table = new Map();")
    tab.open(f"{url}?tickers={put.ticker}", OPTIONS)
    tab.run("tab.stream.addEventListener('sentiment_update', ({ data }) => tab.table.set(data.version, data));")
    shown(tab)
    first = put()
    assert shown(tab, first) == [first]
    return first, tab.value("tab.born")


def shown(tab: Tab, *items: str) -> list[str]:
    """Waits until the stream is live and these are shown; everything that is shown then."""
    wanted = list(items)
    found: list[str] = tab.until(
        f"tab.stream.state.name === 'live' && {wanted}.every((it) => tab.items().includes(it)) && tab.items()"
    )
    return found


def test_it_lives_through_kill_9_and_a_restart(tab: Tab, running: Service, put: Put) -> None:
    first, born = begun(tab, running.url, put)
    running.end()
    assert tab.until("['reconnecting', 'polling'].includes(tab.stream.state.name) && tab.items()") == [first]
    assert tab.value("tab.stream.state.why")
    running.start()
    assert shown(tab, first) == [first]
    second = put()
    assert shown(tab, first, second) == [first, second]
    assert not tab.value("tab.of('replaced').some(({data}) => data.reason === 'too_old')"), "a place outlives its run"
    assert tab.value("tab.born") == born


def test_it_heeds_the_goodbye_of_a_restart(tab: Tab, running: Service, put: Put) -> None:
    first, born = begun(tab, running.url, put)
    running.end(signal.SIGTERM)
    assert tab.until("tab.of('closing').length && tab.of('closing')[0].data.reason") == "drain"
    running.start()
    second = put()
    assert shown(tab, first, second) == [first, second]
    assert tab.value("tab.born") == born


def test_it_waits_for_a_full_service(tab: Tab, service: Service, put: Put) -> None:
    service.end()
    service.start(SSE_MAX_CONNECTIONS="1")
    with before(service.port) as gateway:
        first, born = begun(tab, f"{gateway.url}/api/v2/stream", put)
        gateway.cut()
        until_free(service)
        with httpx.stream("GET", service.url, trust_env=False) as other:
            assert other.status_code == 200, "the one slot is another's"
            gateway.port = service.port
            tab.until("tab.stream.state.why === 'The server has no free stream.'")
            assert tab.value("tab.stream.state.name") in ("busy", "polling")
            assert tab.value("tab.items()") == [first]
        until_free(service)
        second = put()
        # Or it waits 10 s and more, as it was told: a tab that comes back looks at once.
        tab.run("""const look = () => document.dispatchEvent(new Event("visibilitychange"));
            tab.stream.addEventListener("state", look);
            look();""")
        assert shown(tab, first, second) == [first, second]
        assert tab.value("tab.born") == born


def test_it_gives_up_a_frozen_service(tab: Tab, running: Service, put: Put) -> None:
    first, born = begun(tab, running.url, put)
    running.send(signal.SIGSTOP)
    tab.until("tab.stream.state.why === 'The stream fell silent.'")
    tab.until("tab.stream.state.why === 'The server did not answer.'")  # the kernel still accepts
    assert tab.value("tab.items()") == [first]
    running.send(signal.SIGCONT)
    second = put()
    assert shown(tab, first, second) == [first, second]
    assert tab.value("tab.born") == born


def test_it_lives_where_a_native_eventsource_dies_of_a_502(tab: Tab, running: Service, put: Put) -> None:
    with before(running.port) as gateway:
        first, born = begun(tab, f"{gateway.url}/api/v2/stream", put)
        native(tab, f"{gateway.url}/api/v2/stream")
        running.end()
        assert tab.run("await tab.died; return tab.native.readyState;") == 2, "closed, and never to come back"
        assert gateway.refused.is_set()
        tab.until("tab.stream.state.why.includes('CORS_ORIGINS')")  # a gateway's page is not ours to read
        assert tab.value("tab.items()") == [first]
        running.start()
        second = put()
        assert shown(tab, first, second) == [first, second]
        assert tab.value("[tab.native.readyState, tab.updates]") == [2, 0]
        assert tab.value("tab.born") == born


def test_it_lives_where_a_native_eventsource_dies_of_a_refused_reconnect(tab: Tab, running: Service, put: Put) -> None:
    if tab.value("navigator.userAgent.includes('Chrome')"):
        pytest.skip("chromium's EventSource retries a refused connection; firefox's does not")
    first, born = begun(tab, running.url, put)
    native(tab, running.url)
    running.end()
    assert tab.run("await tab.died; return tab.native.readyState;") == 2, "closed, and never to come back"
    running.start()
    second = put()
    assert shown(tab, first, second) == [first, second]
    assert tab.value("[tab.native.readyState, tab.updates, tab.born]") == [2, 0, born]


def until_free(service: Service) -> None:
    """Returns when the service has noticed that a stream has ended."""
    with httpx.Client(trust_env=False) as client:
        while not client.get(f"{service.url}/status").json()["available"]:
            pass


def native(tab: Tab, url: str) -> None:
    """Opens an EventSource beside the client; `tab.died` resolves when the browser has given it up."""
    tab.run(f"""
        tab.updates = 0;
        tab.native = new EventSource("{url}?on_full=wait");
        tab.native.addEventListener("sentiment_update", () => {{ tab.updates += 1; }});
        tab.died = new Promise((resolve) => {{
          tab.native.addEventListener("error", () => tab.native.readyState === EventSource.CLOSED && resolve());
        }});
        await new Promise((resolve) => {{ tab.native.addEventListener("connected", resolve); }});
    """)
