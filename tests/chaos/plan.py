"""Which fault happens when and where. Pure: the same seed gives the same plan."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from tests.chaos.kinds import KINDS, Kind

CALM: Final = 6.0
"""Seconds at the start without a fault."""
SETTLE: Final = 33.0
"""Seconds at the end without a fault."""
_MOST: Final = 6  # times that one kind occurs when there is room
_FEW: Final = 3  # kinds, so that each is to occur more than once
_TRIES: Final = 300
_QUIET_END: Final = 3.0


class PlanError(ValueError):
    """The faults that were asked for do not fit."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a plan; times in seconds from the start of the run."""

    kind: Kind
    container: int | None
    """None: everywhere."""
    starts: float
    ends: float
    seed: int
    """Of whatever is random in it."""

    @property
    def over(self) -> float:
        """When the quiet bound holds again."""
        return self.ends + self.kind.recovery

    def concerns(self, container: int | None) -> bool:
        """Whether a client that is served by this container may feel it."""
        return self.container is None or self.container == container


def kinds_named(text: str) -> list[Kind]:
    """Reads `all`, or names divided by commas. PlanError names what is none."""
    names = list(KINDS) if text == "all" else [name.strip() for name in text.split(",") if name.strip()]
    strangers = [name for name in names if name not in KINDS]
    if strangers or not names:
        raise PlanError(f"no fault is called {', '.join(strangers) or repr(text)}; there are {', '.join(KINDS)}")
    return [KINDS[name] for name in dict.fromkeys(names)]


def plan(seed: int, seconds: float, containers: int, kinds: Collection[Kind], *, settle: float = SETTLE) -> list[Fault]:
    """Each kind once, and again while there is room; in the order in which they start. PlanError if they do not fit."""
    room = _Room(seconds, seconds - settle, containers)
    for attempt in range(_TRIES):
        rng = random.Random(f"{seed}/{attempt}")
        placed: list[Fault] = []
        wanted = sorted(kinds, key=lambda kind: _hardness(kind, rng), reverse=True)
        if all(_place(kind, placed, rng, room) for kind in wanted):
            if len(kinds) <= _FEW:
                for _ in range(_MOST - 1):
                    for kind in wanted:
                        _place(kind, placed, rng, room)
            return sorted(placed, key=lambda fault: (fault.starts, fault.kind.name, fault.container or 0))
    raise PlanError(f"{len(kinds)} kinds of fault do not fit into {seconds:g} s with {containers} containers")


@dataclass(frozen=True, slots=True)
class _Room:
    seconds: float
    end: float
    """Until when a fault may last."""
    containers: int


def _hardness(kind: Kind, rng: random.Random) -> tuple[bool, bool, float]:
    """What is placed first: what concerns everybody, then what excludes the most, then what lasts."""
    return kind.where == "everywhere" and not kind.alongside, not kind.alongside, _length(kind) * rng.uniform(0.7, 1.3)


def _length(kind: Kind) -> float:
    return kind.seconds[0] + kind.recovery


def _place(kind: Kind, placed: list[Fault], rng: random.Random, room: _Room) -> bool:
    """Adds one: at random while nothing is there, then as early as it fits, so that what is left stays in one piece."""
    longest = rng.uniform(*kind.seconds)
    targets: list[int | None] = [None] if kind.where == "everywhere" else list(range(room.containers))
    rng.shuffle(targets)
    seed = rng.randrange(2**32)
    # In steps of a second, and none starts with another.
    begins = [at + rng.random() / 2 for at in range(int(CALM), int(room.end))]
    if kind.alongside or not placed:
        rng.shuffle(begins)
    for lasts in sorted({longest, kind.seconds[0]}, reverse=True):
        for starts in begins:
            for target in targets:
                fault = Fault(kind, target, round(starts, 2), round(starts + lasts, 2), seed)
                late = fault.ends > room.end or fault.over > room.seconds - _QUIET_END
                if not late and not any(_clash(fault, other) for other in placed):
                    placed.append(fault)
                    return True
    return False


def _clash(one: Fault, other: Fault) -> bool:
    """Whether two faults may not be at the same time: their recovery belongs to them."""
    if one.starts >= other.over or other.starts >= one.over:
        return False
    first, second = one.kind, other.kind
    if first.where == second.where == "process":
        return True  # a client needs somewhere to go
    if one.container is not None and other.container is not None and one.container != other.container:
        return False
    if first.name == second.name:
        return True
    if (first.blocks_push and second.blocks_table) or (first.blocks_table and second.blocks_push):
        return True  # neither way is left: nothing can be promised
    if (first.needs_lease and second.breaks_lease) or (first.breaks_lease and second.needs_lease):
        return True  # no queue for as long as the other lasts, and longer: the pauses between attempts grow
    if first.alongside or second.alongside:
        return False
    return one.container == other.container
