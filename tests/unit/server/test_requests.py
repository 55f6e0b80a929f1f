"""What is read as a request, and what two servers could read in two ways and is refused."""

from __future__ import annotations

import pytest

from streamer.server.body import BODY_BYTES, FRAMING_BYTES, MAX_LINES, ChunkedBody
from streamer.server.refused import RequestRefused
from streamer.server.requests import Head, Requests

HOST = b"Host: x\r\n"


def read(data: bytes) -> tuple[Head, bytes | None]:
    requests = Requests()
    requests.feed(data)
    head = requests.head()
    assert head is not None
    return head, requests.body()


@pytest.mark.parametrize(
    ("line", "path", "query"),
    [
        (b"GET / HTTP/1.1", b"/", b""),
        (b"GET /a%2fb?c=d?e&f HTTP/1.1", b"/a%2fb", b"c=d?e&f"),
        (b"GET //a//b HTTP/1.1", b"//a//b", b""),
        (b"GET http://other.example:8080/a?b HTTP/1.1", b"/a", b"b"),
        (b"GET HTTPS://other.example/ HTTP/1.1", b"/", b""),
        (b"OPTIONS * HTTP/1.1", b"*", b""),
        (b"ANYTHING /a HTTP/1.0", b"/a", b""),
    ],
)
def test_a_target_is_its_path_and_query(line: bytes, path: bytes, query: bytes) -> None:
    head, body = read(line + b"\r\n" + HOST + b"\r\n")
    assert (head.path, head.query, head.has_body, body) == (path, query, False, b"")


@pytest.mark.parametrize(
    ("version", "fields", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n", True),
        (b"1.1", b"Connection: Close\r\n", False),
        (b"1.1", b"Connection: upgrade , close\r\n", False),
        (b"1.1", b"Connection: keep-alive\r\nConnection: close\r\n", False),
        (b"1.0", b"Connection: keep-alive\r\n", False),
    ],
)
def test_a_connection_is_kept_unless_it_is_not_to_be(version: bytes, fields: bytes, kept: bool) -> None:
    head, _ = read(b"GET / HTTP/" + version + b"\r\n" + HOST + fields + b"\r\n")
    assert head.keep_alive is kept


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (b"Content-Length: 0\r\n\r\nhello", b""),
        (b"\r\nhello", b""),
        (b"Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nmore", b"hello"),
        (b'Transfer-Encoding: chunked\r\n\r\n005 ;a="b"\r\nhello\r\n1\r\n!\r\n0;x\r\nHost: y\r\nA:\r\n\r\n', b"hello!"),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", None),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-User-ID: ada\r\n", None),
    ],
)
def test_a_body_is_what_the_head_says_and_trailers_are_nobody_s(fields: bytes, body: bytes | None) -> None:
    head, got = read(b"POST / HTTP/1.1\r\n" + HOST + fields)
    assert got == body
    assert [value for name, value in head.headers if name in (b"host", b"x-user-id")] == [b"x"]


TWICE = b"Content-Length: 5\r\nContent-Length: 5\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("line", "fields", "status"),
    [
        (b"GET / HTTP/1.1", b"", 400),
        (b"GET / HTTP/1.1", HOST + HOST, 400),
        (b"GET / HTTP/1.1", HOST + b"host: x\r\n", 400),
        (b"GET / HTTP/1.1", b"Host: x y\r\n", 400),
        (b"GET / HTTP/1.1", b"Host: x/y\r\n", 400),
        (b"GET / HTTP/1.1", b"Host: a@x\r\n", 400),
        (b"POST / HTTP/1.1", HOST + TWICE, 400),
        (b"POST / HTTP/1.1", HOST + b"Content-Length: 5, 5\r\n", 400),
        (b"POST / HTTP/1.1", HOST + b"Content-Length: +5\r\n", 400),
        (b"POST / HTTP/1.1", HOST + b"Content-Length: 5\r\n" + CHUNKED, 400),
        (b"POST / HTTP/1.1", HOST + CHUNKED + b"Content-Length: 5\r\n", 400),
        (b"POST / HTTP/1.1", HOST + CHUNKED + b"Content-Length: 0\r\n", 400),
        (b"POST / HTTP/1.0", HOST + CHUNKED, 400),
        (b"POST / HTTP/1.1", HOST + CHUNKED + CHUNKED, 501),
        (b"POST / HTTP/1.1", HOST + b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (b"POST / HTTP/1.1", HOST + b"Content-Length: %d\r\n" % (BODY_BYTES + 1), 413),
        (b"POST / HTTP/1.1", HOST + b"Content-Length: 99999999999999999999\r\n", 413),
        (b"GET / HTTP/1.1", HOST + b"A: b\r\n c\r\n", 400),
        (b"GET / HTTP/1.1", HOST + b"A: b\r\n\tc\r\n", 400),
        (b"GET / HTTP/1.1", HOST + b"A: b\nc: d\r\n", 400),
        (b"GET / HTTP/1.1", HOST + b"A: b\rc: d\r\n", 400),
        (b"GET / HTTP/1.1", HOST + b"A: b\x00\r\n", 400),
        (b"GET / HTTP/1.1", HOST + b"A : b\r\n", 400),
        (b"GET / HTTP/1.1", HOST + b"A\r\n", 400),
        (b"GET / HTTP/1.1", HOST + b"A: b\r\n" * MAX_LINES, 431),
        (b"GET / HTTP/2.0", HOST, 400),
        (b"GET / HTTP/1.2", HOST, 400),
        (b"GET /", HOST, 400),
        (b"GET x HTTP/1.1", HOST, 400),
        (b"CONNECT x:443 HTTP/1.1", HOST, 400),
        (b"GET /a#b HTTP/1.1", HOST, 400),
        (b"GET http://x HTTP/1.1", HOST, 400),
        (b"GET ftp://x/ HTTP/1.1", HOST, 400),
        (b"\x16\x03\x01", b"", 400),
    ],
)
def test_a_head_is_refused_in_words_that_hold_nothing_of_it(line: bytes, fields: bytes, status: int) -> None:
    with pytest.raises(RequestRefused) as refused:
        read(line + b"\r\n" + fields + b"\r\n")
    assert refused.value.status == status
    assert "b'" not in refused.value.detail


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"5\nhello\n", 400),
        (b"5\r\nhello\n", 400),
        (b"5\r\nhelloX", 400),
        (b"5\r\nhello\rX", 400),
        (b"5;a\nb\r\nhello\r\n", 400),
        (b"5;a\rb\r\nhello\r\n", 400),
        (b"5 x\r\nhello\r\n", 400),
        (b" 5\r\nhello\r\n", 400),
        (b"+5\r\nhello\r\n", 400),
        (b"\r\n", 400),
        (b"0" * 17 + b"\r\n", 400),
        (b"8001\r\n", 413),
        (b"0\r\n\n", 400),
        (b"0\r\nA: b\n\r\n", 400),
        (b"0\r\nA\r\n\r\n", 400),
        (b"0\r\n A: b\r\n\r\n", 400),
        (b"0\r\nA: \x00\r\n\r\n", 400),
        (b"0\r\n" + b"A: b\r\n" * MAX_LINES, 431),
        (b"0\r\nA: " + b"b" * FRAMING_BYTES, 431),
        (b"1\r\na\r\n" * (MAX_LINES // 2) + b"0\r\n\r\n", 431),
    ],
)
def test_a_chunked_body_is_read_strictly(body: bytes, status: int) -> None:
    with pytest.raises(RequestRefused) as refused:
        read(b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n" + body)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nA: " + b"x" * 1_000,
        b"GET / HTTP/1.1\r\n" + b"x" * 1_000,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " + b"x" * 1_000,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"x" * 1_000,
    ],
)
def test_a_line_that_comes_byte_by_byte_is_looked_at_once(data: bytes) -> None:
    """Else its cost would be quadratic."""
    requests, head = Requests(), None
    for byte in data:
        requests.feed(bytes([byte]))
        head = head or requests.head()
        if head is None:
            assert requests._searched == requests.buffered
        else:
            requests.body()
            assert isinstance(requests._body, ChunkedBody)
            assert requests._body._searched == requests.buffered
