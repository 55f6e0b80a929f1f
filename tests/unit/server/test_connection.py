"""Each state of a connection and its bounds, with a peer and a clock in the test's hand."""

from __future__ import annotations

import asyncio
import json
import logging
from contextvars import ContextVar

import pytest
from starlette.types import Message, Receive, Scope, Send

from streamer.server.body import BODY_BYTES, FRAMING_BYTES
from streamer.server.connection import DISCARDED_BYTES, HIGH_WATER, PIPELINED_BYTES
from streamer.server.exchange import PIECE
from streamer.server.requests import HEAD_BYTES
from streamer.server.state import ConnectionState
from streamer.streams.transport import TAKEOVER, TransportSink
from streamer.web.body import MAX_BODY
from tests.steps import steps
from tests.unit.server.fakes import FakeServer, Link, Recorded, answer, answers

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
SIZED = POST + b"Content-Length: 10\r\n\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SEGMENT = 256 * 1024
"""The most that uvloop hands over at once."""


async def opened(app: object = None, **limits: object) -> tuple[FakeServer, Link]:
    server = FakeServer(app or Recorded(), **limits)  # type: ignore[arg-type]
    return server, Link(server)


class Slow:
    """An application that answers when it is told to."""

    def __init__(self, body: bytes = b"ok") -> None:
        self.go = asyncio.Event()
        self.begun = 0
        self.heard: list[str] = []
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        await self.go.wait()
        await answer(send, 200, self._body)
        self.heard.append((await receive())["type"])


# ---- idle ----


async def test_a_connection_on_which_nothing_comes_is_closed_without_a_word() -> None:
    server, link = await opened(head=20)
    assert server.loop.armed == [20]
    await link.send(b"\r\n\r\n\r")
    await server.loop.advance(10)
    await link.send(b"\n")
    assert server.loop.armed == [10], "empty lines are no beginning"
    await server.loop.advance(10)
    assert (link.pipe.lost, bytes(link.pipe.taken), server.state.connections) == (True, b"", set())


async def test_between_two_requests_it_is_kept_for_the_idle_time_and_empty_lines_change_nothing() -> None:
    server, link = await opened(idle=75)
    await link.send(GET)
    assert (link.state, server.loop.armed) == (ConnectionState.IDLE, [75])
    await server.loop.advance(74)
    await link.send(b"\r\n")
    await link.send(b"\r")
    await link.send(b"\n")
    assert server.loop.armed == [1]
    await link.send(GET)
    assert (link.statuses, server.loop.armed) == ([200, 200], [75])
    await server.loop.advance(75)
    assert link.pipe.lost
    assert not link.pipe.aborted


async def test_empty_lines_without_end_are_bounded() -> None:
    _, link = await opened()
    for _ in range(HEAD_BYTES // 1024):
        await link.send(b"\r\n" * 512)
    assert (link.statuses, link.held) == ([], 0)
    await link.send(b"\r\n")
    assert link.statuses == [431]


# ---- head ----


@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHo"])
async def test_a_head_has_its_time_in_all(begun: bytes) -> None:
    server, link = await opened(head=20)
    await link.send(begun)
    assert (link.state, server.loop.armed) == (ConnectionState.HEAD, [20])
    await server.loop.advance(19)
    await link.send(b"a")
    assert server.loop.armed == [1], "another byte prolongs nothing"
    await server.loop.advance(1)
    (status, headers, body) = answers(bytes(link.pipe.taken))[0]
    assert (status, headers["connection"], headers["content-type"]) == (408, "close", "application/problem+json")
    assert headers["x-content-type-options"] == "nosniff"
    assert json.loads(body)["status"] == 408


@pytest.mark.parametrize(
    "begins", [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"GET / HTTP/1.1\r\nHost: x\r\n", GET[:-2] + b"A: b\r\n"]
)
@pytest.mark.parametrize("segment", [1_000, 60_000, SEGMENT])
async def test_a_head_is_bounded_in_raw_bytes_whatever_they_are(begins: bytes, segment: int) -> None:
    app = Recorded()
    _, link = await opened(app)
    most = 0
    await link.send(begins)
    while not link.statuses:
        await link.send(b"x" * segment)
        most = max(most, link.held)
    assert link.statuses == [431]
    assert most <= HEAD_BYTES
    assert (link.held, app.begun) == (0, 0)


async def test_a_head_at_the_bound_is_read() -> None:
    app = Recorded()
    _, link = await opened(app)
    rest = b"GET / HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n"
    await link.send(rest[:-4] + b"x" * (HEAD_BYTES - len(rest)) + b"\r\n\r\n")
    await link.send(rest[:-4] + b"x" * (HEAD_BYTES - len(rest) + 1) + b"\r\n\r\n")
    assert link.statuses == [200, 431]


# ---- body and trailers ----


async def test_a_body_may_be_slow_but_not_stand_still() -> None:
    server, link = await opened(stalled=20, body=60)
    await link.send(SIZED)
    for _ in range(3):
        assert (link.state, server.loop.armed) == (ConnectionState.BODY, [20])
        await server.loop.advance(19)
        await link.send(b"1")
    assert server.loop.armed == [3], "60 in all"
    await server.loop.advance(2)
    await link.send(b"1")
    assert server.loop.armed == [1]
    await server.loop.advance(1)
    assert link.statuses == [408]


async def test_what_is_no_content_prolongs_nothing() -> None:
    server, link = await opened(stalled=20)
    await link.send(CHUNKED)
    await server.loop.advance(10)
    await link.send(b"5;name=value")
    await server.loop.advance(9)
    await link.send(b"and so on")
    assert server.loop.armed == [1]
    await link.send(b"\r\nh")
    assert server.loop.armed == [20]


async def test_trailers_have_the_time_of_a_head_and_reach_nobody() -> None:
    app = Recorded()
    server, link = await opened(app, head=15)
    await link.send(CHUNKED + b"1\r\na\r\n0\r\n")
    assert (link.state, server.loop.armed) == (ConnectionState.TRAILERS, [15])
    await server.loop.advance(14)
    await link.send(b"X-User-ID: ada\r\n")
    assert server.loop.armed == [1]
    await link.send(b"\r\n")
    assert link.statuses == [200]
    assert app.requests == [("POST", "/", [(b"host", b"x"), (b"transfer-encoding", b"chunked")], b"a")]
    await link.send(CHUNKED + b"1\r\na\r\n0\r\nX-User-ID: ada\r\n")
    await server.loop.advance(15)
    assert link.statuses == [200, 408]


@pytest.mark.parametrize(
    ("begins", "goes_on", "status"),
    [
        (CHUNKED + b"0\r\nX: ", b"x", 431),
        (CHUNKED + b"0\r\n", b"x", 431),
        (CHUNKED + b"0\r\n", b"A: b\r\n", 431),
        (CHUNKED + b"5;", b"x", 431),
        (CHUNKED, b"1;" + b"x" * 998 + b"\r\na\r\n", 431),
        (CHUNKED, b"1\r\na\r\n", 431),
        (CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n", 413),
    ],
)
@pytest.mark.parametrize("segment", [1_000, SEGMENT])
async def test_a_chunked_body_is_bounded_in_content_and_in_coding(
    begins: bytes, goes_on: bytes, status: int, segment: int
) -> None:
    _, link = await opened()
    await link.send(begins)
    most, piece = 0, goes_on * -(-segment // len(goes_on))
    while not link.statuses:
        await link.send(piece)
        most = max(most, link.held)
    assert link.statuses == [status]
    assert most <= BODY_BYTES + FRAMING_BYTES
    assert link.held == 0


@pytest.mark.parametrize("body", [b"Content-Length: 32769\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n8001\r\n"])
async def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(body: bytes) -> None:
    app = Recorded()
    _, link = await opened(app)
    await link.send(POST + body)
    assert link.statuses == [413]
    assert app.requests == []
    assert BODY_BYTES > MAX_BODY, "a route says it in its own words first"


async def test_who_waits_for_100_is_told_once_the_application_wants_the_body() -> None:
    _, link = await opened()
    await link.send(SIZED[:-2] + b"Expect: 100-continue\r\n\r\n")
    assert bytes(link.pipe.taken) == b"HTTP/1.1 100 Continue\r\n\r\n"
    await link.send(b"0123456789")
    assert link.statuses == [100, 200]
    assert not link.pipe.closing


async def test_a_request_that_is_answered_before_its_body_came_is_the_last_and_the_rest_is_dropped_and_bounded() -> (
    None
):
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 401)

    server, link = await opened(app, linger=5)
    await link.send(SIZED + b"123")
    assert (link.statuses, link.state) == ([401], ConnectionState.CLOSING)
    assert answers(bytes(link.pipe.taken))[0][1]["connection"] == "close"
    assert link.pipe.said_eof, "the client sees the answer's end"
    assert (link.pipe.lost, server.loop.armed) == (False, [5])
    await link.send(b"4567890" + GET)
    assert (link.held, link.statuses) == (0, [401])
    await link.send(b"x" * DISCARDED_BYTES)
    assert link.pipe.aborted


async def test_what_lingers_ends_in_time() -> None:
    server, link = await opened(linger=5)
    await link.send(b"nonsense\r\n\r\n")
    assert (link.statuses, link.state, server.loop.armed) == ([400], ConnectionState.CLOSING, [5])
    await server.loop.advance(5)
    assert link.pipe.lost
    assert server.state.connections == set()


async def test_a_client_that_leaves_within_its_body_leaves_nothing() -> None:
    app = Recorded()
    server, link = await opened(app)
    await link.send(SIZED + b"123")
    link.pipe.lose()
    await steps(9)
    assert (app.begun, app.requests, bytes(link.pipe.taken)) == (1, [], b"")
    assert (server.state.connections, server.state.tasks, server.loop.armed) == (set(), set(), [])


# ---- answering ----


async def test_pipelined_requests_are_read_one_by_one_and_answered_in_order() -> None:
    app = Slow()
    _, link = await opened(app)
    await link.send(GET * 3 + SIZED + b"0123456789" + GET)
    assert app.begun == 1
    app.go.set()
    await steps(99)
    assert link.statuses == [200] * 5
    assert app.begun == 5


async def test_a_request_knows_nothing_of_the_one_before_it_on_the_connection() -> None:
    marked: ContextVar[bool] = ContextVar("marked", default=False)
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(marked.get())
        marked.set(True)
        await answer(send)

    _, link = await opened(app)
    await link.send(GET * 2)
    assert (link.statuses, seen) == ([200, 200], [False, False])


async def test_what_comes_ahead_is_bounded_and_nothing_of_it_is_parsed() -> None:
    app = Slow()
    _, link = await opened(app)
    sent = 0
    while link.pipe.reading:
        await link.send(GET * (SEGMENT // len(GET)))
        sent += SEGMENT // len(GET)
    assert PIPELINED_BYTES < link.held <= PIPELINED_BYTES + SEGMENT
    assert app.begun == 1
    app.go.set()
    while len(link.statuses) < sent:
        await steps(99)
    assert link.statuses == [200] * sent
    assert (link.pipe.reading, link.state) == (True, ConnectionState.IDLE)


async def test_a_client_that_leaves_while_it_is_answered_is_seen_and_what_it_had_sent_is_forgotten() -> None:
    app = Slow()
    server, link = await opened(app)
    await link.send(GET * 1_000)
    assert link.pipe.reading, "a client's going is seen only so"
    link.pipe.lose()
    await steps(9)
    assert (link.held, server.state.connections) == (0, set())
    app.go.set()
    await steps(9)
    assert (app.begun, app.heard, bytes(link.pipe.taken)) == (1, ["http.disconnect"], b"")
    assert server.state.tasks == set()


async def test_a_large_answer_goes_in_pieces_as_the_client_takes_it_and_who_takes_nothing_is_cut() -> None:
    body = bytes(range(256)) * 4_000

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, body)

    server, link = await opened(app, unread=30)
    link.pipe.stuck = True
    await link.send(GET)
    most = 0
    while len(link.pipe.taken) < len(body) // 2:
        most = max(most, len(link.pipe.waiting))
        await server.loop.advance(29)
        assert server.loop.armed == [1]
        link.pipe.take()
        await steps(9)
    assert 0 < most < HIGH_WATER + PIECE + 500
    await server.loop.advance(29)
    assert len(server.state.connections) == 1
    await server.loop.advance(1)
    assert link.pipe.aborted
    assert (server.state.connections, server.state.tasks) == (set(), set())


async def test_a_last_answer_that_is_not_taken_is_cut_too() -> None:
    server, link = await opened(unread=30)
    link.pipe.stuck = True
    await link.send(GET[:-2] + b"Connection: close\r\n\r\n")
    assert (link.state, link.pipe.lost) == (ConnectionState.CLOSING, False)
    await server.loop.advance(30)
    assert link.pipe.aborted


async def test_answers_that_nobody_takes_do_not_pile_up() -> None:
    app = Recorded()
    server, link = await opened(app, unread=30)
    link.pipe.stuck = True
    await link.send(GET * 2_000)
    await steps(99)
    assert len(link.pipe.waiting) < HIGH_WATER + 1_000
    assert len(app.requests) < 300
    await server.loop.advance(30)
    assert (link.pipe.aborted, link.held, server.state.tasks) == (True, 0, set())


async def test_an_application_that_fails_is_a_500_and_within_its_answer_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        pass

    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"12", "more_body": True})

    async def short(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"12"})

    async def split(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"", (b"location", b"/\r\nset-cookie: a=b"))

    caplog.set_level(logging.CRITICAL)
    for app, statuses in ((fails, [500]), (silent, [500]), (half, [200]), (short, [200]), (split, [500])):
        server, link = await opened(app)
        await link.send(GET + GET)
        assert link.statuses == statuses, app
        assert link.state in (ConnectionState.CLOSING, ConnectionState.CLOSED)
        assert link.pipe.aborted == (statuses == [200])
        assert server.state.tasks == set()


async def test_head_and_http_1_0_are_answered_as_they_ask() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"some", "more_body": True})
        await send({"type": "http.response.body", "body": b"thing"})

    _, link = await opened(app)
    await link.send(GET.replace(b"GET", b"HEAD"))
    assert link.pipe.taken.endswith(b"\r\n\r\n")
    link.pipe.taken.clear()
    await link.send(GET)
    assert answers(bytes(link.pipe.taken)) == [(200, {"transfer-encoding": "chunked"}, b"something")]
    link.pipe.taken.clear()
    await link.send(GET.replace(b"1.1", b"1.0"))
    assert answers(bytes(link.pipe.taken)) == [(200, {"connection": "close"}, b"something")]
    assert link.pipe.lost


# ---- taken over ----


class Taking:
    """An application whose answer takes the connection over."""

    def __init__(self) -> None:
        self.sinks: list[TransportSink] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sink = TransportSink()
        start: Message = {"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]}
        if TAKEOVER in scope["extensions"]:
            start[TAKEOVER] = sink
        await send(start)
        if sink.attached:
            self.sinks.append(sink)
        else:
            await send({"type": "http.response.body", "body": b"plain"})


@pytest.mark.parametrize("behind", [b"", b"\r\n", b"GET /health/live HTTP/1.1\r\nHos", GET * 100])
async def test_who_takes_a_connection_over_has_it_alone(behind: bytes) -> None:
    app = Taking()
    server, link = await opened(app)
    await link.send(GET + behind)
    assert (link.state, server.loop.armed, link.held) == (ConnectionState.HANDED_OVER, [], 0)
    assert link.pipe.protocol is app.sinks[0]
    assert (server.state.connections, server.state.tasks, link.connection._transport) == (set(), set(), None)
    begun = bytes(link.pipe.taken)
    await server.loop.advance(1_000)
    link.connection.shutdown()
    assert bytes(link.pipe.taken) == begun
    app.sinks[0].write(b"data")
    app.sinks[0].close(b"")
    assert answers(bytes(link.pipe.taken))[0][2] == b"data"


async def test_a_connection_whose_client_has_gone_cannot_be_taken_over(caplog: pytest.LogCaptureFixture) -> None:
    app, slow = Taking(), Slow()

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await slow.go.wait()
        await app(scope, receive, send)

    server, link = await opened(late)
    await link.send(GET + b"GET / HT")
    link.pipe.lose()
    slow.go.set()
    await steps(9)
    assert (app.sinks, bytes(link.pipe.taken), server.state.tasks, caplog.records) == ([], b"", set(), [])
    await server.loop.advance(1_000)
    assert caplog.records == []


async def test_where_connections_are_not_given_the_answer_goes_on_as_any() -> None:
    server = FakeServer(Taking(), taken=None)
    link = Link(server)
    await link.send(GET)
    assert answers(bytes(link.pipe.taken))[0][2] == b"plain"
    assert link.pipe.lost


# ---- all of them ----


async def test_a_full_server_lets_the_longest_idle_go_then_the_slowest_head() -> None:
    server = FakeServer(Slow(), connections=4, reserve=2)
    links = []
    for _ in range(4):
        links.append(Link(server))
        await server.loop.advance(1)
    await links[0].send(b"GET / HT")
    await links[1].send(GET)
    more = [Link(server) for _ in range(3)]
    await steps(9)
    assert [link.pipe.lost for link in links] == [True, False, True, True]
    assert not any(link.pipe.lost for link in more)
    assert len(server.state.connections) == 4


async def test_streams_count_among_all() -> None:
    server = FakeServer(Recorded(), taken=lambda: 3, connections=4)
    first, _ = Link(server), Link(server)
    await steps(9)
    assert first.pipe.lost


async def test_while_all_are_being_answered_health_is_and_others_are_told_to_come_later() -> None:
    apps: dict[str, Slow | Recorded] = {"/": Slow(), "/health/live": Recorded(), "/health/ready": Recorded()}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["path"]](scope, receive, send)

    server = FakeServer(app, connections=4, reserve=2)
    for _ in range(4):
        await Link(server).send(GET)
    for path, status in ((b"/health/live", 200), (b"/", 503), (b"/health/ready", 200), (b"/", 503), (b"/", 503)):
        link = Link(server)
        await link.send(GET.replace(b"/ ", path + b" "))
        assert link.statuses == [status]
    waiting = [Link(server) for _ in range(20)]
    await steps(9)
    assert len(server.state.connections) <= 6
    assert not waiting[-1].pipe.lost, "the newest is heard"


async def test_who_leaves_its_answer_unread_is_let_go_before_others_are_refused() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"x" * 100_000)

    server = FakeServer(app, connections=3, reserve=1)
    links = [Link(server) for _ in range(9)]
    for link in links:
        link.pipe.stuck = True
        await link.send(GET)
    assert len(server.state.connections) <= 4
    assert not links[-1].pipe.lost


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize("owed", [SIZED, CHUNKED + b"0\r\n"])
async def test_who_owes_the_rest_of_a_request_is_let_go_before_others_are_refused(owed: bytes, method: bytes) -> None:
    """Also while its answer waits, which it may leave unread for as long as the body may take: else a few hundred
    strangers who send and take nothing have the whole server."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await receive()
        await answer(send, 200, b"x" * 100_000)

    server = FakeServer(app, connections=3, reserve=1)
    links = [Link(server) for _ in range(3)]
    for link in links:
        link.pipe.stuck = True
        await link.send(owed.replace(b"POST", method))
        await server.loop.advance(1)
    other = Link(server)
    await other.send(GET.replace(b"GET", b"HEAD"))
    assert other.pipe.taken.startswith(b"HTTP/1.1 200 ")
    assert [link.pipe.lost for link in links] == [True, False, False]
    for link in links[1:]:
        link.connection.abort()
        await steps(9)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (b"Host: x\r\nHost: x\r\n\r\n", 400),
        (b"Host: x\r\nContent-Length: 99999\r\n\r\n", 413),
        (b"Host: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"Host: x\r\nX: " + b"x" * HEAD_BYTES, 431),
        (b"Host: x\r\n", 408),
        (b"Host: x\r\nContent-Length: 9\r\n\r\n", 408),
        (b"Host: x\r\n\r\n", 500),
    ],
)
@pytest.mark.parametrize("before", [b"", GET])
async def test_a_refusal_of_a_head_has_no_content(before: bytes, lines: bytes, status: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] == "http.request" and scope["method"] == "GET":
            await answer(send)

    server, link = await opened(app, head=20)
    await link.send(before)
    seen = len(link.pipe.taken)
    await link.send(b"HEAD / HTTP/1.1\r\n" + lines)
    await server.loop.advance(21)
    said = bytes(link.pipe.taken[seen:])
    assert said.startswith(b"HTTP/1.1 %d " % status)
    assert said.endswith(b"\r\n\r\n")
    assert said.count(b"\r\n\r\n") == 1


async def test_who_has_just_come_is_not_let_go_for_the_next_while_others_have_waited_longer() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, 200, b"x" * 100_000)

    server = FakeServer(app, connections=4, reserve=1)
    unread = [Link(server) for _ in range(4)]
    for link in unread:
        link.pipe.stuck = True
        await link.send(GET)
        await server.loop.advance(1)
    first, second, third = (Link(server) for _ in range(3))
    await steps(9)
    for link in (first, second, third):
        await link.send(GET)
        assert (link.statuses, link.pipe.lost) == ([200], False)
    assert [link.pipe.lost for link in unread] == [True, True, True, False]
    unread[-1].connection.abort()
    await steps(9)


async def test_a_stop_closes_who_is_idle_at_once_and_lets_answers_end() -> None:
    app = Slow()
    server = FakeServer(app)
    idle, begun, busy = Link(server), Link(server), Link(server)
    await begun.send(b"GET / HT")
    await busy.send(GET + GET)
    for connection in list(server.state.connections):
        connection.shutdown()
    await steps(9)
    assert (idle.pipe.lost, begun.pipe.lost, busy.pipe.lost) == (True, True, False)
    app.go.set()
    await steps(99)
    assert (busy.statuses, busy.pipe.lost, app.begun) == ([200], True, 1)
    assert server.state.connections == set()
