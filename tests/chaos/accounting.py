"""Holds what clients were shown against what was written. Pure.

*Expected* of a client: the final state of every item and ticker, and every version that lived 10 s or longer, as far
as an item is scored within two minutes of its timestamp. Where a version's life meets a fault it must have been longer
than that fault's bound of silence: between two readings of the table nobody can see what has come and gone.
*Missing*: an expected one that was never shown. *Ghost*: a state that was never written, or an older one that stays.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from streamer.change import Key, parse_time
from tests.chaos.kinds import QUIET
from tests.chaos.plan import Fault
from tests.chaos.records import Anew, Record, Shown
from tests.chaos.writes import Write

PROMISE: Final = 120.0
"""Seconds from an item's timestamp in which a write is within the promise."""
LIFE: Final = 10.0
"""Seconds that a version must have lived to be expected."""
SLACK: Final = 5.0
"""Seconds beyond a fault's bound that a version must have lived to be expected."""

Place = tuple[Key, str]


class Spell(NamedTuple):
    """What the table shows of an item under a ticker from one write to the next that changes it."""

    version: str | None
    began: float
    """Before the write."""
    written: float
    """After it."""
    ended: float
    """Before the next; infinite if there is none."""
    promised: bool


class Wait(NamedTuple):
    """From a write, or the last that came, to what came next."""

    begin: float
    end: float
    what: str = ""
    """What waited, if it was one item."""

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.begin


NO_WAIT: Final = Wait(0, 0)


class Flaw(NamedTuple):
    """One that is missing, or a ghost."""

    at: float
    key: Key
    ticker: str
    why: str


@dataclass(slots=True)
class Account:
    """What came of one client."""

    number: int
    tickers: frozenset[str] | None
    expected: int = 0
    received: int = 0
    repeated: int = 0
    resets: int = 0
    connections: int = 0
    deletions_missed: int = 0
    missing: list[Flaw] = field(default_factory=list)
    ghosts: list[Flaw] = field(default_factory=list)
    silence: Wait = NO_WAIT
    """The longest time in which something was written for it and it heard nothing."""
    wait: Wait = NO_WAIT
    """The longest that a promised version took, or a newer one in its place."""
    broken: list[str] = field(default_factory=list)
    """Bounds that did not hold, in words."""


@dataclass(slots=True)
class Felt:
    """What clients felt of one fault."""

    fault: Fault
    silence: float = 0.0
    wait: float = 0.0


def spells(items: Mapping[Key, Sequence[Write]]) -> dict[Place, list[Spell]]:
    """The lives of all versions, by item and ticker. Before the first of each nothing was shown."""
    found: dict[Place, list[Spell]] = {}
    for key, writes in items.items():
        limit = (parse_time(key.timestamp) or 0) / 1000 + PROMISE
        for ticker in sorted({ticker for write in writes if write.state for ticker in write.state.tickers}):
            lives: list[Spell] = []
            for write in writes:
                version = write.version(ticker)
                if version == (lives[-1].version if lives else None):
                    continue
                if lives:
                    lives[-1] = lives[-1]._replace(ended=write.began)
                lives.append(Spell(version, write.began, write.ended, float("inf"), write.ended <= limit))
            found[key, ticker] = lives
    return found


def account(
    record: Record,
    items: Mapping[Key, Sequence[Write]],
    lives: Mapping[Place, Sequence[Spell]],
    faults: Sequence[Fault],
    start: float,
    felt: Mapping[int, Felt],
) -> Account:
    """One client's account. `start`: Unix time of the plan's zero; `felt`, by the fault's place, is filled in."""
    said = Account(record.number, record.tickers)
    opened = record.opened
    said.received = len(record.deliveries)
    said.repeated = sum(not delivery.applied for delivery in record.deliveries)
    said.resets = sum(anew.reason != "fresh" for anew in record.anew)
    said.connections = len(record.spans)
    if opened is None:
        said.broken.append("it never had a stream")
        return said
    said.broken += record.faults
    shown: dict[Place, list[Shown]] = {}
    for one in record.shown:
        shown.setdefault((one.key, one.ticker), []).append(one)
    waits: list[Wait] = []
    for place, life in lives.items():
        if record.wants(place[1]):
            _item(said, place, life, shown.get(place, []), items[place[0]], record, opened, faults, start, waits)
    for place, seen in shown.items():
        _ghosts(said, place, seen, lives.get(place, ()))
    silences = _silences(record, lives, opened)
    said.wait = max(waits, key=lambda wait: wait.seconds, default=said.wait)
    said.silence = max(silences, key=lambda wait: wait.seconds, default=said.silence)
    for what, bounded in (("silence", silences), ("wait", waits)):
        _hold(said, what, bounded, record, faults, start, felt)
    return said


def needed(life: Spell, faults: Sequence[Fault], start: float) -> float:
    """How long a version must have lived to be expected."""
    met = [
        fault.kind.silence + SLACK
        for fault in faults
        if life.written < start + fault.over and life.ended > start + fault.starts and fault.kind.silence > QUIET
    ]
    return max([LIFE, *met])


def _item(
    said: Account,
    place: Place,
    life: Sequence[Spell],
    seen: Sequence[Shown],
    writes: Sequence[Write],
    record: Record,
    opened: float,
    faults: Sequence[Fault],
    start: float,
    waits: list[Wait],
) -> None:
    """What is expected of one item under one ticker."""
    for number, spell in enumerate(life):
        if spell.version is None or not spell.promised or spell.written < opened:
            continue
        ats = [at for later in life[number:] if (at := first_shown(seen, later)) is not None]
        if ats:
            what = f"{place[0].source_id} {place[1]}"
            waits.append(Wait(spell.written, max(min(ats), spell.written), what))
            waits += [Wait(*setback, f"{what}, set back") for setback in setbacks(seen, spell)]
        final = number == len(life) - 1
        if not final and (spell.ended - spell.written < needed(spell, faults, start) or _was_away(record.anew, spell)):
            continue
        said.expected += 1
        if final:
            end = seen[-1].version if seen else None
            if end is None:
                said.missing.append(Flaw(spell.written, *place, "the final state is not shown"))
            elif end != spell.version:
                said.ghosts.append(Flaw(spell.written, *place, "an older state stays"))
        elif first_shown(seen, spell) is None:
            lived = spell.ended - spell.written
            said.missing.append(Flaw(spell.written, *place, f"a version that lived {lived:.1f} s was never shown"))
    last = life[-1]
    if last.version is None and seen and seen[-1].version is not None:
        if writes[-1].state is None:
            said.deletions_missed += 1
        elif last.promised:
            said.ghosts.append(Flaw(last.written, *place, "it stays under a ticker that it lost"))


def first_shown(seen: Sequence[Shown], spell: Spell) -> float | None:
    """When the version of a spell was first shown at or after its write; None: never."""
    before = [one for one in seen if one.at < spell.began]
    if (before[-1].version if before else None) == spell.version:
        return spell.began  # there and back, and the client still shows what it was: it has nothing to be told
    return next((one.at for one in seen[len(before) :] if one.version == spell.version), None)


def setbacks(seen: Sequence[Shown], spell: Spell) -> list[tuple[float, float]]:
    """Each time in which something else was shown while a version that had been shown already was still the newest."""
    at = first_shown(seen, spell)
    found: list[tuple[float, float]] = []
    if at is None:
        return found
    since: float | None = None
    for one in seen:
        if one.at < at:
            continue
        if one.at >= spell.ended:
            break
        if one.version == spell.version and since is not None:
            found.append((since, one.at))
            since = None
        elif one.version != spell.version and since is None:
            since = one.at
    if since is not None and spell.ended < float("inf"):
        found.append((since, spell.ended))  # at the end of all it is a ghost, or missing
    return found


def _was_away(anew: Sequence[Anew], spell: Spell) -> bool:
    """Whether it was superseded while the client was away, before the snapshot with which it began anew."""
    return any(one.away <= spell.ended <= one.at for one in anew)


def _ghosts(said: Account, place: Place, seen: Sequence[Shown], life: Sequence[Spell]) -> None:
    written = {spell.version: spell.began for spell in reversed(life)}
    for one in seen:
        if one.version is None:
            continue
        if one.version not in written:
            said.ghosts.append(Flaw(one.at, *place, "a state that was never written"))
        elif one.at < written[one.version]:
            said.ghosts.append(Flaw(one.at, *place, "a state that was not written yet"))


def _silences(record: Record, lives: Mapping[Place, Sequence[Spell]], opened: float) -> list[Wait]:
    """Each time without any sentiment event in which something was written for the client."""
    written = sorted(
        spell.written
        for place, life in lives.items()
        if record.wants(place[1])
        for spell in life
        if spell.promised and spell.version is not None and spell.written >= opened
    )
    heard = [opened, *(delivery.at for delivery in record.deliveries if delivery.at >= opened)]
    waits = []
    for before, after in pairwise(heard):
        first = bisect_right(written, before)
        if first < bisect_left(written, after):
            waits.append(Wait(written[first], after))
    left = written[bisect_right(written, heard[-1]) :]
    return waits + [Wait(at, float("inf")) for at in left[:1]]


def _hold(
    said: Account,
    what: str,
    waits: Sequence[Wait],
    record: Record,
    faults: Sequence[Fault],
    start: float,
    felt: Mapping[int, Felt],
) -> None:
    """Holds waits to the bounds of the faults that the client may have felt meanwhile."""
    worst: tuple[float, str] | None = None
    for wait in waits:
        met = _met(wait, record, faults, start)
        for number in met:
            if what == "silence":
                felt[number].silence = max(felt[number].silence, wait.seconds)
            else:
                felt[number].wait = max(felt[number].wait, wait.seconds)
        bound = max([QUIET, *(faults[number].kind.silence for number in met)])
        if wait.seconds > bound and (worst is None or wait.seconds - bound > worst[0]):
            names = ", ".join(faults[number].kind.name for number in met) or "no fault"
            words = f"{what} of {wait.seconds:.1f} s at {wait.begin - start:.1f} s, bound {bound:g} s ({names})"
            words += f" for {wait.what}" if wait.what else ""
            worst = wait.seconds - bound, words
    if worst is not None:
        said.broken.append(worst[1])


def _met(wait: Wait, record: Record, faults: Sequence[Fault], start: float) -> list[int]:
    """The faults that overlap with a wait, on a container that the client was at or tried meanwhile."""
    at = {span.container for span in record.spans if span.opened < wait.end and span.closed > wait.begin}
    return [
        number
        for number, fault in enumerate(faults)
        if (fault.container is None or fault.container in at)
        and wait.begin < start + fault.over
        and wait.end > start + fault.starts
    ]
