"""The embedded AWS: moto in a child process, on loopback and a free port."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self
from urllib.request import ProxyHandler, build_opener

from streamer.local.child import Child, ChildListener
from streamer.local.ports import LOOPBACK, listener

_READY_TIMEOUT: Final = 30.0
_STOP_TIMEOUT: Final = 1.0


class EmbeddedAwsError(Exception):
    """moto did not start; the message holds the last lines that it wrote."""


class EmbeddedAws:
    """`with EmbeddedAws() as aws:` starts moto, waits until it answers, and ends it. Its state ends with it."""

    endpoint_url: str
    """http://127.0.0.1:PORT, for every service; known once started."""
    child: Child

    def __init__(self, *, listener: ChildListener | None = None) -> None:
        self._listener = listener

    def start(self) -> None:
        """Starts moto and does not wait: a request made before it has loaded waits to be accepted."""
        with listener() as sock:
            self.endpoint_url = f"http://{LOOPBACK}:{sock.getsockname()[1]}"
            self.child = Child("aws", "--fd", str(sock.fileno()), listener=self._listener, pass_fd=sock.fileno())
            self.child.begin()
        # Our end of the socket is closed: if moto dies now, a pending request fails at once.

    def __enter__(self) -> Self:
        """Raises EmbeddedAwsError."""
        self.start()
        try:
            opener = build_opener(ProxyHandler({}))
            with opener.open(f"{self.endpoint_url}/moto-api/data.json", timeout=_READY_TIMEOUT) as response:
                response.read()
        except OSError as error:
            self.child.stop(_STOP_TIMEOUT)
            last = "\n".join(self.child.last_lines)
            raise EmbeddedAwsError(f"moto did not start: {error}\n{last}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.child.stop(_STOP_TIMEOUT)
