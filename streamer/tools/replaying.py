"""One replay: files ─► reading ─► plan (faults) ─► pace ─► fresh ─► target, and what is said of it."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import typer

from streamer.local.relaying import Kind
from streamer.tools import targets
from streamer.tools.duration import clock
from streamer.tools.ending import DONE, FAILED, INTERRUPTED, UsageError
from streamer.tools.faults import Faults, Plan, Planned
from streamer.tools.fresh import Fresh, addressed
from streamer.tools.interrupt import Interrupt, Interrupted
from streamer.tools.pace import Pace
from streamer.tools.printable import printable, printable_json
from streamer.tools.progress import Bar
from streamer.tools.reading import BadInput, Reading, Recorded


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done; the command's options."""

    files: Sequence[str]
    topic: str | None
    table: str | None
    queue_url: str | None
    tables: Mapping[Kind, str]
    yes: bool
    dry_run: bool
    factor: float | None
    fresh: bool | None
    faults: Faults
    delay: float


@dataclass(slots=True)
class Sum:
    """What became of everything so far."""

    read: int = 0
    published: int = 0
    messages: int = 0
    failed: int = 0
    spoiled: int = 0
    """Poisoned records that were sent: their failures are wanted."""
    passed_over: int = 0
    refusal: str | None = None
    """Why the target takes no more."""
    bad: list[BadInput] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    """Files that hold no change."""
    interrupted: bool = False

    @property
    def code(self) -> int:
        """The command's exit code."""
        if self.interrupted:
            return INTERRUPTED
        return FAILED if self.bad or self.refusal or self.failed > self.spoiled else DONE


def run(order: Order) -> int:
    """Replays, says what became of it, and returns the exit code. Raises ToolError and botocore's exceptions."""
    # What the relay logs of a record is said in the summary, and in the failure record.
    logging.getLogger("ingest_relay").addHandler(logging.NullHandler())
    with Interrupt() as interrupt:
        target = _target(order, interrupt)
        fresh = target.local if order.fresh is None else order.fresh
        if not (target.local or order.yes):
            _ask(target, order, fresh)
        replay = Replay(order, target, interrupt, fresh=fresh)
        began = time.monotonic()
        replay.run()
    out = sys.stderr if order.dry_run else sys.stdout
    out.write(printable("\n".join(replay.summary(time.monotonic() - began))) + "\n")
    out.flush()
    for bad in replay.sum.bad:
        sys.stderr.write(f"streamer replay: {printable(str(bad))}\n")
    return replay.sum.code


class Replay:
    """Reads, plans, waits and sends; `sum` says how far it is."""

    def __init__(
        self,
        order: Order,
        target: targets.Target,
        interrupt: Interrupt,
        *,
        fresh: bool,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        stdin: Any = None,
    ) -> None:
        self.sum = Sum()
        self.plan = Plan(order.faults)
        self._order = order
        self._target = target
        self._interrupt = interrupt
        self._fresh = fresh
        self._renewed: Fresh | None = None
        self._wall_ms = wall_ms
        self._stdin = stdin or sys.stdin.buffer
        self._read_before = 0
        self._reading: Reading | None = None

    def run(self) -> None:
        """Until the end, the first bad line, a target that takes no more, or Ctrl-C."""
        pace = Pace(self._order.factor, delay=self._order.delay, sleep=self._interrupt.sleep)
        batches = pace.batches(self.plan(self._recorded()))
        with Bar(_size(self._order.files)) as bar:
            try:
                while True:
                    with self._interrupt.waiting():
                        batch = next(batches, None)
                    if batch is None:
                        return
                    self._send(batch)
                    bar.show(self._position, f"{self.sum.read:,} read, {self.sum.published:,} published")
                    if self.sum.refusal:
                        return
            except Interrupted:
                self.sum.interrupted = True
            finally:
                if self._reading is not None:
                    self._reading.__exit__(None, None, None)

    def summary(self, took: float) -> list[str]:
        """What is said at the end, one line each."""
        sum_, target = self.sum, self._target
        how = "stopped replaying" if sum_.interrupted or sum_.refusal else "replayed"
        lines = [f"{how} {_named(self._order.files)} into {target.where} in {clock(took)}"]
        what = "changes" if target.publishes else "items"
        messages = f" in {_count(sum_.messages, 'message')}" if target.publishes else ""
        lines.append(f"  read       {_count(sum_.read, 'record')}")
        lines.append(f"  published  {sum_.published:,} {what}{messages}")
        where = f", {target.failures}" if sum_.failed else ""
        lines.append(f"  failed     {sum_.failed:,}{where}")
        faults = self._order.faults
        if faults.planned or self._order.delay:
            counts = [f"{count:,} {fault}" for fault, count in sorted(self.plan.counts.items())]
            delay = [f"all {self._order.delay:g} s late"] if self._order.delay else []
            lines.append(f"  faults     seed {faults.seed}: {', '.join([*counts, *delay]) or 'none came up'}")
        if self._renewed is not None:
            lines.append(f"  keys       new ones, with the prefix {self._renewed.prefix}")
        if sum_.passed_over:
            lines.append(f"  passed     over {_count(sum_.passed_over, 'message')} without a change (canaries)")
        lines += [f"  nothing    in {_named([path])}: no recorded change is there" for path in sum_.empty]
        lines += [f"  note       {note}" for note in target.notes()]
        if self._reading is not None and (sum_.interrupted or sum_.refusal):
            why = f": {sum_.refusal}" if sum_.refusal else " by Ctrl-C"
            lines.append(f"  stopped    at line {self._reading.line:,} of {self._reading.path}{why}")
        return lines

    @property
    def _position(self) -> int:
        return self._read_before + (self._reading.position if self._reading is not None else 0)

    def _recorded(self) -> Iterator[Recorded]:
        """All records of all files, up to the first bad line: what follows may hang on what is missing."""
        for path in self._order.files:
            before = self.sum.read
            try:
                reading = self._reading = Reading(path, self._stdin)
            except BadInput as error:
                self.sum.bad.append(error)
                return
            try:
                with reading:
                    for recorded in reading:
                        self.sum.read += 1
                        yield recorded
            except BadInput as error:
                self.sum.bad.append(error)
                return
            finally:
                self.sum.passed_over += reading.passed_over
            self._read_before += reading.size or 0
            if self.sum.read == before:
                self.sum.empty.append(path)

    def _send(self, batch: Sequence[Planned]) -> None:
        relayed = self._target.send([self._addressed(one) for one in batch])
        self.sum.published += relayed.changes
        self.sum.messages += relayed.messages
        self.sum.failed += relayed.failures
        self.sum.spoiled += sum(one.fault == "poisoned" for one in batch[: relayed.done])
        self.sum.refusal = relayed.error

    def _addressed(self, one: Planned) -> dict[str, Any]:
        record = addressed(one.record, self._target.tables)
        if not self._fresh:
            return record
        if self._renewed is None:
            self._renewed = Fresh(started_ms=self._wall_ms(), first_ms=round(one.due_ms), factor=self._order.factor)
        return self._renewed(record)


def _target(order: Order, interrupt: Interrupt) -> targets.Target:
    if order.dry_run:
        return targets.dry(order.tables, _show)
    if order.topic:
        return targets.topic(order.topic, order.queue_url, order.tables, interrupt.sleep)
    if order.table:
        return targets.table(order.table, order.tables)
    return targets.demo(interrupt.sleep)


def _ask(target: targets.Target, order: Order, fresh: bool) -> None:
    """Raises UsageError unless somebody agrees."""
    keys = "with new keys" if fresh else "as it was recorded: items with the same keys are changed"
    question = f"This replays {_named(order.files)} into {target.where}, which is not on this machine, {keys}. Go on?"
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Say --yes")
    if not typer.confirm(question, err=True):
        raise UsageError("nothing was replayed")


def _show(text: str, out: TextIO | None = None) -> None:
    out = out or sys.stdout
    out.write(f"{printable_json(text, out.encoding)}\n")


def _size(files: Sequence[str]) -> int | None:
    try:
        return sum(Path(path).stat().st_size for path in files) if "-" not in files else None
    except OSError:
        return None  # it is said when its turn comes


def _named(files: Sequence[str]) -> str:
    if len(files) > 1:
        return f"{len(files)} files"
    return "standard input" if files[0] == "-" else printable(files[0])


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
