"""The embedded AWS: moto in a child process, on a free port of loopback."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self
from urllib.request import ProxyHandler, build_opener

from streamer.local.child import Child, ChildListener
from streamer.local.ports import LOOPBACK, listener

_READY_TIMEOUT: Final = 30.0
_STOP_TIMEOUT: Final = 1.0


class EmbeddedAwsError(Exception):
    """moto did not start. The message has the last lines of its output."""


class EmbeddedAws:
    """`with EmbeddedAws() as aws:` starts moto, waits until it responds, and stops it at the end of the block."""

    endpoint_url: str
    """http://127.0.0.1:PORT for all services; set by `start`."""
    child: Child

    def __init__(self, *, listener: ChildListener | None = None) -> None:
        self._listener = listener

    def start(self) -> None:
        """Starts moto without waiting. Earlier requests wait in the listen backlog until moto has loaded."""
        with listener() as sock:
            self.endpoint_url = f"http://{LOOPBACK}:{sock.getsockname()[1]}"
            self.child = Child("aws", "--fd", str(sock.fileno()), listener=self._listener, pass_fd=sock.fileno())
            self.child.begin()
        # This process has closed its copy of the socket, so that pending requests fail at once if moto dies.

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
