"""The result of a replay: its totals, its exit code, and the lines printed at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streamer.tools.replay.reader import InputError, RecordingReader
from streamer.tools.replay.targets import Target
from streamer.tools.terminal.errors import DONE, FAILED, INTERRUPTED
from streamer.tools.terminal.printable import printable
from streamer.tools.terminal.quantities import count_text, duration_text


@dataclass(slots=True)
class Totals:
    """Counts so far."""

    read: int = 0
    published: int = 0
    messages: int = 0
    failed: int = 0
    poisoned: int = 0
    """Number of poisoned records that were sent. Their failures are expected."""
    skipped: int = 0
    """Number of messages without a change."""
    refused: str | None = None
    """Why the target refused a batch."""
    input_errors: list[InputError] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    """Files without a change."""
    interrupted: bool = False

    @property
    def code(self) -> int:
        """The command's exit code."""
        if self.interrupted:
            return INTERRUPTED
        return FAILED if self.input_errors or self.refused or self.failed > self.poisoned else DONE


def summary(
    totals: Totals,
    files: Sequence[str],
    target: Target,
    took: float,
    *,
    faults: str | None,
    prefix: str | None,
    reader: RecordingReader | None,
) -> list[str]:
    """Returns the lines. `took`: seconds. `prefix`: prefix of new keys. `reader`: reader of the last opened file."""
    stopped = totals.interrupted or totals.refused
    how = "stopped replaying" if stopped else "replayed"
    unit = "changes" if target.publishes else "items"
    messages = f" in {count_text(totals.messages, 'message')}" if target.publishes else ""
    lines = [
        f"{how} {named(files)} into {target.where} in {duration_text(took)}",
        f"  read       {count_text(totals.read, 'record')}",
        f"  published  {totals.published:,} {unit}{messages}",
        f"  failed     {totals.failed:,}{f', {target.failures}' if totals.failed else ''}",
    ]
    if faults is not None:
        lines.append(f"  faults     {faults}")
    if prefix is not None:
        lines.append(f"  keys       new, with the prefix {prefix}")
    if totals.skipped:
        lines.append(f"  skipped    {count_text(totals.skipped, 'message')} without a change (canaries)")
    lines += [f"  empty      {named([path])}: no recorded change" for path in totals.empty]
    lines += [f"  note       {note}" for note in target.notes()]
    if reader is not None and stopped:
        why = f": {totals.refused}" if totals.refused else " by Ctrl-C"
        lines.append(f"  stopped    at line {reader.line:,} of {reader.path}{why}")
    return lines


def named(files: Sequence[str]) -> str:
    """Returns a name for the files."""
    if len(files) > 1:
        return f"{len(files)} files"
    return "standard input" if files[0] == "-" else printable(files[0])
