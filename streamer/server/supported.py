"""The supported uvicorn versions. `server` uses undocumented attributes of uvicorn, so each minor version is tested:

`loaded_app` of Config; `connections`, `default_headers`, `tasks` of ServerState; `Server.shutdown` calls `shutdown` of
each connection; the protocol class is called with `config`, `server_state`, `app_state` and `_loop`.
"""

from __future__ import annotations

import re
from typing import Final

import uvicorn

from streamer.errors import StreamerError

OLDEST: Final = (0, 46)
NEWEST: Final = (0, 54)
"""The tested versions, as in pyproject.toml."""


def check() -> None:
    """Raises StreamerError for an unsupported uvicorn version."""
    version = re.match(r"(\d+)\.(\d+)", uvicorn.__version__)
    known = version is not None and OLDEST <= (int(version[1]), int(version[2])) <= NEWEST
    if not known:
        least, most = (".".join(map(str, bound)) for bound in (OLDEST, (NEWEST[0], NEWEST[1] + 1)))
        raise StreamerError(
            f"uvicorn {uvicorn.__version__} is not supported; install a supported version:"
            f" pip install 'uvicorn>={least},<{most}'"
        )
