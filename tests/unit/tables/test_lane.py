"""The way into the threads: bounded, and never closed by what goes wrong in them."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest

from streamer.errors import TableError
from streamer.tables.lane import Connection, Lane, Snapshot

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


async def test_calls_run_beside_the_event_loop_and_return_or_raise() -> None:
    lane = Lane(threads=1)
    assert await lane(lambda: threading.current_thread().name.startswith("tables"))
    assert await lane(sorted, [2, 1]) == [1, 2]
    with pytest.raises(ZeroDivisionError):
        await lane(lambda: 1 / 0)
    lane.close()


async def test_beyond_the_crowd_the_next_one_is_refused_at_once_and_later_ones_are_not() -> None:
    lane, go = Lane(threads=2, crowd=4), threading.Event()
    within = [asyncio.create_task(lane(go.wait)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(TableError, match="too many"):
        await lane(go.wait)
    within[0].cancel()  # its thread goes on, and counts until it is done
    await asyncio.sleep(0)
    with pytest.raises(TableError):
        await lane(go.wait)
    go.set()
    assert await asyncio.gather(*within[1:]) == [True] * 3
    assert await lane(lambda: "again") == "again"
    lane.close()


async def test_who_leaves_while_waiting_gives_the_place_back() -> None:
    lane, go = Lane(threads=1, crowd=2), threading.Event()
    first, second = (asyncio.create_task(lane(go.wait)) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    third = asyncio.create_task(lane(go.wait))
    await asyncio.sleep(0)
    go.set()
    assert all(await asyncio.gather(first, third))
    lane.close()


def test_one_client_is_made_however_many_ask_at_once() -> None:
    made: list[Any] = []
    start = threading.Barrier(8)

    def connect() -> DynamoDBClient:
        client = cast("DynamoDBClient", object())
        made.append(client)
        return client

    connection = Connection(connect)
    threads = [threading.Thread(target=lambda: (start.wait(), connection())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


async def test_a_closed_lane_refuses() -> None:
    lane = Lane()
    lane.close()
    with pytest.raises(TableError):
        await lane(lambda: None)


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


async def test_who_asks_for_the_same_page_meanwhile_shares_the_read() -> None:
    slow, lane = Slow(), Lane()
    snapshot = Snapshot(lane, Connection(lambda: cast("DynamoDBClient", slow)), "sentiment")
    asking = [asyncio.create_task(snapshot.page(None, None, 100, None)) for _ in range(20)]
    other = asyncio.create_task(snapshot.page(frozenset({"AAPL"}), None, 100, None))
    await asyncio.sleep(0)
    asking[0].cancel()  # whoever began it may leave
    slow.go.set()
    pages = await asyncio.gather(*asking[1:])
    assert {page.more for page in pages} == {None}
    await other
    assert slow.queries == 6, "three labels, twice"
    await snapshot.page(None, None, 100, None)
    assert slow.queries == 9, "what is done is read anew"
    lane.close()


async def test_a_shared_read_that_fails_fails_for_all_and_is_not_kept() -> None:
    from botocore.exceptions import EndpointConnectionError

    slow, lane = Slow(EndpointConnectionError(endpoint_url="x")), Lane()
    slow.go.set()
    snapshot = Snapshot(lane, Connection(lambda: cast("DynamoDBClient", slow)), "sentiment")
    asking = [snapshot.page(None, None, 100, None) for _ in range(3)]
    assert all(isinstance(each, TableError) for each in await asyncio.gather(*asking, return_exceptions=True))
    slow.error = None
    assert (await snapshot.page(None, None, 100, None)).more is None
    lane.close()
