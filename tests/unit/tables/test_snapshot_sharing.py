"""Pages of snapshots are shared and budgeted, and what waits for them holds up no user."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from streamer.aws.worker import Worker
from streamer.change import Key, iso_time
from streamer.cursor import Cursor, Page, PageRow
from streamer.errors import TableError
from streamer.tables.budget import QueryBudget
from streamer.tables.recent import RecentPages
from streamer.tables.snapshot import SnapshotTable
from tests.factories import state
from tests.steps import steps
from tests.unit.tables.fakes import calls


class Slow:
    """An index that answers when it may."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go = threading.Event()
        self.queries = 0
        self.error = error

    def query(self, **_: object) -> Any:
        self.queries += 1
        self.go.wait()
        if self.error is not None:
            raise self.error
        return {"Items": []}


class Clock:
    """Unix milliseconds, in the test's hand."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


def snapshot(slow: Slow, worker: Worker, clock: Clock | None = None, **given: Any) -> SnapshotTable:
    recent = RecentPages(now_ms=clock or Clock())
    return SnapshotTable(calls(slow, worker), "sentiment", recent=recent, **given)


async def test_who_asks_for_the_same_page_meanwhile_or_within_a_second_shares_the_read() -> None:
    slow, worker, clock = Slow(), Worker("test", threads=8, limit=200), Clock()
    pages_ = snapshot(slow, worker, clock)
    asking = [asyncio.create_task(pages_.page(None, None, 100, None)) for _ in range(20)]
    other = asyncio.create_task(pages_.page(frozenset({"AAPL"}), None, 100, None))
    await asyncio.sleep(0)
    asking[0].cancel()  # whoever began it may leave
    slow.go.set()
    pages = await asyncio.gather(*asking[1:])
    assert {page.more for page in pages} == {None}
    await other
    assert slow.queries == 6, "three labels, twice"
    clock.ms += 999
    await pages_.page(None, None, 100, None)
    assert slow.queries == 6
    clock.ms += 1
    await pages_.page(None, None, 100, None)
    assert slow.queries == 9, "what is a second old is read anew"
    clock.ms -= 5_000
    await pages_.page(None, None, 100, None)
    assert slow.queries == 12, "nor is a page of the future believed"
    worker.close()


async def test_a_page_is_as_old_as_its_question() -> None:
    slow, worker, clock = Slow(), Worker("test", threads=8, limit=200), Clock()
    pages = snapshot(slow, worker, clock)
    asking = asyncio.create_task(pages.page(None, None, 100, None))
    await asyncio.sleep(0)
    clock.ms += 1_000  # it took a second
    slow.go.set()
    await asking
    await pages.page(None, None, 100, None)
    assert slow.queries == 6
    worker.close()


async def test_a_page_behind_a_cursor_is_shared_as_the_first_is() -> None:
    slow, worker = Slow(), Worker("test", threads=8, limit=200)
    slow.go.set()
    pages = snapshot(slow, worker)
    for key in ("a", "a", "b"):
        await pages.page(None, None, 100, Cursor({"neutral": Key(key, iso_time(0))}))
    assert slow.queries == 6
    worker.close()


async def test_a_shared_read_that_fails_fails_for_all_and_is_not_kept() -> None:
    from botocore.exceptions import EndpointConnectionError

    slow, worker = Slow(EndpointConnectionError(endpoint_url="x")), Worker("test", threads=8, limit=200)
    slow.go.set()
    pages = snapshot(slow, worker)
    asking = [pages.page(None, None, 100, None) for _ in range(3)]
    assert all(isinstance(each, TableError) for each in await asyncio.gather(*asking, return_exceptions=True))
    slow.error = None
    assert (await pages.page(None, None, 100, None)).more is None
    worker.close()


async def test_snapshots_have_a_budget_of_queries_and_a_shared_page_costs_nothing() -> None:
    now = [0.0]
    slow, worker = Slow(), Worker("test")
    slow.go.set()
    pages = snapshot(slow, worker, budget=QueryBudget(1, clock=lambda: now[0]))  # eight at once
    for limit in (1, 2, 3):
        for _ in range(5):
            await pages.page(None, None, limit, None)
    assert slow.queries == 9, "what has begun is read to its end"
    with pytest.raises(TableError, match="SSE_SNAPSHOT_QUERIES"):
        await pages.page(None, None, 4, None)
    now[0] = 2.0
    await pages.page(None, None, 4, None)
    assert slow.queries == 12
    worker.close()


def test_what_is_kept_is_bounded_by_pages_and_by_rows() -> None:
    row = PageRow(Key("a", iso_time(0)), state("neutral"), "AAPL")
    recent = RecentPages(max_pages=3, max_rows=10, now_ms=Clock())
    for number in range(100):
        recent.put(number, recent.now(), Page([], None))
        assert len(recent) <= 3
    assert [recent.get(number) is not None for number in (96, 97, 98, 99)] == [False, True, True, True]
    recent.put("large", recent.now(), Page([row] * 9, None))
    recent.put("more", recent.now(), Page([row] * 2, None))
    assert (recent.get("large"), len(recent)) == (None, 1)
    recent.put("too large", recent.now(), Page([row] * 11, None))
    assert len(recent) == 0


async def test_users_never_wait_behind_those_who_read_snapshots() -> None:
    slow = Slow()  # holds every thread that it gets
    public, worker = Worker("snapshots", threads=4, limit=100), Worker("test", threads=8, limit=200)
    pages = snapshot(slow, public)
    asking = [asyncio.create_task(pages.page(frozenset({f"T{n}"}), None, 100, None)) for n in range(260)]
    await steps(3)
    assert [await worker(sorted, [2, 1]) for _ in range(20)] == [[1, 2]] * 20
    slow.go.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert sum(isinstance(answer, TableError) for answer in answers) == 160, "beyond the crowd"
    worker.close()
    public.close()
