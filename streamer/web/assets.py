"""Static files. Each file is read, compressed and hashed once, at its first request."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import threading
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_CONTENT_HEADERS: Final = ("Content-Type", "Content-Encoding")


class _Representation(NamedTuple):
    """The file in one content coding."""

    content: bytes
    headers: Mapping[str, str]


class Asset:
    """One file."""

    def __init__(self, read: Callable[[], bytes], media_type: str, headers: Mapping[str, str]) -> None:
        """`read` may block: it is called once, in a thread."""
        self._read = read
        self._headers = {**headers, "Content-Type": media_type, "Vary": "Accept-Encoding"}
        self._representations: tuple[_Representation, _Representation] | None = None
        """Plain, and with gzip; the same if gzip saves less than 10 %."""
        self._loading = threading.Lock()

    async def answer(self, request: Request) -> Response:
        """Responds to GET and HEAD: 304 if the client has the file; gzip if the client accepts it."""
        loaded = self._representations
        if loaded is None:
            loaded = await asyncio.to_thread(self._load)
        plain, compressed = loaded
        chosen = compressed if _accepts_gzip(request.headers.get("accept-encoding", "")) else plain
        if _matches(request.headers.get("if-none-match", ""), chosen.headers["ETag"]):
            kept = {name: value for name, value in chosen.headers.items() if name not in _CONTENT_HEADERS}
            return Response(status_code=304, headers=kept)
        return Response(chosen.content, headers=chosen.headers)

    def _load(self) -> tuple[_Representation, _Representation]:
        with self._loading:
            if self._representations is None:
                content = self._read()
                digest = hashlib.sha256(content).hexdigest()[:32]
                plain = compressed = _Representation(content, {**self._headers, "ETag": f'"{digest}"'})
                packed = gzip.compress(content, 9, mtime=0)
                if len(packed) < len(content) * 0.9:
                    gzip_headers = {"ETag": f'"{digest}-gzip"', "Content-Encoding": "gzip"}
                    compressed = _Representation(packed, {**self._headers, **gzip_headers})
                self._representations = plain, compressed
            return self._representations


class Assets:
    """A folder of files. The path parameter `name` selects the file."""

    def __init__(self, served: Mapping[str, Asset]) -> None:
        self._served = served

    async def answer(self, request: Request) -> Response:
        """Responds to GET and HEAD. Raises HTTPException (404)."""
        asset = self._served.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        return await asset.answer(request)


def _accepts_gzip(accepted: str) -> bool:
    """Parses Accept-Encoding (RFC 9110, section 12.5.3). An empty value does not accept gzip."""
    weights: dict[str, float] = {}
    for entry in accepted.lower().split(","):
        coding, _, parameter = entry.partition(";")
        name, _, value = parameter.partition("=")
        try:
            weights[coding.strip()] = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _matches(condition: str, etag: str) -> bool:
    """Evaluates If-None-Match by weak comparison (RFC 9110, section 13.1.2)."""
    return condition.strip() == "*" or etag in [entry.strip().removeprefix("W/") for entry in condition.split(",")]
