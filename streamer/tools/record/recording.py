"""The file format of recordings: JSON lines, compressed by gzip if the name ends in .gz.

    {"format":"sentiment-recording","v":1,"source":{"kind":"table","name":"sentiment"},"recorded_at":"…Z","whole":false}
    {"at":1795359400123,"record":{…}}      a table's stream: the record in Lambda's format
    {"at":1795359400123,"message":{…}}     a topic: a change record message (a string if it is not JSON)
    {"at":1795359400123,"event":"…","id":"…","data":{…}}      a client's stream: `id` is the event id

`at` is the time of receipt in Unix milliseconds. `whole`: whether a table's hidden attributes were recorded.
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
    """Returns the first line of a recording, without the line end."""
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
    """Returns the line of a stream record in Lambda's format."""
    return f'{{"at":{at},"record":{_json(record)}}}'


def message_line(at: int, body: str) -> str:
    """Returns the line of a queue message: its body unchanged if it is JSON (to keep every digit), else as a string."""
    return f'{{"at":{at},"message":{_json_or_string(body)}}}'


def event_line(at: int, event: str, place: str | None, data: str) -> str:
    """Returns the line of a server-sent event; `data` unchanged if it is JSON, else as a string."""
    return f'{{"at":{at},"event":{_json(event)},"id":{_json(place)},"data":{_json_or_string(data)}}}'


class RecordingWriter:
    """Writes a recording, and flushes after each line.

    An existing file keeps its content until the first line is written. Leaving the context closes the file; after an
    error it also removes a new file without lines.
    """

    def __init__(self, path: str, *, force: bool = False) -> None:
        """`path`: `-` for standard output. Raises UsageError if the file exists and not `force`; OSError."""
        self.path = path
        self.lines = 0
        """Number of lines without the header."""
        self.bytes = 0
        """Size before compression."""
        self._raw: IO[bytes] | None = None
        self._created = False
        self._pending_header: str | None = None
        """The header, while the file still has its old content."""
        self._overwrites = False
        if path == "-":
            self._out: IO[bytes] = sys.stdout.buffer
            return
        try:
            self._raw = open(path, "wb", opener=_create)  # noqa: SIM115 - closed by __exit__
            self._created = True
        except FileExistsError:
            if not force:
                raise UsageError(f"{path}: exists; choose another name, or overwrite it with --force") from None
            self._raw = open(path, "wb", opener=_open_without_truncation)  # noqa: SIM115 - closed by __exit__
            self._overwrites = stat.S_ISREG(os.fstat(self._raw.fileno()).st_mode)
        self._out = self._raw
        if not self._overwrites:
            self._compress()

    def head(self, line: str) -> None:
        """Writes the header. Raises ToolError if the write fails."""
        if self._overwrites:
            self._pending_header = line
        else:
            self._write(line)

    def add(self, line: str) -> None:
        """Writes one line. Raises ToolError if the write fails."""
        self._truncate()
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
                    self._truncate()
                self._out.close()
            finally:
                self._raw.close()
                if error is not None and not self.lines and self._created:
                    Path(self.path).unlink(missing_ok=True)  # otherwise the next attempt would need --force

    def _truncate(self) -> None:
        """Removes the old content before the first line."""
        if not self._overwrites or self._raw is None:
            return
        self._overwrites = False
        self._raw.truncate(0)
        self._compress()
        if self._pending_header is not None:
            self._write(self._pending_header)

    def _compress(self) -> None:
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
            raise ToolError(f"{self.path}: {error.strerror}; the file has {self.lines:,} lines") from error
        self.bytes += len(text)


def _create(path: str, flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)


def _open_without_truncation(path: str, flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)


def _json_or_string(text: str) -> str:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return _json(text)
    # JSON has raw line ends only between tokens, where a space is equivalent.
    return text.replace("\n", " ").replace("\r", " ")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
