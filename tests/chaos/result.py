"""What a run was like, and whether it was good. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from streamer.change import Key
from tests.chaos.accounting import Account, Felt, account, spells
from tests.chaos.actor import Done
from tests.chaos.containers import Line, Sample
from tests.chaos.kinds import Service
from tests.chaos.modes import Band, back_to_push, bands, to_poll
from tests.chaos.plan import Fault
from tests.chaos.records import Record
from tests.chaos.writes import Write

_OFTEN: Final = 3
_CALLED: Final[dict[Service, float]] = {"sqs": 1, "dynamodb": 17, "sns": float("inf")}
"""Seconds in which a container certainly calls a service: SQS all the time, the table by its verification."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run was asked to be."""

    seed: int
    seconds: float
    containers: int
    clients: int
    faults: str
    broken: str = "nothing"


@dataclass(slots=True)
class Ended:
    """How one container ended, and what it said on its way."""

    number: int
    samples: Sequence[Sample]
    lines: Sequence[Line]
    slots_left: int | None = None
    """Streams that it counted when every client had gone; None if it did not answer."""
    exit_code: int | None = None
    unexpected: Sequence[int] = ()
    """Exit codes of processes that nobody had asked to end."""


@dataclass(slots=True)
class Run:
    """Everything that was observed."""

    settings: Settings
    start: float
    """Unix time of the plan's zero, when the writer began."""
    end: float
    done: Sequence[Done]
    items: Mapping[Key, Sequence[Write]]
    records: Sequence[Record]
    containers: Sequence[Ended]
    writer_error: str | None = None
    queues_left: int | None = None
    pruned: str = ""
    """What `streamer queues prune` said, or why it could not be asked."""
    cpu: float = 0.0
    """Seconds of processor time, of everything together."""


@dataclass(slots=True)
class Told:
    """One fault, as it was felt."""

    fault: Fault
    calls: int
    silence: float
    wait: float
    to_poll: float | None = None
    back: float | None = None
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Verdict:
    """The judgement of a run: green if nothing is wrong."""

    run: Run
    accounts: list[Account]
    faults: list[Told]
    modes: list[list[Band]]
    wrong: list[str]
    writes: int
    versions: int

    @property
    def green(self) -> bool:
        """Whether the gate lets it pass."""
        return not self.wrong


def judge(run: Run) -> Verdict:
    """Holds what was observed against what was written and against the bounds."""
    faults = [done.fault for done in run.done]
    lives = spells(run.items)
    felt = {number: Felt(fault) for number, fault in enumerate(faults)}
    accounts = [account(record, run.items, lives, faults, run.start, felt) for record in run.records]
    told = [_told(run, done, felt[number]) for number, done in enumerate(run.done)]
    wrong = [f"fault {one.fault.kind.name}{_at(one.fault)}: {why}" for one in told for why in one.wrong]
    for one in accounts:
        who = f"client {one.number}"
        if one.missing:
            wrong.append(f"{who}: {len(one.missing)} missing")
        if one.ghosts:
            wrong.append(f"{who}: {len(one.ghosts)} ghosts")
        wrong += [f"{who}: {why}" for why in one.broken]
    for container in run.containers:
        wrong += [f"container {container.number}: {why}" for why in _container(container)]
    if run.writer_error:
        wrong.append(f"the writer failed: {run.writer_error}")
    if run.queues_left is None:
        wrong.append(f"queues were not pruned: {run.pruned}")
    elif run.queues_left:
        wrong.append(f"{run.queues_left} queues left after prune")
    if not any(account.expected for account in accounts):
        wrong.append("nothing was expected of anybody: the run shows nothing")
    return Verdict(
        run,
        accounts,
        told,
        [bands(container.samples) for container in run.containers],
        wrong,
        sum(len(writes) for writes in run.items.values()),
        sum(spell.version is not None for life in lives.values() for spell in life),
    )


def _told(run: Run, done: Done, felt: Felt) -> Told:
    fault, kind = done.fault, done.fault.kind
    told = Told(fault, done.felt, felt.silence, felt.wait, wrong=list(done.problems))
    if kind.where == "process" or kind.name == "replay-cut":
        return told
    concerned = [container for container in run.containers if fault.concerns(container.number)]
    polls = [to_poll(container.samples, fault, run.start) for container in concerned]
    backs = [back_to_push(container.samples, fault, run.start) for container in concerned]
    told.to_poll = None if None in polls else max(poll for poll in polls if poll is not None)
    told.back = None if None in backs else max(back for back in backs if back is not None)
    if kind.to_poll is not None and (told.to_poll is None or told.to_poll > kind.to_poll):
        how = "never" if told.to_poll is None else f"after {told.to_poll:.1f} s"
        told.wrong.append(f"left push {how}, bound {kind.to_poll:g} s")
    calls_come = any(fault.ends - fault.starts >= _CALLED[service] for service, _ in kind.calls)
    if calls_come and not done.felt:
        told.wrong.append("no call met it: it has shown nothing")
    return told


def _container(container: Ended) -> list[str]:
    wrong = []
    last = container.samples[-1].mode if container.samples else "never seen"
    if last != "push" and not (last == "both" and _proves_long(container)):
        wrong.append(f"mode {last} at the end")
    if container.slots_left != 0:
        wrong.append(f"{container.slots_left} slots left when every client had gone")
    if container.exit_code != 0:
        wrong.append(f"exit code {container.exit_code} on SIGTERM")
    if container.unexpected:
        wrong.append(f"it ended by itself with {list(container.unexpected)}")
    loud = [line.members for line in container.lines if line.members.get("level") in ("ERROR", "CRITICAL")]
    raw = [line.members for line in container.lines if line.members.get("raw")]
    if loud or raw:
        first = (loud or raw)[0].get("message")
        wrong.append(f"{len(loud) + len(raw)} errors in its log, the first: {first}")
    return wrong


def _proves_long(container: Ended) -> bool:
    """Whether push broke so often that it has to prove itself for longer than a run has time to settle.

    The second time within five minutes takes two queries without a miss, the third four, the fourth eight, 5 s apart.
    """
    modes = [band.mode for band in bands(container.samples)]
    since = len(modes) - 1 - modes[::-1].index("gone") if "gone" in modes else 0
    return sum(one == "push" != other for one, other in pairwise(modes[since:])) >= _OFTEN


def _at(fault: Fault) -> str:
    return "" if fault.container is None else f" at container {fault.container}"
