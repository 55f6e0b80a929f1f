"""HTTP/1.1 connections that are kept open, by the standard library. Errors are botocore's.

Without proxies and client certificates: `LeanClient` leaves such configurations to boto3.
"""

from __future__ import annotations

import ssl
import weakref
from collections import deque
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from typing import Final, NamedTuple
from urllib.parse import SplitResult

_MOST_IDLE: Final = 16


class HttpReply(NamedTuple):
    """A complete response."""

    status: int
    headers: HTTPMessage
    body: bytes


class Connections:
    """Sends requests to one origin. Its methods block, and may be called by several threads."""

    def __init__(self, connect_timeout: float, read_timeout: float, ca_file: str) -> None:
        """The timeouts are seconds; `read_timeout` applies to each read. `ca_file` has the trusted certificates."""
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None
        self._idle: deque[HTTPConnection] = deque(maxlen=_MOST_IDLE)
        weakref.finalize(self, _close, self._idle)

    def post(self, url: SplitResult, headers: dict[str, str], body: bytes) -> HttpReply:
        """Sends a request once. Raises botocore's errors of connections."""
        from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

        connection = self._reuse() or self._connect(url)
        try:
            connection.request("POST", url.path or "/", body, headers)
            response = connection.getresponse()
            reply = HttpReply(response.status, response.headers, response.read())
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(endpoint_url=url.geturl(), error=error) from error
        except (HTTPException, OSError) as error:
            connection.close()
            raise ConnectionClosedError(endpoint_url=url.geturl(), error=error) from error
        except BaseException:
            connection.close()
            raise
        if response.will_close or len(self._idle) >= _MOST_IDLE:
            connection.close()
        else:
            self._idle.append(connection)
        return reply

    def close(self) -> None:
        """Closes the idle connections. A call in progress continues."""
        _close(self._idle)

    def _reuse(self) -> HTTPConnection | None:
        """Returns an idle connection that the server has not closed."""
        from urllib3.util.wait import wait_for_read

        while (connection := _pop(self._idle)) is not None:
            if connection.sock is not None and not wait_for_read(connection.sock, timeout=0):
                return connection
            connection.close()
        return None

    def _connect(self, url: SplitResult) -> HTTPConnection:
        from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, SSLError

        connection: HTTPConnection | None = None
        try:
            connection = self._new(url)
            connection.connect()
            connection.sock.settimeout(self._read_timeout)
        except OSError as error:
            if connection is not None:
                connection.close()
            if isinstance(error, TimeoutError):
                raise ConnectTimeoutError(endpoint_url=url.geturl(), error=error) from error
            if isinstance(error, ssl.SSLError):
                raise SSLError(endpoint_url=url.geturl(), error=error) from error
            raise EndpointConnectionError(endpoint_url=url.geturl(), error=error) from error
        return connection

    def _new(self, url: SplitResult) -> HTTPConnection:
        host, timeout = url.hostname or "", self._connect_timeout
        if url.scheme != "https":
            return HTTPConnection(host, url.port, timeout=timeout)
        if self._context is None:
            self._context = _context(self._ca_file)
        return HTTPSConnection(host, url.port, timeout=timeout, context=self._context)


def _pop(idle: deque[HTTPConnection]) -> HTTPConnection | None:
    try:
        return idle.pop()  # the newest, so that the others can time out at the server
    except IndexError:
        return None


def _close(idle: deque[HTTPConnection]) -> None:
    while (connection := _pop(idle)) is not None:
        connection.close()


def _context(ca_file: str) -> ssl.SSLContext:
    """botocore's TLS settings, with the check of the host name that urllib3 makes for botocore."""
    from botocore.httpsession import create_urllib3_context

    context: ssl.SSLContext = create_urllib3_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.load_verify_locations(cafile=ca_file)
    return context
