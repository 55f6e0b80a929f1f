"""Errors of a connection.

StreamerError
├── NotAStream           the URL is not a stream, and a retry cannot succeed
├── Unreachable          the first connection failed, and the caller did not request retries
├── SeriesFailed         a series could not be read
└── InvalidEnvironment   a variable for proxies or certificates is invalid; callers see one of the others
ConnectionFailed         the connection failed or ended; a later one may succeed
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpx

from streamer.errors import StreamerError

_CUT: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""A handshake that was cut, as by a balancer without a server, which may have one later."""


class NotAStream(StreamerError):
    """A retry cannot succeed. The message has the problem and the remedy."""


class Unreachable(StreamerError):
    """The first connection failed. The message has the reason."""


class SeriesFailed(StreamerError):
    """A series could not be read. The message has the reason."""


class InvalidEnvironment(StreamerError):
    """A variable of the environment is invalid. The message has its name, its value and the remedy."""


class ConnectionFailed(Exception):
    """A connection failed or ended. `reason`: one sentence without a full stop."""

    def __init__(self, reason: str, *, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        """Number of seconds that the server requests; None: the client decides."""


def of_error(
    error: httpx.RequestError, url: httpx.URL, *, opened: bool, watchdog: float, proxy: str | None = None
) -> ConnectionFailed | NotAStream:
    """Converts a transport error of httpx. `opened`: whether an earlier connection to this URL succeeded. `proxy`: the
    name of the proxy to which the client connects, if there is one."""
    host = authority(url)
    peer = proxy or host
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NotAStream(
                f"the certificate of {host} is not trusted: {one_line(cause.verify_message)};"
                f" {trusted_certificates() or 'name the file of your certificates by SSL_CERT_FILE'}"
            )
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, _CUT) and not opened:
            return NotAStream(f"TLS with {host} failed ({one_line(cause.reason)}); try http://")
    match error:
        case httpx.LocalProtocolError():
            return NotAStream(f"the request is invalid ({one_line(error)}); check the headers and the event id")
        case httpx.ConnectTimeout():
            return ConnectionFailed(f"{peer} does not respond")
        case httpx.ConnectError():
            return ConnectionFailed(f"{peer} cannot be reached: {_why(error)}")
        case httpx.ReadTimeout():
            return ConnectionFailed(f"no data for {watchdog:g} s")
        case httpx.ProxyError():
            return ConnectionFailed(f"{proxy or 'the proxy'} refused the request: {one_line(error)}")
        case httpx.RemoteProtocolError() if not opened:
            return ConnectionFailed(f"{host} did not send an HTTP response: {one_line(error)}")
    return ConnectionFailed("the connection was lost")


def authority(url: httpx.URL) -> str:
    """Returns host and port of a URL, without user and password."""
    return url.netloc.decode("ascii", "replace").rpartition("@")[2]


def without_user(text: str) -> str:
    """Returns text that may be a URL without what may be its user and password."""
    return re.sub(r"^(.*?://)?.*@", r"\1", text, flags=re.DOTALL)


def one_line(value: object, limit: int = 300) -> str:
    """Returns untrusted text for an error message: printable, of limited length, without a full stop."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(value))
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= limit else f"{text[:limit]}…"


def trusted_certificates() -> str | None:
    """Returns the variable that names the trusted certificates, with its value; None if there is none."""
    found = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), None)
    return None if found is None else f"{found}={one_line(os.environ[found])}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields an error and its causes, outermost first."""
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
            return "unknown host"
        if isinstance(cause, ssl.SSLError):  # its `errno` is not one of the system
            return "the TLS handshake was cut" if isinstance(cause, _CUT) else f"TLS failed ({one_line(cause.reason)})"
        if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
            return "connection refused"
        if isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno)
    return one_line(error)
