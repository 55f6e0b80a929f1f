"""Calls to DynamoDB from the event loop: each attempt is one call in a worker's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from streamer.aws.clients import TableClient
from streamer.aws.errors import call_errors, describe_call, is_connection_cut, is_throttling
from streamer.aws.worker import Worker
from streamer.errors import TableError
from streamer.telemetry.counters import Counters

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AT_ONCE: Final = 100  # keys of one BatchGetItem
_PASSING: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})

Response = TypeVar("Response")


@dataclass(frozen=True, slots=True)
class Attempts:
    """Number of attempts at a call. The pause after the nth one is random, at most `first * 2 ** (n - 1)` seconds and
    at most `longest` seconds."""

    attempts: int
    first: float
    longest: float

    def retrying(self, again: Callable[[BaseException], bool]) -> AsyncRetrying:
        """Repeats an attempt as long as `again` is true of its error; raises the last error."""
        return AsyncRetrying(
            sleep=asyncio.sleep,
            stop=stop_after_attempt(self.attempts),
            wait=wait_random_exponential(multiplier=self.first, max=self.longest),
            retry=retry_if_exception(again),
            reraise=True,
        )


FOR_A_REQUEST: Final = Attempts(4, 0.05, 0.5)
"""For calls whose answer a client waits for."""
IN_THE_BACKGROUND: Final = Attempts(5, 0.1, 2.0)


class Spent(TableError):
    """No further request was admitted. Its cause is the failure of the request before, if that failed."""


class _KeysLeft(TableError):
    """The response to BatchGetItem has UnprocessedKeys."""


class TransactionRefused(Exception):
    """A transaction's condition does not hold; nothing was written."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes
        """One for each write, in their order; `None` where it alone would have gone through."""


class TableCalls:
    """Makes calls to DynamoDB in a worker. A call that AWS throttled, or whose connection was cut, is made again: so a
    request that was answered must be safe to repeat."""

    def __init__(
        self, worker: Worker, client: TableClient, policy: Attempts = FOR_A_REQUEST, counters: Counters | None = None
    ) -> None:
        """`counters`: where each request is counted as `table_requests`."""
        self._worker = worker
        self._client = client
        self._policy = policy
        self._counters = counters

    async def __call__(
        self,
        action: str,
        call: Callable[[DynamoDBClient], Response],
        *,
        admit: Callable[[], bool] | None = None,
    ) -> Response:
        """What `call`, which runs in the worker's thread, returns. `action` names it in errors, as IAM does.

        `admit` is asked before each attempt. Raises TableError, Spent if `admit` said no, and TransactionRefused for a
        transaction that was cancelled for a condition.
        """
        failure: Exception | None = None

        async def attempt() -> Response:
            nonlocal failure
            if admit is not None and not admit():
                raise Spent(action) from failure
            if self._counters is not None:
                self._counters.add("table_requests")
            try:
                return await self._worker(lambda: call(self._client()))
            except call_errors() as error:
                failure = error
                raise

        try:
            return await self._policy.retrying(_is_passing)(attempt)
        except call_errors() as error:
            if (codes := _cancelled(error)) and not _is_passing(error):
                raise TransactionRefused(codes) from None
            raise TableError(describe_call(action, error)) from error

    async def batch_get(self, table: str, keys: Sequence[Mapping[str, Any]], **options: Any) -> list[dict[str, Any]]:
        """The items of these keys, each once, consistently and in no order; absent ones are left out."""
        found: list[dict[str, Any]] = []
        left: Any = None

        async def ask() -> None:
            nonlocal left
            request = {table: left}
            answer = await self("dynamodb:BatchGetItem", lambda client: client.batch_get_item(RequestItems=request))
            found.extend(answer["Responses"].get(table, ()))
            left = answer.get("UnprocessedKeys", {}).get(table)
            if left:
                raise _KeysLeft("dynamodb:BatchGetItem: throttled, keys are left unprocessed")

        for start in range(0, len(keys), _AT_ONCE):
            left = {"Keys": keys[start : start + _AT_ONCE], "ConsistentRead": True, **options}
            await self._policy.retrying(lambda error: isinstance(error, _KeysLeft))(ask)
        return found


def _is_passing(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    return bool(set(_cancelled(error)) & _PASSING) or is_throttling(error) or is_connection_cut(error)


def _cancelled(error: BaseException) -> list[str]:
    """Why each write of a transaction was refused, if that is what happened."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return []
    return [str(reason.get("Code", "None")) for reason in error.response.get("CancellationReasons", [])]
