from __future__ import annotations

import asyncio
import copy
import gc
import pickle
import re
import sys
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from streamer.client import Lost, NotAStream, Received, Reconnect, Stream, Unknown, Unreachable
from streamer.sse.encode import PING
from streamer.sse.events import Closing, Connected, Heartbeat, Reset, SentimentUpdate, SentimentWithdrawn
from streamer.tools.status.reader import read_status, status_url
from streamer.tools.terminal.errors import ToolError
from tests.unit.client.certificates import self_signed
from tests.unit.client.following import Waits, until
from tests.unit.client.scripted import OK, Visit, answer, serving
from tests.watchdog import WATCHDOG

CONNECTED = Connected("c", None, "fresh", 0, "push", 3000, 30.0)
HEARTBEAT = Heartbeat("2026-11-22T14:18:50.000Z", 1, 5, "push")
DRAIN = Closing("drain", 1234).frame()


def update(number: int, version: str = "v1") -> SentimentUpdate:
    return SentimentUpdate(
        f"wire:{number}",
        "2026-11-22T14:18:46.484Z",
        version,
        "AAPL",
        "positive",
        Decimal("0.5"),
        None,
        None,
        None,
        None,
    )


def names(got: list[Received | Lost]) -> list[str]:
    return [each.name if isinstance(each, Received) else "lost" for each in got]


def losses(got: list[Received | Lost]) -> list[str]:
    return [each.reason for each in got if isinstance(each, Lost)]


async def test_events_come_typed_with_their_place_and_time() -> None:
    sent = update(1)
    stream = OK + CONNECTED.frame(retry_ms=3000) + sent.frame(place="evt_1") + b"event: news\ndata: {}\n\n"
    async with serving(stream) as server:
        following = Stream(server.url, reconnect=Reconnect(clock=lambda: 1_795_359_400.123))
        got = await until(following, "news")
    assert got == [
        Received(CONNECTED, CONNECTED.data(), "", 1_795_359_400_123),
        Received(sent, sent.data(), "evt_1", 1_795_359_400_123),
        Received(Unknown("news", "{}"), "{}", "evt_1", 1_795_359_400_123),
    ]
    assert following.place == "evt_1"


async def test_the_request_says_what_is_wanted() -> None:
    async with serving(OK + CONNECTED.frame()) as server:
        await until(
            Stream(f"{server.url}?on_full=wait", tickers=["AAPL", "BRK.B"], events=["metrics"], replay=60.0,
                   headers={"X-User-ID": "me"}),
            "connected",
        )  # fmt: skip
    (visit,) = server.visits
    assert visit.path == "/api/v2/stream?on_full=wait&tickers=AAPL%2CBRK.B&events=metrics&replay=60"
    assert visit.headers["accept"] == "text/event-stream"
    assert visit.headers["accept-encoding"] == "identity"
    assert (visit.headers["cache-control"], visit.headers["pragma"]) == ("no-cache", "no-cache")
    assert visit.headers["x-user-id"] == "me"
    assert "last-event-id" not in visit.headers


async def test_a_header_of_the_caller_takes_the_place_of_ours() -> None:
    sent: list[str] = []

    async def show(visit: Visit) -> None:
        sent.extend(value for name, value in visit.headers.items() if name == "cache-control")
        await visit.send(OK, CONNECTED)

    async with serving(show) as server:
        await until(Stream(server.url, headers={"cache-control": "max-age=0"}), "connected")
    assert sent == ["max-age=0"]


async def test_a_place_beyond_latin_1_is_sent_in_utf_8_as_event_source_does() -> None:
    async with serving(OK + CONNECTED.frame()) as server:
        await until(Stream(server.url, last_event_id="évt_…"), "connected")
    assert server.visits[0].headers["last-event-id"] == "évt_…"


async def test_the_path_can_be_left_out() -> None:
    async with serving(OK + CONNECTED.frame()) as server:
        base = server.url.removesuffix("/api/v2/stream")
        for url in (base, f"{base}/", base.removeprefix("http://"), f"{base}?on_full=wait"):
            await until(Stream(url), "connected")
    assert [visit.path for visit in server.visits] == [*["/api/v2/stream"] * 3, "/api/v2/stream?on_full=wait"]


async def test_a_connection_that_ends_is_followed_by_one_that_resumes() -> None:
    first = OK + CONNECTED.frame() + update(1).frame(place="evt_1") + b"id: evt_2\ndata: never fin"
    waits = Waits()
    async with serving(first, OK + HEARTBEAT.frame(place="evt_3")) as server:
        stream = Stream(server.url, replay=60, reconnect=Reconnect(sleep=waits, random=lambda: 0.5))
        got = await until(stream, "heartbeat")
    assert names(got) == ["connected", "sentiment_update", "lost", "heartbeat"]
    assert losses(got) == ["the server ended the stream without `closing`"]
    assert [each.wait for each in got if isinstance(each, Lost)] == waits.seconds == [1.5]
    assert [visit.headers.get("last-event-id") for visit in server.visits] == [None, "evt_1"]
    assert ["replay" in visit.path for visit in server.visits] == [True, False]


async def test_a_place_given_at_the_start_is_sent_and_stays_until_an_id_comes() -> None:
    cut_off = OK + CONNECTED.frame() + Reset("too_old").frame()
    async with serving(cut_off, OK + HEARTBEAT.frame(place="evt_3")) as server:
        await until(
            Stream(server.url, last_event_id="evt_1", replay=60, reconnect=Reconnect(sleep=Waits())), "heartbeat"
        )
    assert [visit.headers.get("last-event-id") for visit in server.visits] == ["evt_1", "evt_1"]
    assert not any("replay" in visit.path for visit in server.visits)


async def test_an_id_without_data_is_a_place_too() -> None:
    moved_on = OK + update(1).frame(place="evt_1") + b"id: evt_2\n\n"
    async with serving(moved_on, OK + HEARTBEAT.frame()) as server:
        await until(Stream(server.url, reconnect=Reconnect(sleep=Waits())), "heartbeat")
    assert server.visits[1].headers["last-event-id"] == "evt_2"


async def test_closing_is_heeded_to_the_letter() -> None:
    waits = Waits()
    async with serving(OK + CONNECTED.frame() + DRAIN, OK + HEARTBEAT.frame()) as server:
        got = await until(Stream(server.url, reconnect=Reconnect(sleep=waits, random=lambda: 0.0)), "heartbeat")
    assert names(got) == ["connected", "closing", "lost", "heartbeat"]
    assert losses(got) == ["the server ended the stream (drain)"]
    assert waits.seconds == [1.234]


async def test_the_next_connection_resumes_at_the_place_of_closing() -> None:
    ending = OK + update(1).frame(place="evt_1") + Closing("lifetime", 1).frame(place="evt_7")
    async with serving(ending, OK + HEARTBEAT.frame()) as server:
        stream = Stream(server.url, reconnect=Reconnect(sleep=Waits()))
        got = await until(stream, "heartbeat")
    assert names(got) == ["sentiment_update", "closing", "lost", "heartbeat"]
    assert server.visits[1].headers["last-event-id"] == stream.place == "evt_7"


async def test_closing_ends_the_connection_even_if_the_server_lets_it_hang() -> None:
    async def hang(visit: Visit) -> None:
        await visit.send(OK + DRAIN)
        await visit.gone()

    async with serving(hang, OK + HEARTBEAT.frame()) as server:
        assert names(await until(Stream(server.url, reconnect=Reconnect(sleep=Waits())), "heartbeat"))[:2] == [
            "closing",
            "lost",
        ]


async def test_the_wait_doubles_from_the_servers_retry_time_up_to_the_most_and_starts_over_when_events_come() -> None:
    waits = Waits()
    empty = OK + CONNECTED.frame(retry_ms=2000)
    async with serving(*[empty] * 5, OK + HEARTBEAT.frame(), empty, OK + HEARTBEAT.frame()) as server:
        await until(
            Stream(server.url, reconnect=Reconnect(sleep=waits, random=lambda: 1.0, max_backoff=15)), "heartbeat", 2
        )
    assert waits.seconds == [2.0, 4.0, 8.0, 15.0, 15.0, 2.0, 4.0]


async def test_a_retry_of_nothing_does_not_make_us_hammer() -> None:
    waits = Waits()
    async with serving(OK + b"retry: 0\n\n", OK + HEARTBEAT.frame()) as server:
        await until(Stream(server.url, reconnect=Reconnect(sleep=waits, random=lambda: 1.0)), "heartbeat")
    assert waits.seconds == [0.25]


async def test_silence_ends_a_connection_and_a_ping_is_life() -> None:
    async def pings(visit: Visit) -> None:
        await visit.send(OK, CONNECTED)
        for _ in range(12):  # longer than the watchdog, together
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), watchdog / 8)
            await visit.send(PING)
        await visit.send(HEARTBEAT)
        await visit.gone()

    for watchdog in (0.4, 1.6, 6.4, 25.6):  # a busy machine may lose a ping's way
        async with serving(pings) as server:
            got = await until(Stream(server.url, reconnect=Reconnect(watchdog=watchdog, sleep=Waits())), "lost")
        assert losses(got) == [f"no data for {watchdog:g} s"]
        if "heartbeat" in names(got):
            break
    assert names(got) == ["connected", "heartbeat", "lost"]


async def test_a_server_that_accepts_and_says_nothing_is_silence_too() -> None:
    async with serving(Visit.gone, OK + HEARTBEAT.frame()) as server:
        got = await until(Stream(server.url, reconnect=Reconnect(watchdog=0.1, sleep=Waits())), "heartbeat")
    assert losses(got) == ["no data for 0.1 s"]


async def test_a_cut_connection_is_said_as_such() -> None:
    async def cut(visit: Visit) -> None:
        await visit.send(OK, CONNECTED)
        await opened.wait()
        visit.abort()

    opened = asyncio.Event()
    async with serving(cut) as server, Stream(server.url, reconnect=Reconnect(sleep=Waits())) as stream:
        async for each in stream:
            opened.set()
            if isinstance(each, Lost):
                assert each.reason == "the connection was lost"
                break


async def test_a_full_server_is_waited_for_as_long_as_it_says() -> None:
    full = b'{"detail":"Connection limit reached. Try again later.","retry_after":30}'
    waits = Waits()
    async with serving(
        answer("503 Service Unavailable", full, Retry_After="30"),
        answer("429 Too Many Requests", Retry_After="Sun, 22 Nov 2026 14:57:00 GMT"),
        answer("503 Service Unavailable", Retry_After="soon"),
        OK + HEARTBEAT.frame(),
    ) as server:
        clock = 1_795_359_400.0  # 14:56:40
        stream = Stream(server.url, reconnect=Reconnect(sleep=waits, random=lambda: 1.0, clock=lambda: clock))
        got = await until(stream, "heartbeat")
    where = server.url.split("/")[2]
    assert losses(got) == [
        f"{where} answered 503 Service Unavailable: Connection limit reached. Try again later",
        f"{where} answered 429 Too Many Requests",
        f"{where} answered 503 Service Unavailable",
    ]
    assert waits.seconds == [30.0, 20.0, 3.0]


async def test_what_a_proxy_says_while_a_server_restarts_is_waited_out() -> None:
    """Cloudflare's 520 to 530 among others. Before the first event too."""
    statuses = [408, 421, 425, 429, 499, *(status for status in range(500, 600) if status not in (501, 505))]
    pages = [answer(f"{status} Oops", b"<html>", content_type="text/html") for status in statuses]
    async with serving(*pages, OK + HEARTBEAT.frame()) as server:
        got = await until(Stream(server.url, reconnect=Reconnect(sleep=Waits())), "heartbeat")
    assert [reason.split(" answered ")[1] for reason in losses(got)] == [f"{status} Oops" for status in statuses]


@pytest.mark.parametrize("status", [400, 404, 410, 451, 501, 505, 600])
async def test_what_another_attempt_will_not_change_ends_the_stream_also_later(status: int) -> None:
    async with serving(OK + CONNECTED.frame(), answer(f"{status} Oops")) as server:
        with pytest.raises(NotAStream, match=str(status)):
            await until(Stream(server.url, reconnect=Reconnect(sleep=Waits())), "never")


async def test_a_maintenance_page_in_place_of_an_open_stream_is_waited_out() -> None:
    page = b"<!doctype html><title>Back soon &amp; sound\x1b[2J</title>"
    waits = Waits()
    async with serving(
        OK + CONNECTED.frame(),
        answer("200 OK", page, content_type="text/html; charset=utf-8", retry_after="120"),
        answer("200 OK", b"{}", content_type="application/json"),
        OK + HEARTBEAT.frame(),
    ) as server:
        got = await until(Stream(server.url, reconnect=Reconnect(sleep=waits, patient=False)), "heartbeat")
    where = server.url.split("/")[2]
    assert losses(got)[1:] == [
        f"{where} answered with a web page (Back soon & sound [2J) in place of the stream",
        f"{where} answered with JSON in place of the stream",
    ]
    assert waits.seconds[1] == 120


async def test_a_server_that_asks_for_years_is_asked_again_in_a_day() -> None:
    waits = Waits()
    async with serving(answer("503 Full", retry_after="999999999"), OK + HEARTBEAT.frame()) as server:
        await until(Stream(server.url, reconnect=Reconnect(sleep=waits)), "heartbeat")
    assert waits.seconds == [86_400]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (answer("404 Not Found"), "@ does not exist (404); give the URL of a stream"),
        (answer("401 Unauthorized", b'{"detail":"Missing user identification"}'),
         "@ answered 401 Unauthorized: Missing user identification; identify yourself"),
        (answer("403 Forbidden", b"<html>"), "@ answered 403 Forbidden; identify yourself"),
        (answer("422 Unprocessable Content", b'{"detail":"tickers: entry 1 is no ticker\\u001b[31m"}'),
         "@ answered 422 Unprocessable Content: tickers: entry 1 is no ticker [31m"),
        (answer("400 Bad Request", b'["' + b"x" * 100_000), "@ answered 400 Bad Request"),
        (answer("204 No Content"), "@ has no content (204)"),
        (answer("200 OK", b"<html><TITLE lang=en>\n Sign  in </title>", content_type="text/html; charset=utf-8"),
         "@ is a web page (Sign in), not a stream (text/event-stream); give the URL of a stream"),
        (answer("200 OK", b"<html>", content_type="text/html; charset=utf-8"),
         "@ is a web page, not a stream (text/event-stream); give the URL of a stream"),
        (answer("200 OK", b"{}", content_type="application/json"),
         "@ is JSON, not a stream (text/event-stream); give the URL of a stream"),
        (answer("200 OK"), "@ is of no type, not a stream (text/event-stream); give the URL of a stream"),
        (answer("302 Found", location="https://elsewhere.example/x"),
         "@ redirects to https://elsewhere.example/x; give that URL if you trust it"),
        (answer("301 Moved", location="//other/"), "@ redirects to http://other/; give that URL if you trust it"),
        (answer("307 Again", location="/api/v2/stream"), "@ has more than 5 redirects"),
        (OK + b"data:" + b"x" * 1_048_600, "@: an event of the stream is larger than 1,048,576 bytes"),
    ],
)  # fmt: skip
async def test_what_waiting_will_not_mend_is_told_in_one_sentence(said: bytes, sentence: str) -> None:
    waits = Waits()
    async with serving(said) as server:
        with pytest.raises(NotAStream) as caught:
            await until(Stream(server.url, reconnect=Reconnect(sleep=waits)), "never")
    assert str(caught.value) == sentence.replace("@", server.url)
    assert waits.seconds == []


async def test_an_error_page_without_an_end_is_not_read_to_it() -> None:
    async def endless(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        while True:
            await visit.send(b"x" * 4096)

    async with serving(endless) as server:
        with pytest.raises(NotAStream, match=r"answered 400 Bad Request$"):
            await asyncio.wait_for(until(Stream(server.url), "never"), WATCHDOG)


async def test_a_redirect_on_the_same_server_is_followed() -> None:
    async with serving(answer("308 Moved", location="/there?x=1"), OK + HEARTBEAT.frame()) as server:
        assert names(await until(Stream(server.url, last_event_id="evt_1"), "heartbeat")) == ["heartbeat"]
    assert [visit.path for visit in server.visits] == ["/api/v2/stream", "/there?x=1"]
    assert server.visits[1].headers["last-event-id"] == "evt_1"


@pytest.mark.parametrize(
    "url",
    [
        "", "/", "no host", "ftp://host/", "http://", "//host/path", "http://[::1/", "file:///x",
        "http://host:65536", "host:-1", "http://xn--/", "http://user:s/ecret@host:-1", "user:s@ecret@no host",
    ],
)  # fmt: skip
def test_a_url_that_is_none_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(NotAStream, match="is not a URL") as caught:
        Stream(url)
    assert "ecret" not in str(caught.value)


@pytest.mark.parametrize("tickers", ["AAPL,F", ["AAPL", "F"], ("AAPL,F",)])
async def test_names_are_given_one_by_one_or_as_text(tickers: str | list[str]) -> None:
    async with serving(OK + HEARTBEAT.frame()) as server:
        await Stream(server.url, tickers=tickers, events="metrics").first(1)
    assert server.visits[0].path == "/api/v2/stream?tickers=AAPL%2CF&events=metrics"


@pytest.mark.parametrize("target", ["javascript:1", "http://xn--/", "http://[::"])
async def test_a_redirect_to_what_is_no_url_is_tried_again(target: str) -> None:
    said = answer("302 Found", location=target)
    async with serving(said, OK + HEARTBEAT.frame()) as server:
        got = await until(Stream(server.url, reconnect=Reconnect(sleep=Waits())), "heartbeat")
    assert names(got) == ["lost", "heartbeat"]
    async with serving(said) as server:
        with pytest.raises(ToolError, match="cannot be read: Invalid URL in location header"):
            await read_status(status_url(server.url), httpx.Headers())


async def test_nobody_there_at_the_first_try_is_an_error_only_for_the_impatient() -> None:
    async with serving(OK + CONNECTED.frame()) as server:
        pass
    with pytest.raises(Unreachable, match=r"^127\.0\.0\.1:[0-9]+ cannot be reached: connection refused$"):
        await until(Stream(server.url, reconnect=Reconnect(patient=False)), "never")
    got = await until(Stream(server.url, reconnect=Reconnect(sleep=Waits())), "lost", 3)
    assert names(got) == ["lost"] * 3


async def test_the_impatient_wait_too_once_the_stream_was_there() -> None:
    async with serving(OK + CONNECTED.frame()) as server:
        stream = Stream(server.url, reconnect=Reconnect(patient=False, sleep=Waits()))
        async with stream:
            seen = aiter(stream)
            assert isinstance(await anext(seen), Received)
            assert isinstance(await anext(seen), Lost)
    async with stream:
        assert names([await anext(aiter(stream))]) == ["lost"]


async def test_no_tls_where_https_is_asked_for_is_said_as_such() -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(NotAStream, match=r"TLS with .* failed \(.*\); try http://$"):
            await until(Stream(f"https://127.0.0.1:{port}/"), "never")


async def test_a_handshake_that_is_cut_is_tried_again() -> None:
    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()  # as a balancer without a server

    async with await asyncio.start_server(cut, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        (lost,) = await until(Stream(f"https://127.0.0.1:{port}/"), "lost")
    assert isinstance(lost, Lost)
    assert re.search(r"cannot be reached: (the TLS handshake was cut|Connection reset by peer)$", lost.reason)


async def test_a_certificate_that_nobody_vouches_for_is_said_as_such(tmp_path: Path) -> None:
    async with serving(OK, tls=self_signed(tmp_path)) as server:
        with pytest.raises(NotAStream, match=r"^the certificate of 127.0.0.1:[0-9]+ is not trusted: self-signed"):
            await until(Stream(server.url), "never")


async def test_plain_http_to_a_tls_port_is_said_as_such(tmp_path: Path) -> None:
    async with serving(OK, tls=self_signed(tmp_path)) as server:
        with pytest.raises(Unreachable, match=r"did not send an HTTP response|the connection was lost"):
            await until(Stream(server.url.replace("https:", "http:"), reconnect=Reconnect(patient=False)), "never")


async def test_a_place_that_fits_no_header_is_said_as_such() -> None:
    async with serving(OK) as server:
        with pytest.raises(NotAStream, match="check the headers and the event id"):
            await until(Stream(server.url, last_event_id="a\nb"), "never")


async def test_repeats_are_dropped_by_version_and_a_reset_forgets_them() -> None:
    again = SentimentWithdrawn("wire:1", "2026-11-22T14:18:46.484Z", "AAPL", "deleted")
    events = [
        update(1),
        update(2),
        update(1),
        update(1, "v2"),
        update(1),
        update(1),
        again,
        update(1),
        Reset("too_old"),
    ]
    body = b"".join(event.frame() for event in [*events, update(1), HEARTBEAT])
    async with serving(OK + body) as server:
        stream = Stream(server.url)
        got = await until(stream, "heartbeat")
        all_of_it = await until(Stream(server.url, keep_repeats=True), "heartbeat")
    shown = [(e.event.source_id[-1], e.event.version) for e in got
             if isinstance(e, Received) and isinstance(e.event, SentimentUpdate)]  # fmt: skip
    assert shown == [("1", "v1"), ("2", "v1"), ("1", "v2"), ("1", "v1"), ("1", "v1"), ("1", "v1")]
    assert stream.repeats.dropped == 2
    assert len(all_of_it) == len(events) + 2


async def test_what_comes_from_the_history_is_marked() -> None:
    opening = Connected("c", None, "fresh", 2, "push", 3000, 30.0)
    body = b"".join(e.frame() for e in [opening, update(1), HEARTBEAT, update(2), update(3)])
    async with serving(OK + body) as server:
        got = await until(Stream(server.url), "sentiment_update", 3)
    assert [each.replayed for each in got if isinstance(each, Received)] == [False, True, False, True, False]


async def test_leaving_the_block_closes_the_connection() -> None:
    closed = asyncio.Event()

    async def stay(visit: Visit) -> None:
        await visit.send(OK, CONNECTED)
        await visit.gone()
        closed.set()

    async with serving(stay) as server:
        async with Stream(server.url) as stream:
            async for _ in stream:
                break
        await asyncio.wait_for(closed.wait(), WATCHDOG)


async def test_leaving_the_block_leaves_no_generator_to_the_event_loop() -> None:
    async def stay(visit: Visit) -> None:
        await visit.send(OK, CONNECTED, HEARTBEAT)
        await visit.gone()

    left: list[object] = []
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(finalizer=lambda generator: left.append(repr(generator)))
    try:
        async with serving(stay) as server:
            await until(Stream(server.url), "connected")
            gc.collect()
    finally:
        sys.set_asyncgen_hooks(*hooks)
    assert left == []


async def test_leaving_the_loop_alone_closes_it_too() -> None:
    closed = asyncio.Event()

    async def stay(visit: Visit) -> None:
        await visit.send(OK, CONNECTED)
        await visit.gone()
        closed.set()

    async with serving(stay) as server:
        async for _ in Stream(server.url):
            break
        gc.collect()
        await asyncio.wait_for(closed.wait(), WATCHDOG)


async def test_a_reader_that_is_cancelled_leaves_nothing_open() -> None:
    waiting, closed = asyncio.Event(), asyncio.Event()

    async def stay(visit: Visit) -> None:
        await visit.send(OK, CONNECTED)
        waiting.set()
        await visit.gone()
        closed.set()

    async with serving(stay) as server:
        reading = asyncio.create_task(until(Stream(server.url), "never"))
        await waiting.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.wait_for(closed.wait(), WATCHDOG)


async def test_iterating_again_goes_on_after_the_last_event_that_was_yielded() -> None:
    body = b"".join(update(number).frame(place=f"evt_{number}") for number in (1, 2, 3))
    async with serving(OK + body) as server:
        stream = Stream(server.url)
        await until(stream, "sentiment_update", 2)
        await until(stream, "sentiment_update")
    assert [visit.headers.get("last-event-id") for visit in server.visits] == [None, "evt_2"]


@pytest.mark.parametrize(
    "script",
    [
        OK + Closing("drain", 0).frame(),
        OK + Closing("drain", -5).frame(),
        answer("503 Service Unavailable", retry_after="0"),
        answer("503 Service Unavailable", retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
    ],
)
async def test_a_server_that_names_no_pause_is_not_asked_without_one(script: bytes) -> None:
    waits = Waits()
    async with serving(script) as server:
        await until(Stream(server.url, reconnect=Reconnect(sleep=waits)), "lost", times=3)
    assert min(waits.seconds) >= 0.25


async def test_a_wait_without_measure_becomes_a_day() -> None:
    waits = Waits()
    endless = b'event: closing\ndata: {"reason":"drain","retry_ms":1' + b"0" * 400 + b"}\n\n"
    async with serving(OK + endless, OK + HEARTBEAT.frame()) as server:
        await until(Stream(server.url, reconnect=Reconnect(sleep=waits)), "heartbeat")
    assert waits.seconds == [86_400]


async def test_no_secret_of_the_url_is_said() -> None:
    async with serving(answer("404 Not Found")) as server:
        url = server.url.replace("http://", "http://me:pass@") + "?ticket=secret&tickers=AAPL"
        with pytest.raises(NotAStream) as raised:
            await until(Stream(url), "connected")
    assert "pass" not in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "AAPL" in str(raised.value)


async def test_an_event_reads_as_an_event() -> None:
    stream = OK + update(1).frame(place="evt_1") + b"event: news\ndata: x\n\n"
    async with serving(stream) as server:
        first, second = await Stream(server.url).first(2)
    assert (first.ticker, first.label, first.score, first.source) == ("AAPL", "positive", Decimal("0.5"), None)
    assert repr(first) == (
        "<sentiment_update source_id='wire:1' timestamp='2026-11-22T14:18:46.484Z' version='v1' ticker='AAPL' "
        "label='positive' score=0.5 confidence=None source=None updated_at=None committed_at=None id=evt_1>"
    )
    assert repr(second) == "<news data='x' id=evt_1>"
    assert {"ticker", "label", "data", "at"} <= set(dir(first))
    assert copy.deepcopy(first) == pickle.loads(pickle.dumps(first)) == first  # noqa: S301 - our own
    with pytest.raises(AttributeError, match="sentiment_update has no 'price'; it has source_id, timestamp, version"):
        _ = first.price
    assert not hasattr(first, "_repr_html_")
