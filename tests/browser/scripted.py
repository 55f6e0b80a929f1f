"""A server whose stream the test speaks itself, event by event."""

import itertools
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from streamer.web.app import page_headers
from tests.watchdog import WATCHDOG

PAGE = Path(__file__).parents[2] / "streamer" / "web" / "page"
CLIENT = PAGE.with_name("client")
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Stream:
    """One open stream: `query` is what the page asked for; events are written as they are sent."""

    def __init__(self, query: dict[str, str], handler: BaseHTTPRequestHandler, ids: Iterator[int]) -> None:
        self.query = query
        self.ended = threading.Event()
        self._handler = handler
        self._ids = ids

    def send(self, name: str, *, with_id: bool = True, **data: Any) -> str:
        """Write one event → its id, or "" for one without."""
        place = f"evt_{next(self._ids):032x}" if with_id else ""
        line = f"id: {place}\n" if place else ""
        self.send_raw(f"event: {name}\n{line}data: {json.dumps(data)}\n\n")
        return place

    def send_raw(self, text: str) -> None:
        """Write anything; one that has gone does not hear it."""
        with suppress(OSError):
            self._handler.wfile.write(text.encode())

    def wait_until_left(self) -> None:
        """Returns when the browser has closed the connection."""
        self._handler.connection.settimeout(WATCHDOG)
        with suppress(ConnectionError):
            assert self._handler.connection.recv(1) == b""

    def cut(self) -> None:
        """End the response without a word."""
        self.ended.set()


class ScriptedServer(ThreadingHTTPServer):
    """Serves the page with its content security policy, and hands each stream to the test."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.refusal: tuple[int, dict[str, Any] | str] | None = None
        """Status and body (a problem, or the text of a gateway's page) in place of a stream."""
        self.rows: list[dict[str, Any]] | None = []
        """The snapshot, the newest first; None: a 503."""
        self.behind: list[list[dict[str, Any]]] = []
        """The pages behind it."""
        self.pages: dict[str, str] = {}
        """More documents, by path; without a policy."""
        self.altered: list[tuple[str, str]] = []
        """What is replaced in the page's files that have it, and by what."""
        self.posts: dict[str, Any] = {}
        """What a POST is answered, by its target."""
        self.series: dict[str, list[dict[str, Any]]] = {}
        """The buckets of the history, whatever their length, by ticker; see `bucket`."""
        self.series_refused = False
        """Answer 503 in their place."""
        self.session: dict[str, Any] = {"user": None, "users": [], "configurations": False}
        """Who looks at the page."""
        self.frame_ancestors: tuple[str, ...] = ()
        """Who may embed the page."""
        self.snapshots_wait: threading.Event | None = None
        """Until it is set, no snapshot is answered."""
        self.asked: list[dict[str, str]] = []
        """The queries of the snapshots."""
        self.admits_probes = False
        """Refuse EventSources alone: what asks why gets a stream."""
        self.probe_left = threading.Event()
        """Set when one that asked why, and got a stream, let it go."""
        self.readable = True
        """Let pages of other origins read what the API answers."""
        self.mute = False
        """Accept and never answer."""
        self.ids = itertools.count(1)
        self.refused: queue.Queue[dict[str, str]] = queue.Queue()
        """The queries of the requests that were refused."""
        self.opened: queue.Queue[Stream] = queue.Queue()
        self.streams: list[Stream] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that has gone is what many tests are about."""

    def accept(self) -> Stream:
        """The next stream the page opens."""
        return self.opened.get(timeout=WATCHDOG)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = cast(ScriptedServer, self.server)
        url = urlsplit(self.path)
        if url.path in server.pages:
            return self._answer(200, TYPES[".html"], server.pages[url.path].encode(), policy=False)
        if url.path == "/api/v2/sentiment":
            server.asked.append(dict(parse_qsl(url.query)))
            if server.snapshots_wait is not None:
                server.snapshots_wait.wait(WATCHDOG)
            pages = [server.rows, *server.behind]
            turn = int(server.asked[-1].get("cursor", 0))
            cursor = str(turn + 1) if turn + 1 < len(pages) else None
            page = json.dumps({"items": pages[turn], "cursor": cursor}).encode()
            return self._answer(503 if server.rows is None else 200, "application/json", page)
        if url.path == "/api/v2/sentiment/series":
            return self._series(dict(parse_qsl(url.query)))
        if url.path == "/page/session.json":
            return self._answer(200, "application/json", json.dumps(server.session).encode())
        if not url.path.endswith("/stream"):
            return self._file(url.path)
        stream = Stream(dict(parse_qsl(url.query)), self, server.ids)
        probe = self.headers["Accept"] != "text/event-stream"
        if server.refusal is not None and not (probe and server.admits_probes):
            status, body = server.refusal
            server.refused.put(stream.query)
            if isinstance(body, str):
                return self._answer(status, "text/html", body.encode())
            return self._answer(status, "application/problem+json", json.dumps(body).encode())
        if not server.mute:
            self._head(200, "text/event-stream")
        if probe:
            with suppress(OSError):
                self.wfile.write(b": a stream begins at once\n\n")  # before which firefox shows no headers
                self.connection.recv(1)
            server.probe_left.set()
            return None
        server.streams.append(stream)
        server.opened.put(stream)
        stream.ended.wait()

    def _series(self, query: dict[str, str]) -> None:
        server = cast(ScriptedServer, self.server)
        if server.series_refused:
            return self._answer(503, "application/json", b"{}")
        known = server.series
        seconds = int(query["bucket"])
        series = [
            {"ticker": ticker, "buckets": [it | {"time": _start(it["time"], seconds)} for it in known[ticker]]}
            for ticker in query["tickers"].split(",")
            if ticker in known
        ]
        answer = {"bucket": seconds, "since": query["since"], "series": series, "cursor": None}
        self._answer(200, "application/json", json.dumps({**answer, "as_of": None}).encode())

    def do_POST(self) -> None:
        answer = cast(ScriptedServer, self.server).posts.get(self.path)
        self._answer(404 if answer is None else 200, "application/json", json.dumps(answer).encode())

    def _file(self, address: str) -> None:
        name = address.removeprefix("/page/").removeprefix("/") or "index.html"
        folder = PAGE if address == "/" or address.startswith("/page/") else CLIENT
        path = folder / name
        if path.parent != folder or path.suffix not in TYPES or not path.is_file():
            return self._answer(404, "text/plain", b"")
        text = path.read_text()
        for old, new in cast(ScriptedServer, self.server).altered:
            text = text.replace(old, new)
        self._answer(200, TYPES[path.suffix], text.encode())

    def _answer(self, status: int, content_type: str, body: bytes, *, policy: bool = True) -> None:
        self._head(status, content_type, len(body), policy=policy)
        self.wfile.write(body)

    def _head(self, status: int, content_type: str, length: int | None = None, *, policy: bool = True) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if policy:
            headers = page_headers(cast(ScriptedServer, self.server).frame_ancestors)
            self.send_header("Content-Security-Policy", headers["Content-Security-Policy"])
        self.send_header("Cache-Control", "no-cache")
        if cast(ScriptedServer, self.server).readable or not self.path.startswith("/api/"):
            self.send_header("Access-Control-Allow-Origin", "*")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """A test's output is its assertions."""


def _start(time: str, seconds: int) -> str:
    """Of the bucket that a time is in."""
    at = datetime.fromisoformat(time).timestamp()
    return datetime.fromtimestamp(at // seconds * seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@contextmanager
def serving() -> Iterator[ScriptedServer]:
    """A scripted server on a free loopback port; at the end every stream of it ends."""
    with ScriptedServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            for stream in server.streams:
                stream.cut()


def iso(ago: timedelta = timedelta(0)) -> str:
    return (datetime.now(UTC) - ago).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def update(item: str = "wire:0901", ticker: str = "TSLA", version: str = "v1", **changes: Any) -> dict[str, Any]:
    """The data of a `sentiment_update`, written just now."""
    return {
        "source_id": item,
        "timestamp": "2026-11-22T14:18:46.484Z",
        "version": f"{version}-{item}-{ticker}",
        "ticker": ticker,
        "label": "positive",
        "score": 0.37,
        "confidence": 0.82,
        "source": "reuters",
        "updated_at": iso(),
        "committed_at": None,
    } | changes


def bucket(ago: timedelta = timedelta(0), **changes: Any) -> dict[str, Any]:
    """One bucket of a series: three items of now."""
    counts = {"items": 3, "positive": 2, "neutral": 0, "negative": 1}
    scores = {"mean": 0.213333, "least": -0.4, "greatest": 0.67, "last": 0.37}
    return {"time": iso(ago), **counts, **scores} | changes


def withdrawn(item: str = "wire:0901", ticker: str = "TSLA", reason: str = "deleted") -> dict[str, Any]:
    return {"source_id": item, "timestamp": "2026-11-22T14:18:46.484Z", "ticker": ticker, "reason": reason}


def heartbeat(stream: Stream, mode: str = "push") -> str:
    return stream.send("heartbeat", timestamp=iso(), connections=3, uptime_seconds=4312, mode=mode)


def begin(
    stream: Stream, *replay: dict[str, Any], reset: str = "", mode: str = "push", beat: float = 30, retry_ms: int = 20
) -> None:
    """What opens a stream: `connected`, `reset` where asked for, the replay, `heartbeat`."""
    stream.send(
        "connected",
        with_id=False,
        connection_id="c",
        tickers=stream.query["tickers"].split(",") if "tickers" in stream.query else None,
        resume="reset" if reset else "resumed" if "last_event_id" in stream.query else "fresh",
        replayed=len(replay),
        mode=mode,
        retry_ms=retry_ms,
        heartbeat_seconds=beat,
    )
    if reset:
        stream.send("reset", with_id=False, reason=reset)
    for data in replay:
        stream.send("sentiment_update", **data)
    heartbeat(stream, mode)
