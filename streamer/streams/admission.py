"""Limits the number of open streams, in total and per client, and the rate at which one address opens them."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Final, Literal

from streamer.streams.openings import Openings

By = Literal["container", "user", "address", "openings"]
_Client = tuple[By, str]

_RETRY_AFTER: Final = 30


@dataclass(frozen=True, slots=True)
class Full:
    """The limit that was reached, and its value."""

    by: By
    limit: float
    retry_after: int = _RETRY_AFTER
    """Seconds."""


class Slot:
    """Permission for one stream, until `release`."""

    __slots__ = ("_admission", "_anonymous", "_client")

    def __init__(self, admission: Admission, client: _Client | None, *, anonymous: bool) -> None:
        self._admission: Admission | None = admission
        self._client = client
        self._anonymous = anonymous

    def release(self) -> None:
        """Releases the slot. A second call does nothing."""
        admission, self._admission = self._admission, None
        if admission is not None:
            admission._released(self._client, anonymous=self._anonymous)


class Admission:
    """Counts slots. A request acquires one before it sends headers, and releases it at its end.

    Streams of an identified user count for `per_user`, whatever their address: many users may share an office's
    address. Anonymous streams share `limit - reserved` slots; they count for `per_address`, and for the rate of
    `openings`. None: no limit. Only clients with an acquired slot are remembered.
    """

    def __init__(
        self,
        limit: int,
        *,
        reserved: int = 0,
        per_user: int | None = None,
        per_address: int | None = None,
        openings: Openings | None = None,
    ) -> None:
        self.limit = limit
        self.reserved = reserved
        self.taken = 0
        self._anonymous = 0
        self._per_user = per_user
        self._per_address = per_address
        self._openings = openings
        self._per_client: dict[_Client, int] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def available(self) -> int:
        """Number of free slots, including those reserved for identified users."""
        return self.limit - self.taken

    @property
    def available_to_all(self) -> int:
        """Number of free slots that are not reserved for identified users."""
        return min(self.available, self.limit - self.reserved - self._anonymous)

    @property
    def addresses(self) -> int:
        """Number of remembered addresses."""
        return 0 if self._openings is None else len(self._openings)

    def acquire(self, user: str | None = None, address: str | None = None) -> Slot | Full:
        """Returns a slot, or the limit that was reached. The client's own limit is checked first, because waiting for
        other clients does not help then."""
        client, limit = self._client_limit(user, address)
        if client is not None and self._per_client.get(client, 0) >= limit:
            return Full(client[0], limit)
        if (self.available_to_all if user is None else self.available) <= 0:
            return Full("container", self.limit)
        if user is None and address is not None and self._openings is not None:
            wait = self._openings.wait(address)
            if wait > 0:
                return Full("openings", self._openings.rate, math.ceil(wait))
            self._openings.count(address)
        if client is not None:
            self._per_client[client] = self._per_client.get(client, 0) + 1
        self.taken += 1
        self._anonymous += user is None
        self._empty.clear()
        return Slot(self, client, anonymous=user is None)

    def _client_limit(self, user: str | None, address: str | None) -> tuple[_Client | None, int]:
        """Returns the client and its limit; the client is None if only the container's limit applies."""
        if user is not None:
            return (None, 0) if self._per_user is None else (("user", user), self._per_user)
        return (None, 0) if address is None or self._per_address is None else (("address", address), self._per_address)

    def _released(self, client: _Client | None, *, anonymous: bool) -> None:
        if client is not None:
            left = self._per_client[client] - 1
            if left:
                self._per_client[client] = left
            else:
                del self._per_client[client]
        self.taken -= 1
        self._anonymous -= anonymous
        if not self.taken:
            self._empty.set()

    async def wait_empty(self) -> None:
        """Waits until no slot is in use."""
        await self._empty.wait()
