"""Pages of the newest items, on an index that orders items of one timestamp in its own way."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ConnectTimeoutError

from streamer.change import Key, iso_time
from streamer.cursor import Before, Cursor, Page, PageRow, read_cursor
from streamer.errors import TableError
from streamer.tables.recent import RecentPages
from streamer.tables.snapshot import MAX_REQUESTS, SnapshotTable
from streamer.telemetry.counters import Counters
from tests.factories import NOW_MS
from tests.unit.tables.fakes import calls
from tests.unit.tables.label_index import LabelIndex


@pytest.fixture
def index() -> LabelIndex:
    return LabelIndex()


def table(index: Any) -> SnapshotTable:
    return SnapshotTable(calls(index), "sentiment", recent=RecentPages(keep_ms=0))


def on(cursor: Cursor | None) -> Cursor | None:
    """As a client brings it back."""
    return None if cursor is None else read_cursor(cursor.write())


async def all_pages(
    index: LabelIndex, limit: int, tickers: frozenset[str] | None = None, since: str | None = None
) -> list[Page]:
    pages = [await table(index).page(tickers, since, limit, None)]
    while pages[-1].more is not None:
        pages.append(await table(index).page(tickers, since, limit, on(pages[-1].more)))
        assert len(pages) < 1000
    return pages


def rows(pages: list[Page]) -> list[PageRow]:
    return [row for page in pages for row in page.rows]


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
@pytest.mark.parametrize("spread", [1, 5, 1000])
async def test_pages_give_each_row_once_and_newest_first(index: LabelIndex, limit: int, spread: int) -> None:
    expected = {
        (index.put(number, NOW_MS - number // spread, "AAPL", "MSFT"), ticker)
        for number in range(60)
        for ticker in ("AAPL", "MSFT")
    }
    pages = await all_pages(index, limit)
    found = [(row.key, row.ticker) for row in rows(pages)]
    assert len(found) == len(set(found)) == len(expected)
    assert set(found) == expected
    stamps = [key.timestamp for key, _ in found]
    assert stamps == sorted(stamps, reverse=True)
    assert all(len(page.rows) <= max(limit, 2) for page in pages)


async def test_what_comes_on_top_neither_moves_nor_doubles_what_follows(index: LabelIndex) -> None:
    before = {index.put(number, NOW_MS - number) for number in range(40)}
    found: list[Key] = []
    cursor: Cursor | None = None
    for turn in range(100):
        page = await table(index).page(None, None, 3, cursor)
        found += [row.key for row in page.rows]
        for more in range(4):
            index.put(1000 + 10 * turn + more, NOW_MS + 1 + turn)
        cursor = on(page.more)
        if cursor is None:
            break
    assert len(found) == len(set(found))
    assert set(found) == before


async def test_what_is_deleted_between_pages_does_not_stop_them(index: LabelIndex) -> None:
    keys = [index.put(number, NOW_MS) for number in range(30)]
    first = await table(index).page(None, None, 10, None)
    for row in first.rows:
        del index.items[row.key]
    rest: list[PageRow] = []
    cursor = on(first.more)
    while cursor is not None:
        page = await table(index).page(None, None, 10, cursor)
        rest += page.rows
        cursor = on(page.more)
    assert {row.key for row in rest} == set(keys) - {row.key for row in first.rows}
    assert len(rest) == 20


async def test_a_sparse_filter_takes_bounded_work_and_goes_on(index: LabelIndex) -> None:
    index.page = 10
    for number in range(600):
        index.put(number, NOW_MS - number)
    rare = index.put(900, NOW_MS - 900, "RARE")
    pages = await all_pages(index, 50, frozenset({"RARE"}))
    assert [row.key for row in rows(pages)] == [rare]
    assert len(pages) > 2
    assert index.requests <= len(pages) * MAX_REQUESTS
    assert pages[0].rows == []


async def test_an_item_under_two_wanted_tickers_is_two_rows_that_stay_together(index: LabelIndex) -> None:
    index.put(1, NOW_MS, "AAPL", "MSFT", "F")
    page = await table(index).page(frozenset({"F", "AAPL"}), None, 1, None)
    assert [row.ticker for row in page.rows] == ["AAPL", "F"]
    assert page.more is None or await table(index).page(None, None, 1, page.more) == Page([], None)


async def test_items_before_since_are_left_out_whatever_the_cursor_says(index: LabelIndex) -> None:
    keys = [index.put(number, NOW_MS - number) for number in range(20)]
    since = iso_time(NOW_MS - 9)
    assert [row.key for row in rows(await all_pages(index, 4, since=since))] == keys[:10]
    far = (await table(index).page(None, None, 15, None)).more
    assert await table(index).page(None, since, 15, far) == Page([], None)


async def test_what_is_no_event_is_left_out(index: LabelIndex) -> None:
    good = index.put(1, NOW_MS)
    index.put(4, NOW_MS - 1, score={"N": "7"})
    index.put(7, NOW_MS - 2, matched_tickers={"L": []})
    garbage = index.items.pop(index.put(10, NOW_MS - 3))
    index.items[Key("garbage", "zzz")] = garbage | {"timestamp": {"S": "zzz"}}
    pages = await all_pages(index, 1)
    assert [row.key for row in rows(pages)] == [good]


async def test_an_item_that_is_under_two_labels_meanwhile_is_given_once(index: LabelIndex) -> None:
    key = index.put(1, NOW_MS)
    index.items[Key("the same", key.timestamp)] = index.items[key] | {"sentiment": {"S": "negative"}}
    assert len(rows(await all_pages(index, 10))) == 1


async def test_an_index_that_does_not_answer_is_a_table_error(index: LabelIndex) -> None:
    index.refuses = ConnectTimeoutError(endpoint_url="http://secret")
    with pytest.raises(TableError) as raised:
        await table(index).page(None, None, 10, None)
    assert "secret" not in str(raised.value)
    assert index.requests == 1


async def test_each_request_is_counted() -> None:
    index, counters = LabelIndex(), Counters()
    for number in range(30):
        index.put(number, NOW_MS - number)
    await SnapshotTable(calls(index, counters=counters), "sentiment").page(None, None, 30, None)
    assert counters["table_requests"] == index.requests > 3


async def test_a_connection_that_is_found_dead_is_another_try_and_no_error() -> None:
    index = LabelIndex()
    key = index.put(1, NOW_MS)
    refusals: list[Exception] = [ConnectionClosedError(endpoint_url="https://dynamodb.here")]
    answered = index.query

    def query(**request: Any) -> dict[str, Any]:
        if refusals:
            raise refusals.pop()
        return answered(**request)

    index.query = query  # type: ignore[method-assign]
    assert [row.key for row in rows(await all_pages(index, 5))] == [key]


def throttled() -> ClientError:
    return ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slower"}}, "Query")


async def test_a_page_asks_four_times_at_most_whatever_is_asked_again() -> None:
    index = LabelIndex(page=1)
    for number in range(30):
        index.put(number, NOW_MS - number)
    answered, refusals = index.query, [throttled(), throttled()]

    def query(**request: Any) -> dict[str, Any]:
        if index.requests == 2 and refusals:
            index.requests += 1
            raise refusals.pop()
        if index.requests == 3 and refusals:
            index.requests += 1
            raise refusals.pop()
        return answered(**request)

    index.query = query  # type: ignore[method-assign]
    with pytest.raises(TableError, match="ProvisionedThroughputExceeded"):
        await table(index).page(
            None, None, 30, None
        )  # two labels of three tell no order: there is nothing to go on from
    assert index.requests == MAX_REQUESTS == 4
    assert len(rows(await all_pages(index, 30))) == 30


async def test_a_table_that_only_refuses_is_asked_four_times_and_then_an_error(index: LabelIndex) -> None:
    index.refuses = throttled()
    with pytest.raises(TableError, match="ProvisionedThroughputExceeded"):
        await table(index).page(None, None, 10, None)
    assert index.requests == 4


async def test_empty_answers_of_the_index_move_the_cursor_on(index: LabelIndex) -> None:
    """DynamoDB may answer with no items and a place to go on from."""
    index.page = 1
    keys = [index.put(number, NOW_MS - number) for number in range(30)]
    answered = index.query

    def query(**request: Any) -> dict[str, Any]:
        answer = answered(**request)
        older = keys[15].timestamp
        answer["Items"] = [item for item in answer["Items"] if item["timestamp"]["S"] < older]
        return answer

    index.query = query  # type: ignore[method-assign]
    assert {row.key for row in rows(await all_pages(index, 30))} == set(keys[16:])


async def test_pages_behind_a_position_of_the_memory_leave_out_what_its_order_has_passed(index: LabelIndex) -> None:
    keys = [index.put(number, NOW_MS - number // 10) for number in range(40)]
    ordered = sorted(keys, key=lambda key: (key.timestamp, key.source_id), reverse=True)
    for passed in (0, 1, 10, 15, 20, 40):
        last = ordered[passed - 1]
        before = Before(last.timestamp, last.source_id) if passed else Before(iso_time(NOW_MS), None)
        found: list[Key] = []
        cursor: Cursor | None = Cursor({}, before=before)
        while cursor is not None:
            page = await table(index).page(None, None, 3, on(cursor))
            found += [row.key for row in page.rows]
            cursor = page.more
            assert cursor is None or cursor.before == before, "labels without a position need it"
        assert len(found) == len(set(found))
        assert set(found) == set(ordered[passed:])
    since = iso_time(NOW_MS - 1)
    assert await table(index).page(None, since, 9, Cursor({}, before=Before(iso_time(NOW_MS - 2), None))) == Page(
        [], None
    )
