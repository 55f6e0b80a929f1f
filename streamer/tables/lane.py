"""Where calls that block are made for the event loop: a few threads of their own, and a bounded crowd before them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from streamer.configuration import Configuration, Draft, Edit
from streamer.errors import TableError
from streamer.listing import Page, Position
from streamer.tables.budget import QueryBudget
from streamer.tables.configurations import ConfigurationTable
from streamer.tables.recent import RecentPages
from streamer.tables.snapshot import SnapshotTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

P = ParamSpec("P")
Result = TypeVar("Result")


class Lane:
    """Runs calls in at most `threads` threads. When `crowd` of them wait or run, the next one is refused at once:
    TableError, as if AWS had been asked too much."""

    def __init__(self, *, threads: int = 8, crowd: int = 200, name: str = "tables") -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._crowd = crowd
        self._within = 0
        self._lock = threading.Lock()

    async def __call__(self, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """What the function returns or raises. A caller that is cancelled leaves it to its end."""
        with self._lock:
            if self._within >= self._crowd:
                raise TableError("too many requests wait for the table")
            self._within += 1

        try:
            future = self._pool.submit(function, *args, **kwargs)
        except RuntimeError:
            self._left()
            raise TableError("the service is about to stop") from None
        future.add_done_callback(self._left)  # of the pool's future: also called for one that never began
        return await asyncio.wrap_future(future)

    def _left(self, _: object = None) -> None:
        with self._lock:
            self._within -= 1

    def close(self) -> None:
        """Calls under way end by themselves; what waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Connection:
    """A client that is made by the first thread that needs it."""

    def __init__(self, connect: Callable[[], DynamoDBClient]) -> None:
        self._connect = connect
        self._client: DynamoDBClient | None = None
        self._lock = threading.Lock()

    def __call__(self) -> DynamoDBClient:
        """Blocks a few hundred milliseconds the first time."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client


class Configurations:
    """The users table for the event loop; see ConfigurationTable."""

    def __init__(self, lane: Lane, connection: Connection, name: str) -> None:
        self._lane = lane
        self._connection = connection
        self._name = name

    def _table(self) -> ConfigurationTable:
        return ConfigurationTable(self._connection(), self._name)

    async def get(self, user_id: str, config_id: str) -> Configuration | None:
        """See ConfigurationTable.get."""
        return await self._lane(lambda: self._table().get(user_id, config_id))

    def read(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Configuration | None]:
        """See ConfigurationTable.read. Blocks: for a thread of the caller's own."""
        return self._table().read(keys)

    async def page(self, user_id: str, after: str | None, limit: int) -> tuple[Sequence[Configuration], bool]:
        """See ConfigurationTable.page."""
        return await self._lane(lambda: self._table().page(user_id, after, limit))

    async def create(self, user_id: str, draft: Draft) -> Configuration:
        """See ConfigurationTable.create."""
        return await self._lane(lambda: self._table().create(user_id, draft))

    async def change(self, user_id: str, config_id: str, edit: Edit, matches: Sequence[str]) -> Configuration | None:
        """See ConfigurationTable.change."""
        return await self._lane(lambda: self._table().change(user_id, config_id, edit, matches))

    async def delete(self, user_id: str, config_id: str, matches: Sequence[str]) -> bool:
        """See ConfigurationTable.delete."""
        return await self._lane(lambda: self._table().delete(user_id, config_id, matches))


def public_lane() -> Lane:
    """For reads that anybody can ask for: what waits here holds up no user's configuration."""
    return Lane(threads=4, crowd=100, name="snapshots")


class Snapshot:
    """The newest items for the event loop; see SnapshotTable.

    Who asks the same while it is read, or within a second, gets the same page: after a `reset`, all clients ask at
    once. What failed is not kept.
    """

    def __init__(
        self,
        lane: Lane,
        connection: Connection,
        name: str,
        asked: Callable[[], None] | None = None,
        *,
        budget: QueryBudget | None = None,
        recent: RecentPages | None = None,
    ) -> None:
        """`asked` is called before each request, in any thread. `budget`: of all pages together; None: no bound."""
        self._lane = lane
        self._connection = connection
        self._name = name
        self._asked = asked
        self._budget = budget
        self._recent = RecentPages() if recent is None else recent
        self._reading: dict[Hashable, asyncio.Future[Page]] = {}

    async def page(
        self, tickers: frozenset[str] | None, since: str | None, limit: int, position: Position | None
    ) -> Page:
        """See SnapshotTable.page."""
        question = (tickers, since, limit, None if position is None else position.write())
        recent = self._recent.get(question)
        if recent is not None:
            return recent
        reading = self._reading.get(question)
        if reading is None:
            asked_ms = self._recent.now()
            reading = asyncio.ensure_future(self._lane(lambda: self._read(tickers, since, limit, position)))
            self._reading[question] = reading

            def done(read: asyncio.Future[Page]) -> None:
                del self._reading[question]
                if not read.cancelled() and read.exception() is None:  # seen, though everybody who asked may have left
                    self._recent.put(question, asked_ms, read.result())

            reading.add_done_callback(done)
        return await asyncio.shield(reading)

    def _read(self, tickers: frozenset[str] | None, since: str | None, limit: int, position: Position | None) -> Page:
        if self._budget is not None:
            self._budget.check()
        return SnapshotTable(self._connection(), self._name, self._count).page(tickers, since, limit, position)

    def _count(self) -> None:
        if self._budget is not None:
            self._budget.spend()
        if self._asked is not None:
            self._asked()
