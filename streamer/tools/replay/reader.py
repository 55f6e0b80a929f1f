"""Reads recorded changes from a file of Lambda events, JSON lines of Lambda events, or a recording.

Only one line or one document of the file is in memory.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, NoReturn, Self, cast

from streamer.tools.record.recording import FORMAT, VERSION
from streamer.tools.replay import messages
from streamer.tools.terminal.errors import ToolError

LONGEST: Final = 16 * 1024 * 1024
"""Maximum size of a line or document in bytes. Lambda's largest event has 6 MB."""

EXPECTED: Final = (
    'expected a stream event as Lambda delivers it ({"Records":[…]}), JSON lines of them, or a recording of '
    "`streamer record`"
)
_GZIP: Final = b"\x1f\x8b"


class InputError(ToolError):
    """A file cannot be read further. The message has the file, the line, the problem and the remedy."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        where = "standard input" if path == "-" else path
        super().__init__(f"{where}, line {line}: {reason}" if line else f"{where}: {reason}")


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """One stream record of a file."""

    record: dict[str, Any]
    """In Lambda's format. The relay validates its content."""
    at: int | None = None
    """Time of recording, Unix milliseconds."""


class RecordingReader:
    """`with RecordingReader(path, stdin) as file: for change in file: …`. Can be iterated once."""

    def __init__(self, path: str, stdin: IO[bytes]) -> None:
        """`-` reads `stdin`. Raises InputError if the file cannot be opened."""
        self.path = path
        self.line = 0
        """Number of the last line that was read, from 1."""
        self.skipped = 0
        """Number of messages without a change: canaries, and bodies that are not JSON."""
        self.size: int | None = None
        """The file's size in bytes; None for standard input."""
        try:
            self._raw: IO[bytes] = stdin if path == "-" else Path(path).open("rb")  # noqa: SIM115 - closed by __exit__
            if path != "-":
                self.size = Path(path).stat().st_size
        except OSError as error:
            raise InputError(path, 0, f"{error.strerror}; {EXPECTED}") from None

    @property
    def position(self) -> int:
        """Number of bytes of the file that were read."""
        try:
            return self._raw.tell()
        except (OSError, ValueError):
            return 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.path != "-":
            self._raw.close()

    def __iter__(self) -> Iterator[RecordedChange]:
        """Yields the records in order. Raises InputError at the first invalid line."""
        lines = self._opened()
        while text := self._next(lines):
            if not text.strip():
                continue
            ended = text.endswith(b"\n")
            try:
                value = json.loads(text)
            except UnicodeDecodeError:
                self._fail(f"the text is not UTF-8; {EXPECTED}")
            except RecursionError:
                self._fail(f"the JSON is nested too deeply; {EXPECTED}")
            except ValueError:
                if self.line == 1 and ended and text.lstrip(b"\xef\xbb\xbf \t")[:1] in (b"{", b"["):
                    yield from self._document(text, lines)
                    return
                self._not_json(text, ended)
            yield from self._records(value, partial(_exact, text))
        if self.line == 0:
            self._fail(f"the file is empty; {EXPECTED}")

    def _opened(self) -> IO[bytes]:
        raw = self._raw if isinstance(self._raw, io.BufferedReader) else io.BufferedReader(cast("Any", self._raw))
        try:
            start = raw.peek(2)[:2]
        except OSError as error:
            self._fail(f"{error.strerror}; {EXPECTED}")
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if start == _GZIP else raw

    def _next(self, lines: IO[bytes], most: int = LONGEST) -> bytes:
        """Returns the next line with its line end; empty at the end of the file."""
        try:
            text = lines.readline(most + 1)
        except EOFError:
            self.line += 1
            self._fail("the compressed file is truncated here; the lines before it were read. Copy the file again")
        except (OSError, zlib.error) as error:
            self.line += 1
            self._fail(f"read or decompression failed: {error}; the lines before it were read. Copy the file again")
        if len(text) > most:
            self.line += 1
            self._fail(f"longer than {LONGEST:,} bytes; {EXPECTED}")
        self.line += bool(text)
        return text

    def _document(self, first: bytes, lines: IO[bytes]) -> Iterator[RecordedChange]:
        """Reads one document that has several lines."""
        parts, size = [first], len(first)
        while text := self._next(lines, LONGEST - size):
            parts.append(text)
            size += len(text)
        whole = b"".join(parts)
        try:
            value = json.loads(whole)
        except json.JSONDecodeError as error:
            self.line = error.lineno
            if error.pos >= len(whole.decode("utf-8", "replace").rstrip()):
                self._fail(f"the document is truncated here; {EXPECTED}. Copy the file again")
            self._fail(f"not JSON at column {error.colno} ({error.msg}); {EXPECTED}")
        except (ValueError, RecursionError):
            self._fail(f"the document cannot be read; {EXPECTED}")
        yield from self._records(value, partial(_exact, whole))

    def _records(self, value: object, exact: Callable[[], Any]) -> Iterator[RecordedChange]:
        """Yields the records of a line or a document. `exact` parses it again and keeps numbers as text."""
        item: Any = value
        match item:
            case {"format": str(name), **others} if name == FORMAT:
                self._check_header(others)
            case {"at": int(at), "record": dict(record)}:
                yield RecordedChange(record, at)
            case {"at": int(at), "message": message}:
                if messages.is_message(message):
                    yield from self._relayed(exact, at)
                else:
                    self.skipped += 1
            case {"at": int(), "event": str()}:
                self._client_stream()
            case {"Records": list(records)}:
                yield from self._event(records)
            case {"eventSource": "aws:dynamodb", "dynamodb": dict()}:
                yield RecordedChange(item)
            case dict() if messages.is_message(item):
                yield from self._relayed(exact, None)
            case list():
                whole = cache(exact)
                for number, each in enumerate(item):
                    if isinstance(each, list):
                        self._fail(f"this JSON is not in an expected format (an array in an array); {EXPECTED}")
                    yield from self._records(each, partial(_part, whole, number))
            case _:
                self._fail(f"this JSON is not in an expected format ({_described(value)}); {EXPECTED}")

    def _check_header(self, members: Any) -> None:
        if members.get("v") != VERSION:
            self._fail(
                f"version {members.get('v')!r} of the format is unknown, only {VERSION} is supported; update streamer"
            )
        if isinstance(source := members.get("source"), dict) and source.get("kind") == "url":
            self._client_stream()

    def _client_stream(self) -> NoReturn:
        self._fail(
            "this is a recording of a client's stream; expected one of a table or a topic, made with "
            "`streamer record --table NAME` or `--topic ARN`"
        )

    def _event(self, records: list[Any]) -> Iterator[RecordedChange]:
        for number, record in enumerate(records):
            if not isinstance(record, dict) or not isinstance(record.get("dynamodb"), dict):
                self._fail(f"record {number} of the event is not a record of a DynamoDB stream; {EXPECTED}")
            yield RecordedChange(record)

    def _relayed(self, exact: Callable[[], Any], at: int | None) -> Iterator[RecordedChange]:
        try:
            value = exact()
            records = messages.to_records(value if at is None else value["message"])
        except RecursionError:
            self._fail(f"the message is nested too deeply; {EXPECTED}")
        except (ValueError, OverflowError) as error:
            self._fail(f"this is not a message of the relay: {error}; {EXPECTED}")
        self.skipped += not records
        for record in records:
            yield RecordedChange(record, at)

    def _not_json(self, text: bytes, ended: bool) -> NoReturn:
        if not ended and text.lstrip()[:1] in (b"{", b"["):
            self._fail("the line is truncated; the lines before it were read. Copy the file again, or remove the line")
        start = text[:40].decode("utf-8", "replace").strip()
        self._fail(f"not JSON (it begins with {start!r}); {EXPECTED}")

    def _fail(self, reason: str) -> NoReturn:
        raise InputError(self.path, self.line, reason)


def _exact(text: bytes) -> Any:
    return messages.parse(text.decode())


def _part(whole: Callable[[], Any], number: int) -> Any:
    return whole()[number]


def _described(value: object) -> str:
    if isinstance(value, dict):
        return f"an object with {', '.join(sorted(map(str, value))[:5])}" if value else "an empty object"
    return f"a {type(value).__name__}"
