"""`streamer tail` as a person and a script meet it: a process with arguments, a terminal or a pipe, an exit code."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from tests.hang import overheard
from tests.integration.rig import Rig, running
from tests.unit.client.scripted import OK, Visit, answer, serving
from tests.watchdog import WATCHDOG

NOTHING: Mapping[str, str] = {}


class Tail:
    """A running `streamer tail`. `heard` is what was read of its output so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.heard: list[str] = []

    async def line(self) -> str:
        """The next line of its output."""
        assert self.process.stdout is not None
        async with asyncio.timeout(WATCHDOG):
            self.heard.append((await self.process.stdout.readline()).decode().rstrip("\n"))
            return self.heard[-1]

    async def notice(self, *parts: str) -> str:
        """The next line of its standard error that has these parts."""
        assert self.process.stderr is not None
        async with asyncio.timeout(WATCHDOG):
            async for text in self.process.stderr:
                line = text.decode().rstrip("\n")
                self.heard.append(line)
                if all(part in line for part in parts):
                    return line
        raise EOFError(parts)

    async def end(self) -> tuple[int, str, str]:
        """Exit code and the rest of what it said."""
        async with asyncio.timeout(WATCHDOG):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        assert b"Traceback" not in err
        return self.process.returncode, (out or b"").decode(), err.decode()


@asynccontextmanager
async def tailing(
    *arguments: str, environment: Mapping[str, str] = NOTHING, stdout: int = asyncio.subprocess.PIPE
) -> AsyncIterator[Tail]:
    """Runs it; at the end of the block it is gone."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "streamer.cli", "tail", *arguments),
        env={**os.environ, "TZ": "UTC", "PYTHONUTF8": "1", **environment},
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Tail(process)
    try:
        with overheard("streamer tail", lambda: "\n".join(running.heard)):
            yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
        process._transport.close()  # type: ignore[attr-defined]  # closes the pipes before the loop goes


async def tail(*arguments: str, environment: Mapping[str, str] = NOTHING) -> tuple[int, str, str]:
    async with tailing(*arguments, environment=environment) as process:
        return await process.end()


async def in_time(said: str, *arguments: str) -> tuple[int, str, str]:
    """The end of a tail that had enough time to say this."""
    for seconds in (0.5, 2, 8, 32, 128):
        ended = await tail(*arguments, "--for", f"{seconds}s")
        if said in ended[1]:
            return ended
    raise AssertionError(f"not said: {said}")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with running() as made:
        yield made


async def test_a_line_an_event_until_the_count(rig: Rig) -> None:
    rig.publish("positive", "negative")
    code, out, err = await tail(rig.base, "--replay", "60", "--count", "2")
    connected, first, second, ended = out.splitlines()
    assert (code, err) == (0, "")
    assert "connected: 2 events of the history follow; mode push" in connected
    assert first[12:].split() == ["▲", "positive", "+0.50", "AAPL", "wire", "history", "AAPL:1"]
    assert second[12:].split() == ["▼", "negative", "+0.50", "AAPL", "wire", "history", "AAPL:2"]
    assert first.index("AAPL") == second.index("AAPL")
    assert "ended: 2 events, 0 reconnects, 0 repeats dropped" in ended
    assert "\x1b" not in out


async def test_json_is_one_object_a_line_and_notices_go_elsewhere(rig: Rig) -> None:
    async with tailing(rig.base, "--json", "--events", "sentiment_update", "--count", "2") as process:
        assert "connected: a fresh stream begins" in await process.notice("connected")
        rig.publish("positive", "negative")
        code, out, _ = await process.end()
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [list(line) for line in lines] == [["event", "id", "data", "late_ms"]] * 2
    assert [line["data"]["label"] for line in lines] == ["positive", "negative"]
    assert all(line["id"].startswith("evt_") for line in lines)


async def test_the_filters_are_sent(rig: Rig) -> None:
    rig.publish("positive", ticker="AAPL")
    rig.publish("negative", ticker="MSFT", first=2)
    code, out, _ = await tail(rig.base, "--tickers", "msft,NVDA", "--replay", "1m", "--count", "1")
    assert code == 0
    assert "; only MSFT, NVDA; " in out
    assert "MSFT:2" in out
    assert "AAPL" not in out


async def test_from_says_what_it_resumed(rig: Rig) -> None:
    rig.publish("positive", "neutral", "negative")
    _, out, _ = await tail(rig.base, "--json", "--replay", "60", "--events", "sentiment_update", "--count", "1")
    place = json.loads(out)["id"]
    code, out, _ = await tail(rig.base, "--from", place, "--events", "sentiment_update", "--count", "2")
    assert code == 0
    assert "resumed: 2 events of the history follow" in out
    code, out, _ = await tail(rig.base, "--from", "elsewhere", "--events", "sentiment_update", "--count", "3")
    assert code == 0
    assert "connected, not resumed; mode push" in out
    assert "reset (malformed): events before this may be missing; the history follows" in out


async def test_a_time_that_is_over_is_0_with_an_event_and_3_without(rig: Rig) -> None:
    filters = ("--events", "sentiment_update", "--replay", "60")
    assert (await tail(rig.base, *filters, "--for", "500ms"))[0] == 3
    rig.publish("positive")
    code, _, _ = await in_time("AAPL:1", rig.base, *filters)
    assert code == 0
    code, _, _ = await in_time("AAPL:1", rig.base, *filters, "--count", "2")
    assert code == 3


@pytest.mark.parametrize(("limits", "code"), [((), 0), (("--count", "1000"), 130), (("--for", "1h"), 130)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_ctrl_c_ends_it_cleanly(rig: Rig, limits: tuple[str, ...], code: int, number: signal.Signals) -> None:
    async with tailing(rig.base, "--json", *limits) as process:
        await process.notice("connected")
        process.process.send_signal(number)
        got, _, err = await process.end()
    assert got == code
    assert len(err.splitlines()) == 1
    assert "ended: " in err


@pytest.mark.parametrize("form", ["--json", "--all"])
async def test_a_closed_pipe_is_a_clean_end_even_when_nothing_comes(form: str) -> None:
    async def quiet(visit: Visit) -> None:
        await visit.send(OK + b'event: hello\ndata: "once"\n\n')
        await visit.gone()

    reading, writing = os.pipe()
    async with serving(quiet) as server, tailing(server.url, form, stdout=writing) as process:
        os.close(writing)
        assert await asyncio.to_thread(os.read, reading, 5)
        os.close(reading)
        code, _, err = await process.end()
    assert code == 0
    assert "Error" not in err


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
async def test_a_terminal_gets_colour_unless_it_says_no(
    rig: Rig, environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    rig.publish("positive")
    ours, theirs = pty.openpty()
    try:
        async with tailing(
            *(rig.base, "--replay", "60", "--count", "1"), environment={"TERM": "xterm", **environment}, stdout=theirs
        ) as process:
            code, _, _ = await process.end()
        said = await asyncio.to_thread(os.read, ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)
    assert code == 0
    assert ("\x1b[32m▲ positive  +0.50\x1b[0m" in said.decode()) is coloured
    assert (b"\x1b" in said) is coloured


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (answer("200 OK", b"<html>", content_type="text/html"), "is a web page, not a stream"),
        (answer("200 OK", b"{}", content_type="application/json"), "is JSON, not a stream"),
        (answer("404 Not Found"), "does not exist (404)"),
        (answer("401 Unauthorized", b'{"detail":"Missing user identification"}'), "Missing user identification"),
        (answer("302 Found", location="https://elsewhere.example/"), "redirects to https://elsewhere.example/"),
        (answer("502 Bad Gateway"), "answered 502 Bad Gateway; wait for the server with --retry"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "did not send an HTTP response"),
    ],
)
async def test_what_is_no_stream_is_one_sentence_and_1(said: bytes, sentence: str) -> None:
    async with serving(said) as server:
        code, out, err = await tail(server.url)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("streamer tail: ")
    assert sentence in err


async def test_nobody_there_is_1_at_once_and_waited_for_with_retry() -> None:
    async with serving(OK) as server:
        pass
    code, _, err = await tail(server.url)
    assert code == 1
    assert err.endswith("cannot be reached: connection refused; wait for the server with --retry\n")
    code, out, err = await in_time("lost: ", server.url, "--retry")
    assert code == 3
    assert "lost: " in out
    assert err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("ftp://127.0.0.1/",), ("http://",), ("--for", "soon"), ("--replay", "-1"), ("--count", "0"), ("--count", "x"),
        ("--from", "a", "--replay", "1"), ("--header", "nonsense"), ("--nonsense",), ("a", "b"),
    ],
)  # fmt: skip
async def test_called_wrongly_is_2(arguments: tuple[str, ...]) -> None:
    code, out, err = await tail(*arguments)
    assert (code, out) == (2, "")
    assert err


async def test_a_malformed_parameter_is_told_in_the_servers_words(rig: Rig) -> None:
    code, _, err = await tail(rig.base, "--tickers", "not a ticker")
    assert code == 1
    assert "422 Unprocessable" in err
    assert "tickers: entry 1 is no ticker" in err
    assert len(err.splitlines()) == 1


async def test_a_header_is_sent() -> None:
    async with serving(OK + b"data: 1\n\n") as server:
        assert (await tail(server.url, "-H", "X-User-ID: me", "--count", "1"))[0] == 0
    assert server.visits[0].headers["x-user-id"] == "me"


async def test_help_says_the_exit_codes() -> None:
    code, out, _ = await tail("--help", environment={"COLUMNS": "120"})
    assert code == 0
    for words in (
        "0    ended by --count",
        "1    the first connection failed",
        "2    invalid usage",
        "3    --for ended",
        "130  stopped by Ctrl-C",
    ):
        assert words in out
