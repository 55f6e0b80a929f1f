"""Requests that nobody means well with, and what each is answered. Data alone: `test_hostile` sends them.

`{ticket}` and the like in a target are filled in by name from `TICKETS`. What is given as input holds `MARK` where it
can, so that an answer that echoes it is found out.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from streamer.web.tickets import Grant, mint

MARK: Final = "hunter2"
SECRET: Final = "the-gateways-secret-of-today"
OLDER: Final = "the-gateways-secret-of-yesterday"
TICKET_SECRET: Final = "the-key-that-seals-the-tickets"
FAR: Final = 4_000_000_000_000  # ms, in 2096

Header = tuple[str, str | bytes]
Peer = Literal["stranger", "proxy"]

CONFIGURATIONS: Final = "/api/v2/configurations"
CHIPS: Final = f"{CONFIGURATIONS}/chips"
STREAM: Final = f"{CHIPS}/stream"
ADA: Final[Header] = ("X-User-ID", "ada")
GRACE: Final[Header] = ("X-User-ID", "grace")
GATEWAY: Final[Header] = ("X-Gateway-Secret", SECRET)
JSON: Final[Header] = ("Content-Type", "application/json")
ANY: Final[Header] = ("If-Match", "*")
BODY: Final = b'{"name":"hunter2","tickers":["F"]}'


@dataclass(frozen=True, slots=True)
class Hostile:
    """One request.

    `gateway`: the service has a gateway secret; else the proxy's address is what it trusts. `who`: whose configurations
    the answer may show. `says`: what a stream says. `in_lambda`: the status there; None: nothing such comes through a
    Function URL.
    """

    what: str
    status: int
    target: str = CHIPS
    headers: tuple[Header, ...] = ()
    method: str = "GET"
    body: bytes = b""
    peer: Peer = "proxy"
    gateway: bool = False
    who: str | None = None
    in_lambda: int | None = 0
    raw: bytes | None = None
    says: str = ""

    @property
    def lambda_status(self) -> int | None:
        """The status in Lambda; the same unless it is said to differ."""
        return self.status if self.in_lambda == 0 else self.in_lambda

    def request(self) -> bytes:
        """The bytes to send."""
        if self.raw is not None:
            return self.raw
        own = {name.lower() for name, _ in self.headers}
        lines: list[Header] = [("Host", "stream.example.com"), *self.headers, ("Connection", "close")]
        if (self.body or self.method in {"POST", "PATCH"}) and not own & {"content-length", "transfer-encoding"}:
            lines.append(("Content-Length", str(len(self.body))))
        head = f"{self.method} {self.target} HTTP/1.1\r\n".encode()
        return (
            head
            + b"".join(name.encode() + b": " + _bytes(value) + b"\r\n" for name, value in lines)
            + b"\r\n"
            + self.body
        )


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def ticket(user: str = "ada", config: str = "chips", deadline_ms: int = FAR, secret: str = TICKET_SECRET) -> str:
    """A ticket as the service seals it."""
    return mint(Grant(user, config, deadline_ms), secret.encode())


def flipped(text: str, bit: int) -> str:
    """The same with one bit of the sealed bytes changed."""
    sealed = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    sealed[bit // 8] ^= 1 << bit % 8
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _neighbour(letter: str) -> str:
    """A neighbour in base64url: as a ticket's last letter it differs in bits that no byte has."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(letter) ^ 1]


def _spoofed() -> Iterator[Hostile]:
    """Who is nobody says to be somebody."""
    for target in (CHIPS, CONFIGURATIONS, STREAM):
        yield Hostile(
            "X-User-ID of a stranger", 401, target, (ADA,), peer="stranger", in_lambda=_in_lambda(target, 401)
        )
    for what, value in (
        ("first", "127.0.0.1, 203.0.113.9"),
        ("last", "203.0.113.9, 127.0.0.1"),
        ("alone", "127.0.0.2"),
        ("many times", ", ".join(["127.0.0.2"] * 500)),
        ("malformed", f"{MARK}, ,,;;127.0.0.2\t, [::1"),
        ("as IPv6", "::ffff:127.0.0.2, [::1]:80, ::1%lo"),
        ("with zone", "fe80::1%127.0.0.2"),
    ):
        xff = ("X-Forwarded-For", value)
        yield Hostile(f"loopback {what} in X-Forwarded-For", 401, headers=(ADA, xff), peer="stranger")
        yield Hostile(f"loopback {what} in X-Forwarded-For, a gateway", 401, headers=(ADA, xff), gateway=True)
        yield Hostile(f"{what} in a proxy's X-Forwarded-For", 200, headers=(ADA, xff), who="ada", in_lambda=200)
    twice = (("X-Forwarded-For", "127.0.0.2"), ("X-Forwarded-For", "127.0.0.2"))
    yield Hostile("loopback in two X-Forwarded-For", 401, headers=(ADA, *twice), peer="stranger")
    for name in ("Forwarded", "X-Real-IP", "True-Client-IP", "X-Client-IP", "X-Original-Forwarded-For"):
        value = "for=127.0.0.2;by=127.0.0.2" if name == "Forwarded" else "127.0.0.2"
        yield Hostile(f"loopback in {name}", 401, headers=(ADA, (name, value)), peer="stranger")
    iam = '{"authorizer":{"iam":{"userId":"ada","accountId":"1"}},"http":{"sourceIp":"127.0.0.2"}}'
    for name in ("x-amzn-request-context", "x-amzn-lambda-context", "X-Amzn-Request-Context"):
        yield Hostile(f"{name} of a client", 401, headers=((name, iam),))
        yield Hostile(f"{name} of a client, a gateway", 401, headers=((name, iam),), gateway=True)
        yield Hostile(f"{name} of a stranger with a name", 401, headers=((name, iam), ADA), peer="stranger")
    bomb = ("x-amzn-request-context", "[" * 20_000)
    yield Hostile("a nested x-amzn-request-context", 401, headers=(bomb,))
    for name in ("X-User_ID", "X_User_ID", "X-User-Id-", "X-UserID", "User-ID"):
        yield Hostile(f"{name} in place of X-User-ID", 401, headers=((name, "ada"),))
    for name, value in (("Authorization", "Basic YWRhOg=="), ("Cookie", "X-User-ID=ada")):
        yield Hostile(f"{name} in place of X-User-ID", 401, headers=((name, value),))
    yield Hostile("a user in the query", 401, f"{CHIPS}?X-User-ID=ada&user_id=ada")
    yield Hostile("the other user's configuration", 404, headers=(GRACE,))
    yield Hostile("the other user's stream", 404, STREAM, (GRACE,))
    yield Hostile("a disabled configuration's stream", 404, f"{CONFIGURATIONS}/old/stream", (("X-User-ID", "linus"),))
    yield Hostile("the other user's tickets", 404, f"{STREAM}/tickets", (GRACE,), "POST")
    yield Hostile("a change of the other user's", 404, CHIPS, (GRACE, ANY, JSON), "PATCH", BODY)
    yield Hostile("a deletion of the other user's", 404, CHIPS, (GRACE, ANY), "DELETE")
    yield Hostile("a list shows one's own", 200, CONFIGURATIONS, (GRACE,), who="grace")
    yield Hostile("the other user's place in a list", 200, f"{CONFIGURATIONS}?cursor=MTpjYXJz", (GRACE,), who="grace")
    yield Hostile("a user that is a key", 404, headers=(("X-User-ID", "ada#CONFIG#chips"),))
    yield Hostile("a user with another's prefix", 404, headers=(("X-User-ID", "USER#ada"),))
    yield Hostile("a user in capitals", 404, headers=(("X-User-ID", "ADA"),))


def _named() -> Iterator[Hostile]:
    """What is no user's id, said by one who may say it."""
    for what, headers in (
        ("twice the same", (ADA, ADA)),
        ("twice", (ADA, GRACE)),
        ("and an empty one", (ADA, ("X-User-ID", ""))),
        ("in two spellings", (ADA, ("x-user-id", "grace"))),
        ("empty", (("X-User-ID", ""),)),
        ("spaces", (("X-User-ID", "   "),)),
        ("over-long", (("X-User-ID", MARK * 1_463),)),
        ("of 129 characters", (("X-User-ID", "a" * 129),)),
        ("comma-joined", (("X-User-ID", "ada, grace"),)),
        ("comma-joined without a space", (("X-User-ID", "ada,ada"),)),
        ("a comma at its end", (("X-User-ID", "ada,"),)),
        ("a tab within", (("X-User-ID", "a\tda"),)),
        ("not ASCII", (("X-User-ID", "ad\u00e4"),)),
        ("full width", (("X-User-ID", "\uff41\uff44\uff41"),)),
        ("latin-1", (("X-User-ID", b"ad\xe4"),)),
    ):  # fmt: skip
        yield Hostile(f"X-User-ID {what}", 401, headers=headers)
        yield Hostile(f"X-User-ID {what}, a gateway", 401, headers=(GATEWAY, *headers), gateway=True)
    for what, value in (("a control character", b"a\x01da"), ("DEL", b"ada\x7f"), ("a zero byte", b"ada\x00")):
        # What the parser refuses never is a request; either way nobody is known by it.
        yield Hostile(f"X-User-ID with {what}", _MALFORMED, headers=(("X-User-ID", value),), in_lambda=401)


_MALFORMED: Final = 400


def _secrets() -> Iterator[Hostile]:
    """The gateway's secret, almost."""
    for what, headers in (
        ("none", ()),
        ("wrong", (("X-Gateway-Secret", f"{MARK}-and-something-behind-it"),)),
        ("a prefix", (("X-Gateway-Secret", SECRET[:-1]),)),
        ("a longer one", (("X-Gateway-Secret", SECRET + "x"),)),
        ("in capitals", (("X-Gateway-Secret", SECRET.upper()),)),
        ("empty", (("X-Gateway-Secret", ""),)),
        ("twice the right one", (GATEWAY, GATEWAY)),
        ("the right one and a wrong", (GATEWAY, ("X-Gateway-Secret", MARK))),
        ("a wrong one and the right", (("X-Gateway-Secret", MARK), GATEWAY)),
        ("the setting itself", (("X-Gateway-Secret", f"{OLDER},{SECRET}"),)),
        ("of 10 kB", (("X-Gateway-Secret", SECRET * 400),)),
        ("not ASCII", (("X-Gateway-Secret", b"\xff" * 20),)),
        ("as a bearer", (("Authorization", f"Bearer {SECRET}"),)),
    ):
        for peer in ("stranger", "proxy"):
            row = Hostile(f"gateway secret: {what} ({peer})", 401, headers=(ADA, *headers), gateway=True, peer=peer)
            yield row
    yield Hostile("gateway secret without a user", 401, headers=(GATEWAY,), gateway=True)
    yield Hostile("the older secret", 200, headers=(ADA, ("X-Gateway-Secret", OLDER)), gateway=True, who="ada")
    yield Hostile("the right one, another's configuration", 404, headers=(GRACE, GATEWAY), gateway=True)
    yield Hostile(
        "a gateway's secret where there is none", 401, headers=(ADA, GATEWAY), peer="stranger", in_lambda=None
    )


def _tickets() -> Iterator[Hostile]:
    good = ticket()
    for what, status, text in (
        ("of another configuration", 401, ticket(config="cars")),
        ("of another user", 404, ticket(user="grace")),
        ("of nobody", 404, ticket(user=MARK)),
        ("expired, of another configuration", 401, ticket(config="cars", deadline_ms=1)),
        ("sealed with another key", 401, ticket(secret=MARK)),
        ("sealed with nothing", 401, ticket(secret="")),
        ("truncated by one", 401, good[:-1]),
        ("truncated by half", 401, good[: len(good) // 2]),
        ("empty", 401, ""),
        ("that spells the same bytes otherwise", 401, good[:-1] + _neighbour(good[-1])),
        ("appended", 401, good + "A"),
        ("padded", 401, good + "="),
        ("doubled", 401, good + good),
        ("of 10 kB", 401, MARK * 1_463),
        ("with a space", 401, good + "%20"),
        ("with a zero byte", 401, good + "%00"),
        ("not ASCII", 401, "%C3%A4" * 40),
        *((f"with bit {bit} flipped", 401, flipped(good, bit)) for bit in (0, 7, 8, 263, 264, 330, 380)),
    ):
        yield Hostile(f"ticket {what}", status, f"{STREAM}?ticket={text}", peer="stranger", in_lambda=404)
    for what, query in (
        ("twice", f"ticket={good}&ticket={good}"),
        ("and an empty one", f"ticket={good}&ticket="),
        ("and a forged one", f"ticket={MARK}&ticket={good}"),
    ):
        yield Hostile(f"ticket {what}", 401, f"{STREAM}?{query}", peer="stranger", in_lambda=404)
    for target in (CHIPS, CONFIGURATIONS, f"{STREAM}/tickets"):
        method = "POST" if target.endswith("tickets") else "GET"
        answered = _in_lambda(target, 401)
        asked = f"{target}?ticket={good}"
        yield Hostile(f"a ticket opens no {target}", 401, asked, (), method, peer="stranger", in_lambda=answered)
    header = (("X-Grant", good), ("Authorization", f"Bearer {good}"))
    yield Hostile("a ticket in a header", 401, STREAM, header, peer="stranger", in_lambda=404)
    theirs = f"{STREAM}?ticket={ticket(user='grace')}"
    yield Hostile("another's ticket and a right of one's own", 404, theirs, (ADA,), in_lambda=404)
    yield Hostile("a forged ticket and a right of one's own", 401, f"{STREAM}?ticket={MARK}", (ADA,), in_lambda=404)
    own = '"tickers":["AMD","INTC","NVDA","TSM"]'
    yield Hostile("a ticket", 200, f"{STREAM}?ticket={good}", peer="stranger", says=own, in_lambda=404)
    yield Hostile("a ticket and another's name", 200, f"{STREAM}?ticket={good}", (GRACE,), says=own, in_lambda=404)
    over = f"{STREAM}?ticket={ticket(deadline_ms=1)}"
    yield Hostile("a ticket that has expired", 200, over, peer="stranger", says='"ticket_expired"', in_lambda=404)
    yield Hostile("tickets for a stranger", 401, f"{STREAM}/tickets", (ADA,), "POST", peer="stranger", in_lambda=404)
    yield Hostile("a filter that is not the configuration's", 422, f"{STREAM}?tickers=AAPL", (ADA,), in_lambda=404)


def _paths() -> Iterator[Hostile]:
    long = MARK * 1_463
    for path in (
        f"{CONFIGURATIONS}/{long}",
        f"{CONFIGURATIONS}/{'a' * 65}",
        f"{CONFIGURATIONS}/..%2fchips",
        f"{CONFIGURATIONS}/chips%2f..%2fcars",
        f"{CONFIGURATIONS}/%2e%2e/configurations/big-five",
        f"{CONFIGURATIONS}/../configurations/big-five",
        f"{CONFIGURATIONS}/chips/../big-five",
        f"{CONFIGURATIONS}/chips%00",
        f"{CONFIGURATIONS}/%00",
        f"{CONFIGURATIONS}/chips%0d%0aX-User-ID:%20grace",
        f"{CONFIGURATIONS}/chips%C0%AF",
        f"{CONFIGURATIONS}/%C0%AE%C0%AE%C0%AFchips",
        f"{CONFIGURATIONS}/%ff%fe",
        f"{CONFIGURATIONS}/chips%252f",
        f"{CONFIGURATIONS}/%zz",
        f"{CONFIGURATIONS}/CHIPS",
        f"{CONFIGURATIONS}/chips;{MARK}",
        f"{CONFIGURATIONS}/chips%20",
        f"{CONFIGURATIONS}/CONFIG%23chips",
        f"{CONFIGURATIONS}/chips/",
        f"{CONFIGURATIONS}//chips",
        f"/{CONFIGURATIONS}/chips",
        f"{CONFIGURATIONS}/",
        f"//{MARK}.example{CHIPS}",
        "/api/v2/Configurations",
        "/api/v1/configurations",
        f"{CHIPS}/stream/",
        f"{CHIPS}//stream",
        f"{CONFIGURATIONS}/{'a' * 65}/stream",
        f"{CONFIGURATIONS}/%2e%2e/stream",
        f"/page/..%2f..%2fsettings.py?{MARK}",
        "/page/../app.py",
        "/page/%2e%2e/app.py",
        "/page/..%5capp.py",
        "/page//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page/%00",
        "/page/index.html%00.js",
        f"/page/{long}",
        "/page/%C0%AF",
        "/page",
        "/client.js/..%2fmain.js",
        "/.env",
        "/.git/config",
    ):
        yield Hostile(f"path {path[:60]}", 404, path, (ADA,))
    yield Hostile("an encoded slash before the id is one", 200, f"{CONFIGURATIONS}%2fchips", (ADA,), who="ada")
    yield Hostile("an encoded slash, another's", 404, f"{CONFIGURATIONS}%2fbig-five", (ADA,))
    yield Hostile("encoded letters are letters", 401, "/%61pi/v2/configurations", (ADA,), peer="stranger")
    yield Hostile("encoded letters of an id", 404, f"{CONFIGURATIONS}/%62ig-five", (ADA,))
    many = "&".join(f"{MARK}{n}={n}" for n in range(100))
    yield Hostile("100 unknown parameters", 422, f"{CHIPS}?{many}", (ADA,))
    yield Hostile("one parameter 100 times", 422, f"/api/v2/sentiment?{'&'.join(['limit=1'] * 100)}", (ADA,))
    yield Hostile("100 tickers", 422, f"/api/v2/sentiment?{'&'.join(f'tickers=A{n}' for n in range(100))}", (ADA,))
    yield Hostile("a target over 64 kB", 431, f"/api/v2/sentiment?cursor={'h' * 65_536}", (ADA,), in_lambda=422)
    yield Hostile("a cursor of 60 kB", 422, f"/api/v2/sentiment?cursor={'h' * 60_000}", (ADA,))
    yield Hostile("an unknown query of 60 kB", 422, f"{CHIPS}?{'h' * 60_000}", (ADA,))
    yield Hostile("a query of one's own of 60 kB", 200, f"{CHIPS}?_{'h' * 60_000}", (ADA,), who="ada")
    for target in (CHIPS, CONFIGURATIONS, "/api/v2/sentiment", "/api/v2/metrics"):
        for query in (f"{MARK}=1", f"ticker={MARK}", f"limit=1&{MARK}", "%00=1", f"LIMIT=1&{MARK}", "%5f=1&=1"):
            yield Hostile(f"query {query} of {target}", 422, f"{target}?{query}", (ADA,))
    for target in ("/api/v2/stream", "/api/v2/stream/status", STREAM):
        for query in (f"{MARK}=1", f"ticker={MARK}", f"Tickers={MARK}", "last-event-id=1", "user_id=ada"):
            yield Hostile(f"query {query} of {target}", 422, f"{target}?{query}", (ADA,), in_lambda=404)
    yield Hostile("query of tickets", 422, f"{STREAM}/tickets?{MARK}=1", (ADA,), "POST", in_lambda=404)
    yield Hostile("query of nobody's", 401, f"{CHIPS}?{MARK}=1")
    yield Hostile("a ticker of 60 kB", 422, f"/api/v2/stream?tickers={'h' * 60_000}", (ADA,), in_lambda=404)
    yield Hostile("a place of 60 kB", 200, f"/api/v2/stream?last_event_id={'h' * 60_000}", (ADA,), in_lambda=404)
    for query in (
        f"limit={MARK}", "limit=1e3", "limit=-1", "limit=%00", "limit=%D9%A1", f"cursor={MARK}", "cursor=%ff",
        f"since={MARK}", "since=0000-00-00T00:00:00Z", "tickers=%00", "tickers=%ff",
    ):  # fmt: skip
        yield Hostile(f"query {query}", 422, f"/api/v2/sentiment?{query}", (ADA,))
        if query.startswith(("limit", "cursor")):
            yield Hostile(f"query {query} of a list", 422, f"{CONFIGURATIONS}?{query}", (ADA,))
    for query in (
        f"events={MARK}",
        f"replay={MARK}",
        "replay=-1",
        "replay=1e9",
        "on_full=no",
        "tickers=hunter2-is-no-ticker",
    ):
        yield Hostile(f"query {query}", 422, f"/api/v2/stream?{query}", (ADA,), in_lambda=404)


def _bodies() -> Iterator[Hostile]:
    def post(what: str, status: int, body: bytes = BODY, *headers: Header, in_lambda: int | None = 0) -> Hostile:
        return Hostile(what, status, CONFIGURATIONS, (ADA, *headers), "POST", body, in_lambda=in_lambda)

    yield post("a body of 1 MB", 413, b" " * 1_000_000, JSON)
    yield post("a body of 16 kB and one byte", 413, b" " * 16_385, JSON)
    yield post("a length of 20 digits", 413, b"{}", JSON, ("Content-Length", "9" * 18), in_lambda=None)
    chunks = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    yield post("a chunked body without end", 413, chunks * 20, JSON, ("Transfer-Encoding", "chunked"), in_lambda=None)
    for kind in (
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        f"{MARK}",
        "application/json2",
        "",
    ):
        yield post(f"a body of type {kind!r}", 415, BODY, ("Content-Type", kind))
    yield post("a body without a type", 415)
    yield post("a body that is packed", 415, BODY, JSON, ("Content-Encoding", "gzip"))
    for what, body in (
        ("no JSON", b"{hunter2"),
        ("nesting", b"[" * 16_000),
        ("not UTF-8", b'"\xff\xfe"'),
        ("UTF-16", '{"name":"x"}'.encode("utf-16")),
        ("a surrogate", b'{"name":"\\ud800hunter2","tickers":["F"]}'),
        ("a name twice", b'{"name":"a","name":"hunter2","tickers":["F"]}'),
        ("another's id", b'{"name":"hunter2","tickers":["F"],"user_id":"grace","PK":"USER#grace"}'),
        ("a prototype", b'{"name":"hunter2","tickers":["F"],"__proto__":{"status":"active"}}'),
        ("an operator", b'{"name":{"S":"hunter2"},"tickers":["F"]}'),
        ("a number of 5,000 digits", b'{"name":' + b"9" * 5_000 + b"}"),
        ("a ticker that is a key", b'{"name":"hunter2","tickers":["USER#ada"]}'),
    ):
        yield post(f"a body of {what}", 422, body, JSON)
    yield Hostile("If-Match of 10 kB", 412, CHIPS, (ADA, ("If-Match", f'"{MARK}"' * 1_100)), "DELETE")
    yield Hostile("If-Match of nothing", 428, CHIPS, (ADA, ("If-Match", "")), "DELETE")
    yield Hostile("If-Match of a wrong one", 412, CHIPS, (ADA, ("If-Match", f'"{MARK}"')), "DELETE")


def _methods() -> Iterator[Hostile]:
    for method in ("TRACE", "PUT", "OPTIONS", "POST"):
        yield Hostile(f"{method} on one configuration", 405, CHIPS, (ADA,), method)
    yield Hostile("HEAD on one configuration", 200, CHIPS, (ADA,), "HEAD")
    yield Hostile("HEAD on a stranger's configuration", 401, CHIPS, (), "HEAD")
    yield Hostile("HEAD on another's configuration", 404, CHIPS, (("X-User-ID", "grace"),), "HEAD")
    for method in ("PATCH", "DELETE", "POST", "TRACE"):
        yield Hostile(f"{method} on a stream", 405, STREAM, (ADA,), method)
        yield Hostile(f"{method} on the stream of all", 405, "/api/v2/stream", (ADA,), method)
    yield Hostile("DELETE of all", 405, CONFIGURATIONS, (ADA, ANY), "DELETE")
    yield Hostile("GET of tickets", 405, f"{STREAM}/tickets", (ADA,))
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        yield Hostile(f"{name} is nobody's", 200, CHIPS, (ADA, ANY, (name, "DELETE")), who="ada")
    yield Hostile("X-Original-URL is nobody's", 200, "/health/live", (ADA, ("X-Original-URL", CHIPS)))
    yield Hostile("X-Rewrite-URL is nobody's", 200, "/health/live", (ADA, ("X-Rewrite-URL", CHIPS)))
    yield Hostile("another's Host", 200, CHIPS, (ADA, ("X-Forwarded-Host", f"{MARK}.example")), who="ada")


def _wire() -> Iterator[Hostile]:
    """Bytes that two servers could read in two ways. None of them may make a second request."""

    def raw(what: str, status: int, *lines: bytes, body: bytes = b"", who: str | None = None) -> Hostile:
        return Hostile(what, status, raw=b"\r\n".join(lines) + b"\r\n\r\n" + body, in_lambda=None, who=who)

    get = b"GET /api/v2/configurations/chips HTTP/1.1"
    post = b"POST /api/v2/configurations HTTP/1.1"
    host, ada, close, json = b"Host: x", b"X-User-ID: ada", b"Connection: close", b"Content-Type: application/json"
    hidden = b"0\r\n\r\nGET /api/v2/configurations HTTP/1.1\r\nHost: x\r\nX-User-ID: grace\r\n\r\n"
    chunked = b"Transfer-Encoding: chunked"
    length = b"Content-Length: %d" % len(hidden)
    yield raw("Content-Length and Transfer-Encoding", 400, post, host, ada, json, length, chunked, close, body=hidden)
    yield raw("Transfer-Encoding and Content-Length", 400, post, host, ada, json, chunked, length, close, body=hidden)
    yield raw("two Content-Lengths", 400, post, host, ada, json, b"Content-Length: 0", length, close, body=hidden)
    for what, value in (
        ("a negative", b"-1"), ("a signed", b"+5"), ("a hexadecimal", b"0x5"), ("a listed", b"5, 5"),
        ("an overflowing", b"99999999999999999999999"),
    ):  # fmt: skip
        yield raw(f"{what} Content-Length", 400, post, host, ada, json, b"Content-Length: " + value, close, body=hidden)
    for value in (b"chunked, identity", b"xchunked", b"\x0bchunked", b"identity, chunked, identity"):
        bad = b"Transfer-Encoding: " + value
        status = 400 if b"\x0b" in value else 501
        yield raw(f"Transfer-Encoding {value!r}", status, post, host, ada, json, bad, length, close, body=hidden)
    for what, body in (
        ("a chunk size that is none", b"zz\r\nhunter2\r\n0\r\n\r\n"),
        ("a negative chunk size", b"-1\r\nhunter2\r\n0\r\n\r\n"),
        ("a chunk size that overflows", b"ffffffffffffffffff\r\nhunter2\r\n"),
        ("a chunk that is longer than it says", b"2\r\nhunter2\r\n0\r\n\r\n"),
    ):
        yield raw(what, 400, post, host, ada, json, chunked, close, body=body)
    yield raw("a folded header", 400, get, host, b"X-Other: hunter2", b" X-User-ID: ada", close)
    yield raw("a user in a folded line", 400, get, host, b"X-User-ID: ada", b" grace", close)
    yield raw("a space before the colon", 400, get, host, b"X-User-ID : ada", close)
    yield raw("a bare CR in a value", 400, get, host, b"X-Other: hunter2\rX-User-ID: ada", close)
    yield raw("a bare LF in a value", 400, get, host, b"X-Other: hunter2\nX-User-ID: ada", close)
    yield raw("a zero byte in a name", 400, get, host, b"X-User\x00-ID: ada", close)
    yield raw("a header without a name", 400, get, host, b": hunter2", close)
    yield raw("a header without a colon", 400, get, host, b"hunter2", close)
    yield raw("two Hosts", 400, get, b"Host: a", b"Host: hunter2", ada, close)
    yield raw("no Host", 400, get, ada, close)
    yield raw("HTTP/1.0", 200, b"GET /api/v2/configurations/chips HTTP/1.0", ada, who="ada")
    yield raw("HTTP/0.9", 400, b"GET /api/v2/configurations/chips")
    yield raw("HTTP/9.9", 400, b"GET /api/v2/configurations/chips HTTP/9.9", host, ada)
    yield raw("the preface of HTTP/2", 400, b"PRI * HTTP/2.0", b"", b"SM")
    yield raw("a handshake of TLS", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hunter2")
    yield raw("a method that nobody knows", 405, b"HUNTER2 / HTTP/1.1", host, close)
    yield raw("a target with a space", 400, b"GET /api/v2/hunter2 x HTTP/1.1", host, close)
    yield raw("raw bytes in a target", 400, b"GET /api/v2/configurations/\xc0\xaf HTTP/1.1", host, ada, close)
    yield raw(
        "absolute form",
        200,
        b"GET http://hunter2.example/api/v2/configurations/chips HTTP/1.1",
        host,
        ada,
        close,
        who="ada",
    )
    yield raw("absolute form without a path", 400, b"GET http://hunter2.example HTTP/1.1", host, ada, close)
    yield raw("asterisk form", 404, b"OPTIONS * HTTP/1.1", host, ada, close)
    yield raw("CONNECT", 400, b"CONNECT hunter2.example:443 HTTP/1.1", host, ada, close)
    yield raw("CONNECT of a path", 405, b"CONNECT /api/v2/configurations/chips HTTP/1.1", host, ada, close)
    upgrade = (b"Upgrade: websocket", b"Connection: Upgrade, close", b"Sec-WebSocket-Version: 13")
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    yield raw("an upgrade to a WebSocket", 200, get, host, ada, *upgrade, key, who="ada")
    yield raw(
        "an upgrade to HTTP/2",
        200,
        get,
        host,
        ada,
        b"Upgrade: h2c",
        b"Connection: Upgrade, close",
        b"HTTP2-Settings: AAMAAABk",
        who="ada",
    )
    many = [b"X-%d: hunter2" % number for number in range(2_000)]
    yield raw("2,000 headers", 200, get, host, *many, ada, close, who="ada")
    yield raw("a header of 1 MB", 431, get, host, b"X-Other: " + b"h" * 1_000_000, ada, close)
    yield raw("hop by hop over the user", 200, get, host, ada, b"Connection: X-User-ID, close", who="ada")
    expect = b"Expect: 100-continue"
    yield raw("Expect without a right to send", 401, post, host, json, expect, b"Content-Length: 5", close)


def _in_lambda(target: str, otherwise: int) -> int:
    """In Lambda there are no streams, for anybody."""
    return 404 if target.startswith(STREAM) else otherwise


_PARTS: tuple[Callable[[], Iterator[Hostile]], ...] = (
    _spoofed, _named, _secrets, _tickets, _paths, _bodies, _methods, _wire,
)  # fmt: skip
TABLE: Final = tuple(row for part in _PARTS for row in part())
