"""HTTP/1.1 messages, as far as boto3 and moto use it: a head and a body of known length."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer."""

    first: str
    """Its first line."""
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """A header's value, empty if there is none; `name` in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def with_body(self, body: bytes) -> Message:
        """The same with another body; what vouches for the old one is left out."""
        kept = [(key, value) for key, value in self.headers if key.lower() not in ("content-length", "x-amz-crc32")]
        return replace(self, headers=(*kept, ("Content-Length", str(len(body)))), body=body)

    def encode(self) -> bytes:
        """As it goes over the wire."""
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


async def read(reader: asyncio.StreamReader) -> Message:
    """Reads one message. Raises IncompleteReadError where it ends too early, at its beginning too."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    message = Message(first, headers, b"")
    if "chunked" in message.header("transfer-encoding"):
        raise ValueError(f"a chunked message: {first}")
    length = int(message.header("content-length") or 0)
    return replace(message, body=await reader.readexactly(length)) if length else message


def answer(status: str, body: bytes, *headers: tuple[str, str]) -> Message:
    """An answer of our own."""
    return Message(f"HTTP/1.1 {status}", headers, b"").with_body(body)
