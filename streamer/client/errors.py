"""Errors of a connection, each with its reason in one sentence.

StreamerError
├── NotAStream      there is no stream at this URL, and trying again will not help
└── Unreachable     the first connection failed, and the caller did not want to wait
ConnectionFailed    this connection has ended; a later one may succeed
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator

import httpx

from streamer.errors import StreamerError


class NotAStream(StreamerError):
    """Trying again will not help; the message says what is wrong and what to do."""


class Unreachable(StreamerError):
    """The first connection failed; the message says why."""


class ConnectionFailed(Exception):
    """A connection could not be made, or has ended. `reason`: one sentence without a full stop."""

    def __init__(self, reason: str, *, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        """Seconds that the server asked to wait; None: the client decides."""


def of_error(
    error: httpx.RequestError, url: httpx.URL, *, opened: bool, watchdog: float
) -> ConnectionFailed | NotAStream:
    """The error for a transport error of httpx. `opened`: a stream came from there before."""
    host = authority(url)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NotAStream(f"the certificate of {host} is not trusted: {one_line(cause.verify_message)}")
        if isinstance(cause, ssl.SSLError) and not opened:
            return NotAStream(
                f"{host} does not speak TLS as it should ({one_line(cause.reason)}); is it http:// there?"
            )
    match error:
        case httpx.LocalProtocolError():
            return NotAStream(f"the request cannot be sent ({one_line(error)}): check the headers and the event id")
        case httpx.ConnectTimeout():
            return ConnectionFailed(f"{host} does not answer")
        case httpx.ConnectError():
            return ConnectionFailed(f"{host} cannot be reached: {_why(error)}")
        case httpx.ReadTimeout():
            return ConnectionFailed(f"nothing came for {watchdog:g} s")
        case httpx.ProxyError():
            return ConnectionFailed(f"the proxy refused: {one_line(error)}")
        case httpx.RemoteProtocolError() if not opened:
            return ConnectionFailed(f"{host} does not answer as a web server does: {one_line(error)}")
    return ConnectionFailed("the connection broke")


def authority(url: httpx.URL) -> str:
    """Host and port as written, without user and password."""
    return url.netloc.decode("ascii", "replace").rpartition("@")[2]


def one_line(value: object, limit: int = 300) -> str:
    """Text of unknown origin for a sentence of ours: printable, not too long, without a full stop."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= limit else f"{text[:limit]}…"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes, from the outside in."""
    seen: list[BaseException] = [error]
    for each in seen:
        yield each
        inner = list(each.exceptions) if isinstance(each, BaseExceptionGroup) else []
        seen += [
            below for below in (each.__cause__, each.__context__, *inner) if below is not None and below not in seen
        ]


def _why(error: httpx.ConnectError) -> str:
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "there is no such host"
        if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
            return "connection refused"
        if isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno)
    return one_line(error)
