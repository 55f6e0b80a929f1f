"""How many streams at once, of everybody and of one client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Literal

By = Literal["container", "user", "address"]
_Client = tuple[By, str]


@dataclass(frozen=True, slots=True)
class Full:
    """Why there is no slot: whose limit is reached, and how much it is. False, so that `if not slot` reads."""

    by: By
    limit: int

    def __bool__(self) -> bool:
        return False


class Slot:
    """A place for one stream, until it is given back: at the end of a `with`, or by hand, and once whatever happens."""

    __slots__ = ("_admission", "_clients")

    def __init__(self, admission: Admission, clients: tuple[_Client, ...]) -> None:
        self._admission: Admission | None = admission
        self._clients = clients

    def __enter__(self) -> Slot:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Gives the slot back; another time does nothing."""
        admission, self._admission = self._admission, None
        if admission is not None:
            admission._returned(self._clients)


class Admission:
    """Counts slots. One is taken before a stream's headers are sent, and given back around the whole request.

    `per_user` and `per_address` bound what one client has of them; None: no bound. It remembers no more clients than
    slots are taken.
    """

    def __init__(self, limit: int, *, per_user: int | None = None, per_address: int | None = None) -> None:
        self.limit = limit
        self.taken = 0
        self._bounds: dict[By, int | None] = {"user": per_user, "address": per_address}
        self._held: dict[_Client, int] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def available(self) -> int:
        """Free slots."""
        return self.limit - self.taken

    def take(self, user: str | None = None, address: str | None = None) -> Slot | Full:
        """A slot, or whose limit forbids it: the client's own first, since waiting for others does not help then."""
        clients: list[_Client] = []
        named: tuple[tuple[By, str | None], ...] = (("user", user), ("address", address))
        for by, name in named:
            bound = self._bounds[by]
            if bound is None or name is None:
                continue
            if self._held.get((by, name), 0) >= bound:
                return Full(by, bound)
            clients.append((by, name))
        if self.taken >= self.limit:
            return Full("container", self.limit)
        for client in clients:
            self._held[client] = self._held.get(client, 0) + 1
        self.taken += 1
        self._empty.clear()
        return Slot(self, tuple(clients))

    def _returned(self, clients: tuple[_Client, ...]) -> None:
        for client in clients:
            left = self._held[client] - 1
            if left:
                self._held[client] = left
            else:
                del self._held[client]
        self.taken -= 1
        if not self.taken:
            self._empty.set()

    async def wait_empty(self) -> None:
        """Returns when no slot is taken."""
        await self._empty.wait()
