"""Checks that the installed uvicorn has the undocumented attributes that this package uses."""

from __future__ import annotations

import re
from types import CodeType
from typing import Any, Final

import uvicorn
from uvicorn.server import ServerState

from streamer.errors import StreamerError

OLDEST: Final = (0, 46)
NEWEST: Final = (0, 54)
"""The tested versions, as in pyproject.toml."""

_USED: Final[dict[Any, tuple[str, ...]]] = {
    uvicorn.Config.load: ("loaded_app",),
    ServerState.__init__: ("connections", "default_headers", "tasks"),
    uvicorn.Server.startup: ("http_protocol_class",),
    uvicorn.Server.shutdown: ("connections", "shutdown"),
}
"""Undocumented names, by the function of uvicorn that sets or calls them. uvicorn calls the protocol class with
`config`, `server_state`, `app_state` and `_loop`."""


def check() -> None:
    """Raises StreamerError for an unsupported uvicorn version."""
    version = re.match(r"(\d+)\.(\d+)", uvicorn.__version__)
    known = version is not None and OLDEST <= (int(version[1]), int(version[2])) <= NEWEST
    missing = [name for place, names in _USED.items() for name in names if not _mentions(place.__code__, name)]
    if not known or missing:
        least, most = (".".join(map(str, bound)) for bound in (OLDEST, (NEWEST[0], NEWEST[1] + 1)))
        raise StreamerError(
            f"uvicorn {uvicorn.__version__} is not supported; install a supported version:"
            f" pip install 'uvicorn>={least},<{most}'"
        )


def _mentions(code: CodeType, name: str) -> bool:
    return name in code.co_names or any(isinstance(one, CodeType) and _mentions(one, name) for one in code.co_consts)
