"""`streamer doctor` against a real service, directly and through proxies that each do one thing wrong; and against
servers that mean no good."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from streamer.streams.timing import Timing
from streamer.tools.doctor import probe as probes
from streamer.tools.doctor import seen, wire
from streamer.tools.doctor.checks import judge
from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.finding import Finding
from streamer.tools.doctor.probe import Probe
from streamer.tools.doctor.url import StreamUrl
from tests.integration.faulty_proxy import Wrong, before
from tests.integration.rig import running
from tests.unit.client.scripted import OK, Script, Visit, answer, serving
from tests.watchdog import WATCHDOG

QUIET = 1.0
ORIGIN = "https://app.example"


async def examine(
    url: str, *, any_server: bool = False, load: int = 0, origin: str = "", quiet: float = QUIET
) -> dict[str, Finding]:
    evidence = Evidence(StreamUrl.of(url), quiet_seconds=quiet, with_load=bool(load), origin=origin)
    async with asyncio.timeout(WATCHDOG):
        await Probe(evidence, [], any_server=any_server, load=load).run()
    return {each.check: each for each in judge(evidence, any_server=any_server)}


def timing() -> Timing:
    return Timing(heartbeat=0.2, ping=0.1, sweep=0.02)


FOUND: dict[Wrong, tuple[str, str]] = {
    "gzips": ("compression", "gzip when a browser"),
    "doubles": ("headers", "cache-control comes 2 times"),
    "drops": ("resume", "did not receive it"),
    "cuts": ("idle", "cut after"),
    "closes": ("framing", "neither chunked"),
}


async def test_each_fault_of_a_proxy_is_found_and_without_one_nothing_is() -> None:
    async with AsyncExitStack() as stack:
        rig = await stack.enter_async_context(running(timing=timing(), cors_origins=(ORIGIN,)))
        rig.publish(*["positive", "negative"] * 10)
        urls = {wrong: await stack.enter_async_context(before(rig.port, wrong)) for wrong in FOUND}
        urls["nothing"] = await stack.enter_async_context(before(rig.port, "nothing"))
        bases: dict[str, str] = {"directly": rig.base, **{str(wrong): url for wrong, url in urls.items()}}
        each = await asyncio.gather(
            *(examine(f"{url}/api/v2/stream", origin=ORIGIN, quiet=2.0) for url in bases.values())
        )
    found = dict(zip(bases, each, strict=True))
    for wrong, (check, says) in FOUND.items():
        finding = found[wrong][check]
        assert finding.verdict == "fault", (wrong, finding)
        assert says in finding.evidence, (wrong, finding)
        assert finding.remedy
    for healthy in ("directly", "nothing"):
        verdicts = {check: each.verdict for check, each in found[healthy].items()}
        green = {"name", "content type", "compression", "framing", "headers", "cors", "resume", "reset", "rest", "mode"}
        assert {check for check in green if verdicts[check] != "ok"} == set(), found[healthy]
        assert "fault" not in verdicts.values(), found[healthy]
        assert "exact: the 20 versions" in found[healthy]["resume"].evidence


@pytest.mark.slow("waits as long as a proxy that buffers is waited for")
async def test_a_proxy_that_buffers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_SECONDS", 8.0)
    async with running(timing=timing()) as rig, before(rig.port, "buffers") as url:
        finding = (await examine(f"{url}/api/v2/stream"))["buffering"]
    assert finding.verdict == "fault", finding
    assert "first byte did not come within" in finding.evidence


async def test_the_limit_is_found_by_load_and_any_server_mode_reads_our_stream() -> None:
    async with running(timing=timing(), limit=9) as rig:
        rig.publish(*["positive"] * 10)
        ours, standard = await examine(f"{rig.base}/api/v2/stream", load=20), {}
        standard = await examine(f"{rig.base}/api/v2/stream?replay=60", any_server=True)
    assert ours["limit"].verdict == "ok", ours["limit"]
    assert "stream 10: 503, Retry-After: 30" in ours["limit"].evidence
    assert {check for check, each in standard.items() if each.verdict == "fault"} == set(), standard
    assert standard["resume"].verdict == "ok", standard["resume"]


# ---- servers that mean no good: a clear line, and an end ----


async def endless_headers(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await visit.send(b"X-More: " + b"x" * 1000 + b"\r\n")


async def endless_interim(visit: Visit) -> None:
    while True:
        await visit.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


async def endless_line(visit: Visit) -> None:
    await visit.send(OK, b"data: ")
    while True:
        await visit.send(b"x" * 65_536)


async def endless_events(visit: Visit) -> None:
    await visit.send(OK)
    while True:
        await visit.send(b"data: x\n\n" * 1000)


async def silent(visit: Visit) -> None:
    await visit.gone()


async def drips(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        await visit.send(b"x")
        await asyncio.sleep(0.01)


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def cut_in_a_chunk(visit: Visit) -> None:
    await visit.send(CHUNKED + b"ff\r\nda")


HOSTILE: list[tuple[str, Script | bytes, str, str]] = [
    ("endless headers", endless_headers, "content type", "headers are larger than 64 KB"),
    ("endless interim responses", endless_interim, "content type", "more than 20 interim responses"),
    ("an endless line", endless_line, "framing", "larger than"),
    ("endless events", endless_events, "framing", "neither chunked"),
    ("garbage", b"\x00\x01\x02\r\n\r\n" * 10, "content type", "not an HTTP/1.1 response"),
    ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n", "content type", "closed without a response"),
    ("no answer", silent, "content type", "no response within 0.3 s"),
    ("a dripping head", drips, "content type", "no response within 0.3 s"),
    ("an end at once", b"", "content type", "closed without a response"),
    ("a cut chunk", cut_in_a_chunk, "keepalive", "closed in the middle"),
    ("a chunk without a size", CHUNKED + b"ZZZ\r\n", "framing", "chunked coding is broken"),
    ("a chunk longer than its size", CHUNKED + b"1\r\n:too long", "framing", "chunked coding is broken"),
    ("a redirect elsewhere", answer("302 Found", location="https://evil.example/x"), "content type", "evil.example"),
    ("a page", answer("200 OK", b"<html>", content_type="text/html"), "content type", "text/html"),
    (
        "two lengths",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nhello",
        "content type",
        "not an HTTP",
    ),
    ("a false gzip", OK[:-2] + b"Content-Encoding: gzip\r\n\r\nno gzip", "framing", "damaged"),
    ("control characters", answer("200 OK", content_type="text/\x1b[2Jhtml"), "content type", "text/\\x1b[2Jhtml"),
]


@pytest.mark.parametrize(("script", "check", "says"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
async def test_a_hostile_server_ends_in_a_clear_line(
    script: Script | bytes, check: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(wire, "ASK_SECONDS", 0.3)
    monkeypatch.setattr(probes, "_SHORT", 0.3)
    monkeypatch.setattr(seen, "MAX_MESSAGES", 5_000)
    async with serving(script) as server:
        for any_server in (True, False):
            found = await examine(server.url, any_server=any_server)
            if check in found:
                assert says in found[check].evidence, found
                assert all("\x1b" not in each.evidence for each in found.values())
            assert found["content type"].verdict == "ok" or {each.verdict for each in found.values()} <= {
                "ok", "fault", "unknown", "skipped"
            }  # fmt: skip
            assert any(each.verdict in ("fault", "unknown") for each in found.values())


# ---- the command ----


async def doctor(
    *arguments: str, stop: Callable[[asyncio.subprocess.Process], None] | None = None
) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "streamer.cli", "doctor", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(WATCHDOG):
            if stop is not None:
                stop(process)
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
        process._transport.close()  # type: ignore[attr-defined]  # closes the pipes before the loop goes
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_command_prints_json_and_its_exit_code_says_what_was_found() -> None:
    async with running(timing=timing()) as rig:
        rig.publish(*["positive"] * 10)
        code, out, err = await doctor(rig.base, "--quiet", "1s", "--json")
    found = json.loads(out)
    assert (code, err) == (3, ""), out  # no event came while it observed, so the delay is unknown
    assert found["url"] == f"{rig.base}/api/v2/stream"
    assert [each["check"] for each in found["checks"] if each["verdict"] == "unknown"] == ["delay"]
    assert code == found["exit_code"]


@pytest.fixture
async def held() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A stream that is open, and an event that is set when somebody reads it."""
    asked = asyncio.Event()

    async def hold(visit: Visit) -> None:
        await visit.send(OK, b"event: connected\ndata: {}\n\n")
        asked.set()
        await visit.gone()

    async with serving(hold) as server:
        yield server.url, asked


async def test_ctrl_c_prints_what_is_known_so_far(held: tuple[str, asyncio.Event]) -> None:
    url, asked = held

    def stop(process: asyncio.subprocess.Process) -> None:
        async def later() -> None:
            await asked.wait()
            process.send_signal(signal.SIGINT)

        stopping.append(asyncio.ensure_future(later()))

    stopping: list[asyncio.Future[None]] = []
    code, out, err = await doctor(url, stop=stop)
    assert (code, err) == (130, "")
    assert "✓ name" in out
    assert "? idle" in out
