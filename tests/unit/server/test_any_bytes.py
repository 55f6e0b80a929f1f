"""Whatever comes, however it is cut: what reaches the application is what h11 reads in the whole of it, or less."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.server.state import ConnectionState
from tests.steps import steps
from tests.unit.server.fakes import FakeServer, Link, Recorded, answers

Request = tuple[str, str, list[tuple[bytes, bytes]], bytes]

METHODS: Final = [b"GET", b"POST", b"HEAD", b"PATCH", b"OPTIONS", b"CONNECT", b"get", b"G T", b"", b"PRI"]
TARGETS: Final = [
    b"/", b"/a?b=c", b"*", b"http://x/y", b"http://x", b"x:443", b"/a#b", b"/\xe9", b"/a b", b"//x/y", b"?a", b"",
]  # fmt: skip
VERSIONS: Final = [b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"HTTP/11", b""]
ENDS: Final = [b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n", b"", b"\r\n ", b"\r\n\t"]
FIELDS: Final = [
    b"Host: x", b"Host: x", b"Host: x", b"Host: y", b"Host:", b"Host: a b", b"X-User-ID: ada", b"x-user-id:grace",
    b"Connection: close", b"Connection: keep-alive", b"Connection: Upgrade", b"Connection: Upgrade, close",
    b"Upgrade: websocket", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__", b"Expect: 100-continue", b"Expect: x",
    b"Content-Length: 0", b"Content-Length: 1", b"Content-Length: 5", b"Content-Length: 5", b"Content-Length: 40",
    b"Content-Length: 05", b"Content-Length: +5", b"Content-Length: 5, 5", b"Content-Length: 5,6",
    b"Content-Length: -1", b"Content-Length: 0x5", b"Content-Length: 99999999999999999999999", b"Content-Length:",
    b"Content-Length : 5", b"Content-Length: 40000", b"Content-Length: 1_0", b"X: Content-Length: 5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked",
    b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: identity", b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding:", b"Trailer: X-User-ID", b"X: \x00", b"X: \x7f", b"X: \xe9", b"X", b": x", b" X: y", b"X : y",
    b"X: a\rb", b"X: a\nX-User-ID: ada",
]  # fmt: skip
CHUNKS: Final = [
    b"1\r\na\r\n", b"5\r\nhello\r\n", b"05\r\nhello\r\n", b"5;ext=\"a\"\r\nhello\r\n", b"5 \r\nhello\r\n",
    b"5\nhello\n", b"5\r\nhello", b"4\r\nhello\r\n", b"6\r\nhello\r\n", b"a\r\n0123456789\r\n",
    b"A\r\n0\r\n\r\nGET /\r\n", b"zz\r\n", b"-1\r\n", b"0x5\r\nhello\r\n", b"ffffffffffffffff\r\n", b"8001\r\n",
    b"5;a\rb\r\nhello\r\n", b"5;a\nb\r\nhello\r\n", b"\r\n", b"5\r\nhello\r\n5\r\nhello\r\n",
]  # fmt: skip
LAST: Final = [
    b"0\r\n\r\n", b"0\r\n\r\n", b"00\r\n\r\n", b"0;x\r\n\r\n", b"0\r\nX-User-ID: ada\r\n\r\n",
    b"0\r\nHost: evil\r\nContent-Length: 5\r\n\r\n", b"0\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\n", b"0\n\n",
    b"0\r\nX\r\n\r\n", b"0\r\n X: y\r\n\r\n", b"0\r\nX: y\n\n", b"0\r\n", b"0\r\n\r", b"",
]  # fmt: skip
GARBAGE: Final = [
    b"", b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"\x00", b"\x16\x03\x01\x02\x00\x01", b"hello", b"0\r\n\r\n", b" ",
    b"GET /secret HTTP/1.1\r\nHost: x\r\nX-User-ID: grace\r\n\r\n", b"SM\r\n\r\n",
]  # fmt: skip


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    line = b" ".join([draw(st.sampled_from(METHODS)), draw(st.sampled_from(TARGETS)), draw(st.sampled_from(VERSIONS))])
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=5))
    return b"".join(part + draw(st.sampled_from(ENDS)) for part in [line, *fields]) + draw(st.sampled_from(ENDS))


@st.composite
def sound(draw: st.DrawFn) -> bytes:
    """A request as it should be, so that what follows it is met in every state."""
    method = draw(st.sampled_from([b"GET", b"POST"]))
    fields = [b"Host: x", *draw(st.lists(st.sampled_from([b"X-User-ID: ada", b"Upgrade: h2c", b"A: b"]), max_size=2))]
    match draw(st.sampled_from(["none", "sized", "chunked"])):
        case "none":
            body = b""
        case "sized":
            body = draw(st.sampled_from([b"hello", GARBAGE[-2]]))
            fields.append(b"Content-Length: %d" % len(body))
        case _:
            body = b"".join(draw(st.lists(st.sampled_from(CHUNKS[:5]), max_size=3))) + draw(st.sampled_from(LAST[:5]))
            fields.append(b"Transfer-Encoding: chunked")
    return b"%b / HTTP/1.1\r\n%b\r\n\r\n%b" % (method, b"\r\n".join(fields), body)


pieces = st.one_of(
    sound(),
    sound(),
    heads(),
    st.sampled_from(GARBAGE),
    st.builds(
        lambda head, chunks, last: head + b"".join(chunks) + last,
        heads() | st.just(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
        st.lists(st.sampled_from(CHUNKS), max_size=3),
        st.sampled_from(LAST),
    ),
    st.binary(max_size=9),
)


def reference(data: bytes) -> list[Request]:
    """The complete requests that h11 reads in it."""
    found: list[Request] = []
    while True:
        while data.startswith(b"\r\n"):  # RFC 9112, section 2.2; h11 does not
            data = data[2:]
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        parser.receive_data(data)
        try:
            request = parser.next_event()
            if not isinstance(request, h11.Request):
                return found
            body = b""
            while isinstance(event := parser.next_event(), h11.Data):
                body += bytes(event.data)
            if not isinstance(event, h11.EndOfMessage):
                return found
        except h11.RemoteProtocolError:
            return found
        found.append((request.method.decode(), request.target.decode(), list(request.headers), body))
        data = parser.trailing_data[0]
        if not data:
            return found


def target(request: Request) -> Request:
    """The same by its origin form."""
    method, named, headers, body = request
    origin = "/" + named.partition("://")[2].partition("/")[2] if "://" in named else named
    return method, origin, headers, body


async def read(data: bytes, cuts: list[int]) -> tuple[Recorded, Link, FakeServer]:
    app = Recorded()
    server = FakeServer(app)
    link = Link(server)
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        await link.send(data[start:end])
    while link.state is ConnectionState.ANSWERING:
        await steps()
    assert server.state.tasks == set() or link.state in (ConnectionState.BODY, ConnectionState.TRAILERS)
    return app, link, server


@st.composite
def cut(draw: st.DrawFn) -> tuple[bytes, list[int]]:
    data = b"".join(draw(st.lists(pieces, min_size=1, max_size=4)))
    if draw(st.booleans()):
        return data, list(range(1, len(data)))
    places = draw(st.lists(st.integers(0, len(data)), max_size=4))
    return data, sorted(places)


@given(cut())
@settings(max_examples=500, deadline=None)
def test_the_same_requests_are_seen_or_fewer_and_then_a_close(given: tuple[bytes, list[int]]) -> None:
    data, cuts = given
    expected = reference(data)

    async def both() -> None:
        app, link, server = await read(data, cuts)
        whole, together, _ = await read(data, [])
        assert app.requests == whole.requests, "how it is cut changes nothing"
        assert link.pipe.taken == together.pipe.taken
        seen = app.requests
        assert seen == [target(request) for request in expected[: len(seen)]]
        ended = link.pipe.closing or link.pipe.said_eof
        assert ended or len(seen) == len(expected)
        said = [status for status, _, _ in answers(bytes(link.pipe.taken)) if status != 100]
        refused = len(said) - len(seen)
        assert refused in (0, 1)
        assert said[: len(seen)] == [200] * len(seen)
        if refused:
            assert ended
            assert said[-1] in (400, 413, 431, 501)
        before = bytes(link.pipe.taken)
        await server.loop.advance(100)
        assert link.pipe.lost, "every state ends"
        assert link.connection.state is ConnectionState.CLOSED
        assert [status for status, _, _ in answers(bytes(link.pipe.taken)[len(before) :])] in ([], [408])

    asyncio.run(both())
