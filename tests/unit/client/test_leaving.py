"""An iteration that is left: what it had opened is closed, and nobody hears of it."""

from __future__ import annotations

import asyncio
import gc
import sys
from textwrap import dedent, indent

import pytest

from streamer.client import Lost, Received, Reconnect, Stream, Unreachable
from streamer.client.iteration import Handover, Iteration
from streamer.sse.events import Connected, Heartbeat
from tests.unit.client.following import Waits
from tests.unit.client.scripted import OK, Visit, serving
from tests.watchdog import WATCHDOG

CONNECTED = Connected("c", None, "fresh", 0, "push", 3000, 30.0)
HEARTBEAT = Heartbeat("2026-11-22T14:18:50.000Z", 1, 5, "push")

WAYS = {
    "break": """
        async for event in Stream(url):
            break
    """,
    "break while the stream is kept": """
        stream = Stream(url)
        async for event in stream:
            break
        del event
    """,
    "break and go on for a step": """
        async for event in Stream(url):
            break
        await asyncio.sleep(0)
    """,
    "return": """
        async for event in Stream(url):
            return
    """,
    "an error": """
        try:
            async for event in Stream(url):
                1 / 0
        except ZeroDivisionError:
            pass
    """,
    "a timeout": """
        try:
            async with asyncio.timeout(None) as limit:
                async for event in Stream(url):
                    limit.reschedule(asyncio.get_running_loop().time())
        except TimeoutError:
            pass
    """,
    "two at once": """
        one, other = aiter(Stream(url)), aiter(Stream(url))
        await anext(one), await anext(other)
    """,
    "first": """
        await Stream(url).first(1)
    """,
    "a block that keeps its iterator": """
        async with Stream(url) as stream:
            kept = aiter(stream)
            await anext(kept)
    """,
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_program_that_leaves_the_iteration_ends_without_a_word(way: str) -> None:
    closed = asyncio.Event()

    async def stay(visit: Visit) -> None:
        try:
            await visit.send(OK, CONNECTED, HEARTBEAT)
            await visit.gone()
        finally:  # what the client had not read when it closed becomes a reset
            closed.set()

    program = (
        "import asyncio, sys\nfrom streamer.client import Stream\n\n"
        f"async def main(url):\n{indent(dedent(WAYS[way]), '    ')}\nasyncio.run(main(sys.argv[1]))\n"
    )
    async with serving(stay) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", program, server.url,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complained = await asyncio.wait_for(process.communicate(), WATCHDOG)
        await asyncio.wait_for(closed.wait(), WATCHDOG)
    assert (process.returncode, said.decode(), complained.decode()) == (0, "", "")


async def test_break_closes_the_connection_while_the_program_goes_on() -> None:
    closed = asyncio.Event()

    async def stay(visit: Visit) -> None:
        await visit.send(OK, CONNECTED)
        await visit.gone()
        closed.set()

    async with serving(stay) as server:
        stream = Stream(server.url)
        async for _ in stream:
            break
        await asyncio.wait_for(closed.wait(), WATCHDOG)


async def test_a_wait_for_the_next_event_that_is_given_up_loses_none() -> None:
    go_on = asyncio.Event()

    async def later(visit: Visit) -> None:
        await visit.send(OK, CONNECTED)
        await go_on.wait()
        await visit.send(HEARTBEAT)
        await visit.gone()

    async with serving(later) as server, Stream(server.url) as stream:
        events = aiter(stream)
        assert (await anext(events)).name == "connected"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0.05)
        go_on.set()
        assert (await asyncio.wait_for(anext(events), WATCHDOG)).name == "heartbeat"
    assert len(server.visits) == 1


async def test_events_that_had_arrived_but_were_not_yielded_come_again() -> None:
    body = b"".join(event.frame(place=f"evt_{at}") for at, event in enumerate([HEARTBEAT] * 3, 1))
    async with serving(OK + body) as server:
        stream = Stream(server.url)
        async for _ in stream:
            break
        assert stream.place == "evt_1"
        await stream.first(1)
    assert [visit.headers.get("last-event-id") for visit in server.visits] == [None, "evt_1"]


async def test_first_returns_a_list_of_events_without_losses() -> None:
    async with serving(OK + CONNECTED.frame(), OK + CONNECTED.frame() + HEARTBEAT.frame()) as server:
        stream = Stream(server.url, reconnect=Reconnect(sleep=Waits()))
        assert [each.name for each in await stream.first(3)] == ["connected", "connected", "heartbeat"]
        (found,) = await Stream(server.url).first(1, "heartbeat", "metrics")
        assert found.event == HEARTBEAT
        assert await stream.first(0) == []


async def test_first_says_that_nobody_is_there_even_if_the_stream_is_patient() -> None:
    async with serving(OK) as server:
        pass
    with pytest.raises(Unreachable, match="connection refused"):
        await Stream(server.url).first(1)


async def test_both_kinds_have_a_name() -> None:
    async with serving(OK + CONNECTED.frame()) as server, Stream(server.url) as stream:
        events = aiter(stream)
        names = [(type(each), each.name) for each in (await anext(events), await anext(events))]
    assert names == [(Received, "connected"), (Lost, "lost")]


async def test_the_producer_goes_on_only_when_more_is_wanted() -> None:
    steps: list[str] = []

    async def produce(handover: Handover[int]) -> None:
        for begin in (0, 2):
            steps.append(f"puts {begin}")
            await handover.put([begin, begin + 1])

    iteration = Iteration(produce, lambda number: number != 1)
    async for number in iteration:
        await asyncio.sleep(0)
        steps.append(f"got {number}")
    assert steps == ["puts 0", "got 0", "puts 2", "got 2", "got 3"]


async def test_an_error_of_the_producer_is_raised_once_and_a_closed_iteration_is_over() -> None:
    async def produce(handover: Handover[int]) -> None:
        await handover.put([1])
        raise ValueError("no more")

    iteration = Iteration(produce, lambda _: True)
    assert await anext(iteration) == 1
    with pytest.raises(ValueError, match="no more"):
        await anext(iteration)
    assert [number async for number in iteration] == []
    unused = Iteration(produce, lambda _: True)
    await unused.aclose()
    assert [number async for number in unused] == []


def test_an_iteration_that_outlives_its_loop_says_nothing(recwarn: pytest.WarningsRecorder) -> None:
    kept: list[Iteration[int]] = []

    async def produce(handover: Handover[int]) -> None:
        await handover.put([1])

    async def main() -> None:
        kept.append(Iteration(produce, lambda _: True))
        assert await anext(kept[0]) == 1

    asyncio.run(main())
    kept.clear()
    gc.collect()
    assert not list(recwarn)
