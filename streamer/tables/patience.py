"""One call to DynamoDB for somebody who waits for the answer: a few attempts, then TableError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from streamer import aws
from streamer.errors import TableError

_ATTEMPTS: Final = 4
_PASSING: Final = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})

Answer = TypeVar("Answer")


def patiently(action: str, request: Callable[[], Answer]) -> Answer:
    """Calls; again, up to four times within about a second, where AWS asks for patience or the connection was cut: so a
    request that was answered must be safe to repeat. TableError if that does not help or AWS says no; a transaction
    that was cancelled for a condition raises Refused."""

    def attempt() -> Answer:
        try:
            return request()
        except aws.errors() as error:
            codes = _cancelled(error)
            if codes and not set(codes) & _PASSING:
                raise Refused(codes) from None
            raise

    retrying = Retrying(
        retry=retry_if_exception(_passes),
        wait=wait_random_exponential(multiplier=0.05, max=0.5),
        stop=stop_after_attempt(_ATTEMPTS),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except aws.errors() as error:
        raise TableError(aws.in_words(action, error)) from error


class Refused(Exception):
    """A transaction's condition does not hold; nothing was written."""

    def __init__(self, codes: list[str]) -> None:
        super().__init__(", ".join(codes))
        self.codes = codes
        """One for each write, in their order; `None` where it alone would have gone through."""


def _passes(error: BaseException) -> bool:
    return aws.is_throttling(error) or aws.is_cut(error) or bool(_cancelled(error))


def _cancelled(error: BaseException) -> list[str]:
    """Why each write of a transaction was refused, if that is what happened."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return []
    return [str(reason.get("Code", "None")) for reason in error.response.get("CancellationReasons", [])]
