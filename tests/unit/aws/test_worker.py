"""Calls are made beside the event loop, in order; nobody waits for one whose caller has left."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from streamer.aws.worker import Worker
from streamer.errors import TableError


async def test_calls_run_in_the_workers_thread_one_after_the_other_and_return_or_raise() -> None:
    worker, done = Worker("calls"), list[int]()

    def note(number: int) -> str:
        done.append(number)
        return threading.current_thread().name

    names = await asyncio.gather(*(worker(note, number) for number in range(9)))
    assert (set(names), done) == ({"calls"}, list(range(9)))
    assert await worker(sorted, [2, 1], reverse=True) == [2, 1]
    with pytest.raises(ZeroDivisionError):
        await worker(lambda: 1 / 0)
    assert sum(thread.name == "calls" for thread in threading.enumerate()) == 1
    worker.close()


async def test_a_caller_that_is_cancelled_drops_what_it_asked_for() -> None:
    worker, began, go, made = Worker("calls"), threading.Event(), threading.Event(), list[str]()

    def slow() -> None:
        began.set()
        go.wait()
        made.append("slow")

    under_way, waiting = asyncio.create_task(worker(slow)), asyncio.create_task(worker(made.append, "waiting"))
    await asyncio.to_thread(began.wait)
    for task in (under_way, waiting):
        task.cancel()
    assert all(
        isinstance(one, asyncio.CancelledError)
        for one in await asyncio.gather(under_way, waiting, return_exceptions=True)
    )
    go.set()
    await worker(made.append, "next")
    assert made == ["slow", "next"], "what was under way ends, what waited is never made"
    worker.close()


async def test_after_it_was_abandoned_the_next_call_waits_for_none_under_way() -> None:
    worker, began, go = Worker("calls"), threading.Event(), threading.Event()

    def slow() -> str:
        began.set()
        go.wait()
        return "after all"

    under_way = asyncio.create_task(worker(slow))
    await asyncio.to_thread(began.wait)
    worker.abandon()
    assert await worker(lambda: "at once") == "at once"
    go.set()
    assert await under_way == "after all"
    worker.close()


async def test_beyond_its_limit_the_next_call_is_refused_at_once_and_later_ones_are_not() -> None:
    worker, go = Worker("calls", threads=2, limit=4), threading.Event()
    within = [asyncio.create_task(worker(go.wait)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(TableError, match="too many"):
        await worker(go.wait)
    within[0].cancel()  # its thread goes on, and counts until it is done
    await asyncio.sleep(0)
    with pytest.raises(TableError):
        await worker(go.wait)
    go.set()
    assert await asyncio.gather(*within[1:]) == [True] * 3
    assert await worker(lambda: "again") == "again"
    worker.close()


async def test_closed_it_refuses_and_cancels_what_waits() -> None:
    worker, began, go = Worker("calls"), threading.Event(), threading.Event()

    def slow() -> None:
        began.set()
        go.wait()

    under_way = asyncio.create_task(worker(slow))
    waiting = asyncio.create_task(worker(lambda: None))
    await asyncio.to_thread(began.wait)
    worker.close()
    with pytest.raises(TableError):
        await worker(lambda: None)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go.set()
    await under_way


def test_the_end_of_the_process_waits_for_no_call() -> None:
    code = """
import asyncio, threading
from streamer.aws.worker import Worker

async def main():
    began = threading.Event()
    task = asyncio.create_task(Worker("calls")(lambda: (began.set(), threading.Event().wait())))
    await asyncio.to_thread(began.wait)
    task.cancel()

asyncio.run(main())
print("ended")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("ended\n", "")
