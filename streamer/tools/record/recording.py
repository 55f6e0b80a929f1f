"""The file format of recordings: JSON lines, compressed by gzip if the name ends in .gz.

    {"format":"sentiment-recording","v":1,"source":{"kind":"table","name":"sentiment"},"recorded_at":"…Z","whole":false}
    {"at":1795359400123,"record":{…}}      a table's stream: the record in Lambda's shape
    {"at":1795359400123,"message":{…}}     a topic: a change record message (a string if it was not JSON)
    {"at":1795359400123,"event":"…","id":"…","data":{…}}      a client's stream: `id` is the place after it

`at` is the time of receipt, in Unix milliseconds. `whole`: whether a table's hidden attributes were kept.
"""

from __future__ import annotations

import gzip
import json
import os
import stat
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Literal, Self, cast

from streamer.change import iso_time
from streamer.tools.terminal.errors import ToolError, UsageError

FORMAT: Final = "sentiment-recording"
VERSION: Final = 1
SourceKind = Literal["table", "topic", "url"]


def header(kind: SourceKind, name: str, *, now_ms: int, whole: bool = False) -> str:
    """The first line of a recording, without its end."""
    return _json(
        {
            "format": FORMAT,
            "v": VERSION,
            "source": {"kind": kind, "name": name},
            "recorded_at": iso_time(now_ms),
            "whole": whole,
        }
    )


def record_line(at: int, record: object) -> str:
    """A stream record in Lambda's shape."""
    return f'{{"at":{at},"record":{_json(record)}}}'


def message_line(at: int, body: str) -> str:
    """A queue message's body: as it stands if it is JSON, so that no digit is lost, else as a string."""
    return f'{{"at":{at},"message":{_as_it_stands(body)}}}'


def event_line(at: int, event: str, place: str | None, data: str) -> str:
    """One server-sent event; `data` as it stands if it is JSON, else as a string."""
    return f'{{"at":{at},"event":{_json(event)},"id":{_json(place)},"data":{_as_it_stands(data)}}}'


class RecordingWriter:
    """Writes a recording line by line; each line is with the operating system before the next.

    A file that is overwritten keeps its content until there is a line to replace it. `with` closes the file, and after
    an error removes a new file without lines.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        """`-` is standard output. Raises UsageError if the file exists, unless `force`; and OSError."""
        self.path = path
        self.lines = 0
        """Lines without headers."""
        self.bytes = 0
        """Size before compression."""
        self._raw: IO[bytes] | None = None
        self._made = False
        self._heads: list[str] | None = None
        """Headers that wait for the first line, while the file still has its old content."""
        if path == "-":
            self._out: IO[bytes] = sys.stdout.buffer
            return
        try:
            self._raw = open(path, "wb", opener=_new)  # noqa: SIM115 - closed by __exit__
            self._made = True
        except FileExistsError:
            if not force:
                raise UsageError(f"{path} exists: choose another name, or overwrite it with --force") from None
            self._raw = open(path, "wb", opener=_untouched)  # noqa: SIM115 - likewise
            if stat.S_ISREG(os.fstat(self._raw.fileno()).st_mode):
                self._heads = []
        self._out = self._raw
        if self._heads is None:
            self._pack()

    def head(self, line: str) -> None:
        """Writes the header. Raises ToolError if the file cannot take it."""
        if self._heads is None:
            self._write(line)
        else:
            self._heads.append(line)

    def add(self, line: str) -> None:
        """Writes one line. Raises ToolError if the file cannot take it."""
        self._begin()
        self._write(line)
        self.lines += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._raw is not None:
            try:
                if error is None:
                    self._begin()
                self._out.close()
            finally:
                self._raw.close()
                if error is not None and not self.lines and self._made:
                    Path(self.path).unlink(missing_ok=True)  # a header alone would stop the next try

    def _begin(self) -> None:
        """Removes the old content."""
        if self._heads is None or self._raw is None:
            return
        heads, self._heads = self._heads, None
        self._raw.truncate(0)
        self._pack()
        for line in heads:
            self._write(line)

    def _pack(self) -> None:
        if self._raw is not None and self.path.endswith(".gz"):
            self._out = cast("IO[bytes]", gzip.GzipFile(fileobj=self._raw, mode="wb"))

    def _write(self, line: str) -> None:
        text = line.encode("utf-8", "surrogatepass") + b"\n"
        try:
            self._out.write(text)
            self._out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ToolError(f"{self.path}: {error.strerror} after {self.lines:,} lines, which are in it") from error
        self.bytes += len(text)


def _new(path: str, flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)


def _untouched(path: str, flags: int) -> int:
    """Opens the file with its content, which the mode alone would remove."""
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)


def _as_it_stands(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return _json(text)
    # Between JSON's tokens a line end is a space; a string cannot hold one.
    return text.replace("\n", " ").replace("\r", " ")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
