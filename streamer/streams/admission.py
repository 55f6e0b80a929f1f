"""How many streams may be open, in all and of one client, and how often one address may open them."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal

from streamer.streams.openings import Openings

By = Literal["container", "user", "address", "openings"]
_Client = tuple[By, str]

_RETRY_AFTER: Final = 30


@dataclass(frozen=True, slots=True)
class Full:
    """Why there is no slot: which limit is reached, and its value. It is false, as no slot is."""

    by: By
    limit: float
    retry_after: int = _RETRY_AFTER
    """Seconds."""

    def __bool__(self) -> bool:
        return False


class Slot:
    """A slot for one stream. It is given back once: at the end of a `with`, or by `give_back`."""

    __slots__ = ("_admission", "_anonymous", "_client")

    def __init__(self, admission: Admission, client: _Client | None, *, anonymous: bool) -> None:
        self._admission: Admission | None = admission
        self._client = client
        self._anonymous = anonymous

    def __enter__(self) -> Slot:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Gives the slot back. A second call does nothing."""
        admission, self._admission = self._admission, None
        if admission is not None:
            admission._returned(self._client, anonymous=self._anonymous)


class Admission:
    """Counts slots. One is taken before a stream's headers are sent, and given back around the whole request.

    An identified user has `per_user` of them, whatever the address: an office behind one address is many users. All
    others share `limit - reserved`; of these one address has `per_address`, and opens them as `openings` allows. None:
    no bound. It remembers no more clients than slots are taken.
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
        self._anonymouss = 0
        self._per_user = per_user
        self._per_address = per_address
        self._openings = openings
        self._held: dict[_Client, int] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def available(self) -> int:
        """Free slots, including those reserved for identified users."""
        return self.limit - self.taken

    @property
    def available_to_all(self) -> int:
        """Free slots that are not reserved for identified users."""
        return min(self.available, self.limit - self.reserved - self._anonymouss)

    def take(self, user: str | None = None, address: str | None = None) -> Slot | Full:
        """A slot, or the limit that forbids it: first the client's own, since waiting for others does not help then."""
        client = self._counted(user, address)
        if client is not None:
            bound = self._bound(client)
            if self._held.get(client, 0) >= bound:
                return Full(client[0], bound)
        if (self.available_to_all if user is None else self.available) <= 0:
            return Full("container", self.limit)
        if user is None and address is not None and self._openings is not None:
            wait = self._openings.wait(address)
            if wait > 0:
                return Full("openings", self._openings.rate, math.ceil(wait))
            self._openings.count(address)
        if client is not None:
            self._held[client] = self._held.get(client, 0) + 1
        self.taken += 1
        self._anonymouss += user is None
        self._empty.clear()
        return Slot(self, client, anonymous=user is None)

    def _counted(self, user: str | None, address: str | None) -> _Client | None:
        """The client whose own limit counts the slot; None: only the container's does."""
        if user is not None:
            return None if self._per_user is None else ("user", user)
        return None if address is None or self._per_address is None else ("address", address)

    def _bound(self, client: _Client) -> int:
        bound = self._per_user if client[0] == "user" else self._per_address
        assert bound is not None  # noqa: S101 - a client without a bound is not counted
        return bound

    def _returned(self, client: _Client | None, *, anonymous: bool) -> None:
        if client is not None:
            left = self._held[client] - 1
            if left:
                self._held[client] = left
            else:
                del self._held[client]
        self.taken -= 1
        self._anonymouss -= anonymous
        if not self.taken:
            self._empty.set()

    async def wait_empty(self) -> None:
        """Returns when no slot is taken."""
        await self._empty.wait()
