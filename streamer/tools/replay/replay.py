"""Replays recorded stream records to a topic, a table or the demo."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TextIO

from streamer.clock import wall_ms
from streamer.tools.relay import TableKind
from streamer.tools.replay import targets
from streamer.tools.replay.faults import FaultPlan, Faults, PlannedRecord
from streamer.tools.replay.new_keys import NewKeys, with_target_table
from streamer.tools.replay.playback import Playback
from streamer.tools.replay.reader import InputError, RecordedChange, RecordingReader
from streamer.tools.replay.summary import Totals, named, summary
from streamer.tools.terminal.confirm import confirm
from streamer.tools.terminal.interrupt import Interrupt, Interrupted
from streamer.tools.terminal.printable import printable, printable_json
from streamer.tools.terminal.progress import ProgressBar


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """The command's options."""

    files: Sequence[str]
    topic: str | None
    table: str | None
    queue_url: str | None
    tables: Mapping[TableKind, str]
    yes: bool
    dry_run: bool
    factor: float | None
    new_keys: bool | None
    faults: Faults
    delay: float


def run(options: ReplayOptions) -> int:
    """Replays, prints the summary, and returns the exit code. Raises ToolError and botocore's exceptions."""
    # Hides the relay's log lines, because the summary and the failure records report each failed record.
    logging.getLogger("ingest_relay").addHandler(logging.NullHandler())
    with Interrupt() as interrupt:
        target = _target(options, interrupt)
        new_keys = target.local if options.new_keys is None else options.new_keys
        if not (target.local or options.yes):
            keys = "new keys" if new_keys else "the recorded keys, which changes items that have the same keys"
            confirm(
                f"Replay {named(options.files)} into {target.where}, which is not on this machine, with {keys}?",
                options="--yes",
                declined="nothing was replayed",
            )
        replay = Replay(options, target, interrupt, new_keys=new_keys)
        began = time.monotonic()
        replay.run()
    out = sys.stderr if options.dry_run else sys.stdout
    out.write(printable("\n".join(replay.summary(time.monotonic() - began))) + "\n")
    out.flush()
    for error in replay.totals.input_errors:
        sys.stderr.write(f"streamer replay: {printable(str(error))}\n")
    return replay.totals.code


class Replay:
    """Sends the records of the files to the target. `totals` has the progress."""

    def __init__(
        self,
        options: ReplayOptions,
        target: targets.Target,
        interrupt: Interrupt,
        *,
        new_keys: bool,
        now_ms: Callable[[], int] = wall_ms,
        stdin: IO[bytes] | None = None,
    ) -> None:
        self.totals = Totals()
        self._options = options
        self._target = target
        self._interrupt = interrupt
        self._with_new_keys = new_keys
        self._now_ms = now_ms
        self._stdin = stdin or sys.stdin.buffer
        self._plan = FaultPlan(options.faults)
        self._new_keys: NewKeys | None = None
        self._read_before = 0
        self._reader: RecordingReader | None = None

    def run(self) -> None:
        """Returns at the end, at the first invalid line, when the target refuses a batch, or after Ctrl-C."""
        playback = Playback(self._options.factor, delay=self._options.delay, sleep=self._interrupt.sleep)
        batches = playback.batches(self._plan(self._recorded()))
        with ProgressBar(_size(self._options.files)) as bar:
            try:
                while True:
                    with self._interrupt.waiting():
                        batch = next(batches, None)
                    if batch is None:
                        return
                    self._send(batch)
                    bar.update(self._position, f"{self.totals.read:,} read, {self.totals.published:,} published")
                    if self.totals.refused:
                        return
            except Interrupted:
                self.totals.interrupted = True
            finally:
                if self._reader is not None:
                    self._reader.__exit__(None, None, None)

    def summary(self, took: float) -> list[str]:
        """Returns the lines to print at the end. `took`: seconds."""
        return summary(
            self.totals,
            self._options.files,
            self._target,
            took,
            faults=self._faults(),
            prefix=self._new_keys.prefix if self._new_keys is not None else None,
            reader=self._reader,
        )

    def _faults(self) -> str | None:
        """Describes the injected faults; None if no fault is enabled."""
        faults, delay = self._options.faults, self._options.delay
        if not (faults.any or delay):
            return None
        parts = [f"{count:,} {fault}" for fault, count in sorted(self._plan.counts.items())]
        parts += [f"all {delay:g} s late"] if delay else []
        return f"seed {faults.seed}: {', '.join(parts) or 'no fault was injected'}"

    @property
    def _position(self) -> int:
        return self._read_before + (self._reader.position if self._reader is not None else 0)

    def _recorded(self) -> Iterator[RecordedChange]:
        """Yields the records of all files. Stops at the first invalid line, because later records may depend on it."""
        for path in self._options.files:
            before = self.totals.read
            try:
                reader = self._reader = RecordingReader(path, self._stdin)
            except InputError as error:
                self.totals.input_errors.append(error)
                return
            try:
                with reader:
                    for recorded in reader:
                        self.totals.read += 1
                        yield recorded
            except InputError as error:
                self.totals.input_errors.append(error)
                return
            finally:
                self.totals.skipped += reader.skipped
            self._read_before += reader.size or 0
            if self.totals.read == before:
                self.totals.empty.append(path)

    def _send(self, batch: Sequence[PlannedRecord]) -> None:
        result = self._target.send([self._for_target(planned) for planned in batch])
        self.totals.published += result.changes
        self.totals.messages += result.messages
        self.totals.failed += result.failures
        self.totals.poisoned += sum(planned.fault == "poisoned" for planned in batch[: result.done])
        self.totals.refused = result.error

    def _for_target(self, planned: PlannedRecord) -> dict[str, Any]:
        record = with_target_table(planned.record, self._target.tables)
        if not self._with_new_keys:
            return record
        if self._new_keys is None:
            self._new_keys = NewKeys(
                started_ms=self._now_ms(), first_ms=round(planned.due_ms), factor=self._options.factor
            )
        return self._new_keys(record)


def _target(options: ReplayOptions, interrupt: Interrupt) -> targets.Target:
    if options.dry_run:
        return targets.dry(options.tables, _print_message)
    if options.topic:
        return targets.topic(options.topic, options.queue_url, options.tables, interrupt.sleep)
    if options.table:
        return targets.table(options.table, options.tables)
    return targets.demo(interrupt.sleep)


def _print_message(text: str, out: TextIO | None = None) -> None:
    out = out or sys.stdout
    out.write(f"{printable_json(text, out.encoding)}\n")


def _size(files: Sequence[str]) -> int | None:
    try:
        return sum(Path(path).stat().st_size for path in files) if "-" not in files else None
    except OSError:
        return None  # reported when the file is opened
