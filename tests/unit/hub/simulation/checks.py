"""What must hold in every history. Each check names itself in what it raises.

A, the claim. *A frame whose place has a time T > 0 says: whoever has this frame, and what came before it, has
   everything written before T.* For a run: let an item be within the promise (every write of it at most two minutes
   after its timestamp), let `w` be its last write by the true time T, after this run's `covered_since` as it is when
   the frame is seen, and let it show something. Then what the frames of this run with numbers up to this frame's say of
   the item is, under each ticker that `w` shows, the version of `w`; unless the item was written again since T. For a
   client that wandered (its snapshot applied, if it needed one) the same holds of its state at each frame with an id,
   whatever run it is at, and with no `covered_since`. A write that leaves nothing to be shown (deleted, unscored, a
   ticker taken away) is not part of the claim: no query shows what is gone.
B, the end. When every fault is over and each container has queried a few times, each client shows of each item within
   the promise, unless it expired, what the table has. An item that was deleted and had an expiry counts as expired: a
   query that notices the deletion after that time takes it for the TTL's. What the table shows no more is gone at the
   client too, unless, since it last began anew (at its start, and at each reset), it was at a run that never told of
   that item under that ticker, although it had a complete view before the item went: written and gone between two of
   its queries, and no record came.
C, no ghost. Each `version` that is published was written, to this item and ticker.
D, order. What a run says of an item and ticker is a walk forward through the versions written: an older one never
   follows a newer one. No withdrawal follows where only the TTL deleted an item that this run had read once.
E, joins. Within a connection, and across a cut where the same run resumes exactly, a client gets every frame that its
   filter admits, once, in order; and no id that it gets is ahead of a frame that it has not. (A client that comes from
   another run is sent again only what may be new to it: whether that is enough, A and B say.)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn

from streamer.change import Key
from streamer.hub.filters import Filter
from streamer.place import Place
from tests.unit.hub.simulation.clock import START_MS, Clock
from tests.unit.hub.simulation.plan import LATENESS_MS
from tests.unit.hub.simulation.table import Table, Written
from tests.unit.hub.simulation.users import Users

if TYPE_CHECKING:
    from tests.unit.hub.simulation.client import Client
    from tests.unit.hub.simulation.container import Run

About = tuple[Key, str]


class Violation(BaseException):
    """A check that does not hold. No Exception: it is raised within the service, which is to survive those."""

    def __init__(self, check: str, words: str) -> None:
        super().__init__(f"({check}) {words}")
        self.check = check


class Gap(AssertionError):
    """A history in which a check does not hold."""

    def __init__(self, violation: Violation) -> None:
        super().__init__(str(violation))
        self.check = violation.check


class Told:
    """What a run has said so far."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.numbers: list[int] = []
        self.tickers: list[str] = []
        self.view: dict[About, str | None] = {}
        self.reached: dict[About, int] = {}
        self.proved_ms = 0


class Checks:
    """Sees what is published and what clients get. Raises Violation, once `failed` was told of it: a loop keeps what
    its callbacks and tasks raise to itself."""

    def __init__(self, clock: Clock, table: Table, users: Users, failed: Callable[[BaseException], None]) -> None:
        self.told: dict[int, Told] = {}
        self.lines: list[str] = []
        self._clock = clock
        self._table = table
        self._users = users
        self._failed = failed

    def violated(self, check: str, words: str) -> NoReturn:
        violation = Violation(check, words)
        self._failed(violation)
        raise violation

    def published(self, run: Run, place: Place, about: About | None, version: str | None) -> None:
        """A run has sent a frame."""
        told = self.told.setdefault(run.number, Told(run))
        if about is not None:
            self._walks_on(run, told, about, version)
            told.numbers.append(place.frame)
            told.tickers.append(about[1])
            told.view[about] = version
        if place.time_ms:
            covered_ms = run.hub.covered_since_ms
            assert covered_ms is not None
            moved = place.time_ms != told.proved_ms
            told.proved_ms = place.time_ms
            keys = self._table.written if moved else () if about is None else (about[0],)
            self._claim(f"run {run.number}", told.view, ("AAPL", "MSFT"), keys, place.time_ms, covered_ms)

    def held(
        self, name: str, state: Mapping[About, str], tickers: Iterable[str] | None, proved_ms: int, key: Key | None
    ) -> None:
        """A client has a place of that time. `tickers`: None for those of the configuration, unless it has changed
        since."""
        if tickers is None:
            if self._users.commits[-1] > proved_ms:
                return
            tickers = self._users.tickers[-1]
        keys = self._table.written if key is None else (key,)
        self._claim(name, state, tickers, keys, proved_ms, 0)

    def joined(self, run: Run, wanted: Filter, last: int | None, number: int, about: About | None, chosen: int) -> None:
        """A client got a frame with a number, after the one with the number `last` (None: the first of it). Up to the
        number `chosen` it gets what may be new to it, and no more."""
        told = self.told[run.number]
        if last is not None:
            if number <= last:
                self.violated("E", f"frame {number} of run {run.number} after {last}")
            low, high = bisect_right(told.numbers, max(last, chosen)), bisect_left(told.numbers, number)
            for index in range(low, high):
                if wanted.tickers is None or told.tickers[index] in wanted.tickers:
                    self.violated("E", f"frame {told.numbers[index]} of run {run.number} was left out before {number}")
        if about is not None:
            index = bisect_left(told.numbers, number)
            if index == len(told.numbers) or told.numbers[index] != number:
                self.violated("E", f"frame {number} was never published by run {run.number}")

    def ended(self, client: Client) -> None:
        """The world has settled."""
        if client.configured and set(client.tickers) != set(self._users.tickers[-1]):
            self.violated("B", f"{client.name} ends with {client.tickers}, its configuration with others")
        for (key, ticker), versions in self._table.versions.items():
            if ticker not in client.tickers or not self._promised(self._table.written[key]):
                continue
            shown, final = client.state.get((key, ticker)), versions[-1]
            if shown == final or self._table.written[key].may_count_as_expired:
                continue
            if final is None and any(self._never_saw(run, key, ticker) for run in client.visited):
                continue
            self.violated(
                "B",
                f"{client.name} ends with {key} {ticker} {self._name((key, ticker), shown)}, "
                f"the table with {self._name((key, ticker), final)}",
            )

    def _never_saw(self, run: int, key: Key, ticker: str) -> bool:
        """Whether the item came and went unseen by a run that had a view before."""
        told = self.told[run]
        viewed_ms = told.run.viewed_ms
        return (key, ticker) not in told.view and viewed_ms is not None and viewed_ms < self._table.written[key].last_ms

    def _claim(
        self,
        who: str,
        view: Mapping[About, str | None] | Mapping[About, str],
        tickers: Iterable[str],
        keys: Iterable[Key],
        proved_ms: int,
        covered_ms: int,
    ) -> None:
        for key in keys:
            written = self._table.written[key]
            index = written.index(proved_ms)
            if index < 0 or written.last_ms > proved_ms or written.commits[index] <= covered_ms:
                continue
            if written.items[index].state is None or not self._promised(written):
                continue
            for ticker in tickers:
                due = self._table.versions[key, ticker][index + 1]
                if due is not None and view.get((key, ticker)) != due:
                    self.violated(
                        "A",
                        f"{who} claims {proved_ms - START_MS} at {self._clock.now - START_MS} and shows {key} {ticker} "
                        f"{self._name((key, ticker), view.get((key, ticker)))}, which is "
                        f"{self._name((key, ticker), due)} since {written.commits[index] - START_MS}",
                    )

    def _walks_on(self, run: Run, told: Told, about: About, version: str | None) -> None:
        versions = self._table.versions.get(about, [None])
        if version is not None and version not in versions:
            self.violated("C", f"run {run.number} told a version of {about} that nobody wrote")
        reached = told.reached.get(about, 0)
        while reached < len(versions) and versions[reached] != version:
            reached += 1
        if reached == len(versions) and self._table.written[about[0]].expired and about[0] not in run.reader.found:
            return
        if reached == len(versions):
            self.violated("D", f"run {run.number} told {about} {self._name(about, version)} after something newer")
        told.reached[about] = reached

    def _name(self, about: About, version: str | None) -> str:
        """A version as the numbers of the writes that made it."""
        if version is None:
            return "nothing"
        return "write " + ",".join(str(n) for n, each in enumerate(self._table.versions[about]) if each == version)

    @staticmethod
    def _promised(written: Written) -> bool:
        return written.last_ms <= written.timestamp_ms + LATENESS_MS
