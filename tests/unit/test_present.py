"""Pages from the hub's memory equal what the table would answer, and join with its pages without a seam."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.change import Absence, Key, State, iso_time
from streamer.cursor import Cursor, Page, PageRow, read_cursor
from streamer.hub.hub import Hub
from streamer.hub.window import Window
from streamer.present import Present
from streamer.tables.index import read_row
from streamer.tables.recent import RecentPages
from streamer.tables.snapshot import SnapshotTable
from tests.factories import NOW_MS, change, hub
from tests.unit.tables.fakes import calls
from tests.unit.tables.label_index import LabelIndex

DAY = 86_400_000
Row = tuple[str, str, str, State]


class World:
    """A table, and a hub that sees its changes by push."""

    def __init__(self, reach_ms: int, limit: int = 200_000, trusted_ms: int | None = 0) -> None:
        self.hub: Hub[str] = hub()
        self.hub.window = Window(NOW_MS, limit=limit)
        self.index = LabelIndex()
        self.reach_ms = reach_ms
        self.complete_after_ms = trusted_ms
        table = SnapshotTable(calls(self.index), "sentiment", recent=RecentPages(keep_ms=0))
        self.present = Present(self.hub, self, table, now_ms=lambda: NOW_MS)
        self._seq = 0

    def start(self) -> None:
        """The first query, of three minutes, and the walk back as far as it came."""
        rows = [read_row(item) for item in self.index.items.values()]
        first = iso_time(NOW_MS - 180_000)
        found = [row for row in rows if row[0].timestamp > first]
        self.hub.observe(found, began_ms=NOW_MS, as_of=0, consistent=False, now_ms=NOW_MS)
        self.hub.proved(NOW_MS, NOW_MS - 180_000, ended_ms=NOW_MS)
        reached = iso_time(NOW_MS - self.reach_ms)
        walked = [row for row in rows if row[0].timestamp > reached]
        self.hub.backfill(walked, NOW_MS - self.reach_ms, remember=(reached, first), now_ms=NOW_MS)

    def write(self, number: int, age_ms: int, label: str | None, *tickers: str, by_ttl: bool = False) -> None:
        """Writes an item, or deletes it; the hub is told."""
        key = Key(f"wire:{number}", iso_time(NOW_MS - age_ms))
        before = read_row(self.index.items[key])[1].state if key in self.index.items else None
        self.index.items.pop(key, None)
        after = None
        if label is not None:
            self.index.put(number, NOW_MS - age_ms, *tickers, label=label)
            after = read_row(self.index.items[key])[1].state
        self._seq += 1
        absence: Absence = "expired" if by_ttl else "deleted"
        committed_at = NOW_MS // 1000 + 10  # certainly later than the query
        record = change(after, self._seq, key=key, before=before, absence=absence, committed_at=committed_at)
        self.hub.publish([record], dated_ms=NOW_MS, now_ms=NOW_MS)

    def rows(self, tickers: frozenset[str] | None, since: str | None) -> list[Row]:
        """What the table has, in the memory's order."""
        found = [read_row(item) for item in self.index.items.values()]
        rows = [
            (key.timestamp, key.source_id, ticker, item.state)
            for key, item in found
            if item.state is not None and (since is None or key.timestamp >= since)
            for ticker in item.state.tickers
            if tickers is None or ticker in tickers
        ]
        return sorted(rows, key=lambda row: row[:3])

    async def pages(
        self, tickers: frozenset[str] | None, since: str | None, limits: list[int], memory: int = 1_000
    ) -> list[Page]:
        """Pages to the last one, with limits in turn. After the number `memory` of pages the memory is lost."""
        pages: list[Page] = []
        cursor: Cursor | None = None
        while not pages or cursor is not None:
            page = await self.present.page(tickers, since, limits[len(pages) % len(limits)], cursor)
            pages.append(page)
            cursor = None if page.more is None else read_cursor(page.more.write())
            assert len(pages) < 500
            if len(pages) == memory:
                self.hub.window = Window(NOW_MS)
        return pages


def plain(rows: list[PageRow]) -> list[Row]:
    return sorted(
        ((row.key.timestamp, row.key.source_id, row.ticker, row.state) for row in rows), key=lambda row: row[:3]
    )


AGES = st.sampled_from([-1_200_000, -1, 0, 1, 2, 3, 59_999, 60_000, 100_000, 200_000, 7_199_999, 7_200_000, 9_000_000])
WRITES = st.lists(
    st.tuples(
        st.integers(0, 12),
        AGES,
        st.sampled_from(["positive", "neutral", "negative", None, None]),
        st.sets(st.sampled_from("ABC"), min_size=1),
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=300)
@given(
    WRITES,
    WRITES,
    st.sampled_from([0, 1, 60_000, 7_200_000, DAY]),
    st.sampled_from([20, 200_000]),
    st.sampled_from([None, 0, NOW_MS - 2, NOW_MS - 100_000]),
    st.sampled_from([None, frozenset("A"), frozenset("BC")]),
    st.sampled_from([None, iso_time(NOW_MS - 2), iso_time(NOW_MS - 7_200_000)]),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.sampled_from([1, 2, 1_000]),
)
async def test_all_pages_together_are_the_table_each_row_once_wherever_the_memory_ends(
    before: list[Any],
    after: list[Any],
    reach_ms: int,
    limit: int,
    trusted_ms: int | None,
    tickers: frozenset[str] | None,
    since: str | None,
    limits: list[int],
    memory: int,
) -> None:
    world = World(reach_ms, limit, trusted_ms)
    for number, age_ms, label, names, _ in before:
        if label is not None:
            world.index.put(number, NOW_MS - age_ms, *names, label=label)
    world.start()
    for number, age_ms, label, names, by_ttl in after:
        world.write(number, age_ms, label, *names, by_ttl=by_ttl)
    expected = world.rows(tickers, since)
    pages = await world.pages(tickers, since, limits, memory)
    rows = [row for page in pages for row in page.rows]
    assert plain(rows) == expected
    stamps = [row.key.timestamp for row in rows]
    assert stamps == sorted(stamps, reverse=True)
    from_memory = [page for page in pages if page.as_of is not None]
    assert from_memory == pages[: len(from_memory)], "the table's pages are the last ones"
    assert {page.as_of for page in from_memory} <= {str(world.hub.place())}


def filled(items: int, *tickers: str, reach_ms: int = DAY) -> World:
    world = World(reach_ms)
    for number in range(items):
        world.index.put(number, NOW_MS - number, *tickers)
    world.start()
    return world


async def test_a_page_from_memory_needs_no_query_and_names_its_place() -> None:
    world = filled(30)
    page = await world.present.page(None, None, 10, None)
    assert [row.key.source_id for row in page.rows] == [f"wire:{number}" for number in range(10)]
    assert page.as_of == str(world.hub.place())
    world.write(99, -1, "positive")
    assert (await world.present.page(None, None, 1, None)).as_of == str(world.hub.place()) != page.as_of
    assert world.index.requests == 0


async def test_pages_do_not_move_when_newer_items_come() -> None:
    world = filled(30)
    found: list[str] = []
    cursor: Cursor | None = None
    for turn in range(40):
        page = await world.present.page(None, None, 3, cursor)
        found += [row.key.source_id for row in page.rows]
        for more in range(4):
            world.write(1_000 + 10 * turn + more, -1 - turn, "neutral")
        cursor = page.more
        if cursor is None:
            break
    assert found == [f"wire:{number}" for number in range(30)]


async def test_where_the_memory_ends_the_page_is_short_and_the_next_one_is_the_table_s() -> None:
    world = filled(0)
    for number in range(30):
        world.index.put(number, NOW_MS - number)
    world.complete_after_ms = None  # push is broken
    world.hub._proved_ms = NOW_MS - 10 + 120_000
    world.hub.backfill(
        [read_row(item) for item in world.index.items.values()], NOW_MS - DAY, remember=("", ""), now_ms=NOW_MS
    )
    first = await world.present.page(None, None, 20, None)
    assert ([row.key.source_id for row in first.rows], world.index.requests) == ([f"wire:{n}" for n in range(10)], 0)
    second = await world.present.page(None, None, 20, first.more)
    assert second.as_of is None
    assert second.rows[0].key.source_id == "wire:10"
    assert 0 < world.index.requests <= 4


async def test_a_page_that_would_be_empty_is_read_from_the_table_unless_nothing_can_be_left() -> None:
    world = filled(20, "A")
    world.index.put(50, NOW_MS - 2 * DAY, "RARE")
    rare = frozenset({"RARE"})
    page = await world.present.page(rare, None, 10, None)
    assert ([row.key.source_id for row in page.rows], page.as_of) == (["wire:50"], None)
    asked = world.index.requests
    assert asked <= 4
    since = iso_time(NOW_MS - 60_000)
    assert await world.present.page(rare, since, 10, None) == Page([], None, str(world.hub.place()))
    assert world.index.requests == asked


async def test_before_the_first_query_the_table_answers() -> None:
    world = World(0)
    world.index.put(1, NOW_MS)
    page = await world.present.page(None, None, 10, None)
    assert ([row.key.source_id for row in page.rows], page.as_of) == (["wire:1"], None)


async def test_a_cursor_of_the_table_goes_on_in_the_table_and_one_of_another_container_in_this_memory() -> None:
    world, other = filled(30), filled(30)
    cursor = (await other.present.page(None, None, 7, None)).more
    page = await world.present.page(None, None, 5, cursor)
    assert [row.key.source_id for row in page.rows] == [f"wire:{number}" for number in range(7, 12)]
    other.complete_after_ms = None
    other.hub.window = Window(NOW_MS)
    cursor = (await other.present.page(None, None, 10, None)).more
    page = await world.present.page(None, None, 10, cursor)
    assert page.as_of is None
    assert page.rows[0].key.source_id == "wire:10"


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_the_rows_of_one_item_stay_together(limit: int) -> None:
    world = filled(4, "A", "B", "C")
    pages = await world.pages(None, None, [limit])
    assert [len(page.rows) for page in pages if page.as_of] == [3] * 4


async def test_the_tables_errors_are_the_callers() -> None:
    from botocore.exceptions import ConnectTimeoutError

    from streamer.errors import TableError

    world = filled(3)
    world.index.refuses = ConnectTimeoutError(endpoint_url="x")
    first = await world.present.page(None, None, 10, None)
    assert len(first.rows) == 3, "the memory needs no table"
    with pytest.raises(TableError):
        await world.present.page(None, None, 10, first.more)


async def test_an_item_at_the_very_end_of_the_memory_is_the_table_s() -> None:
    world = filled(10, reach_ms=3_600_000)
    world.index.put(99, NOW_MS - 3_600_000)
    pages = await world.pages(None, iso_time(NOW_MS - 3_600_000), [100])
    assert [len(page.rows) for page in pages] == [10, 1]
