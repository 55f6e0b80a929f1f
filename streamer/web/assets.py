"""Static files. Each file is read, compressed and hashed once, at its first request."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_CONTENT_HEADERS: Final = ("Content-Type", "Content-Encoding")


@dataclass(frozen=True, slots=True)
class _Representation:
    """The file in one content coding."""

    content: bytes
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        return self.headers["ETag"]


@dataclass(frozen=True, slots=True)
class _Representations:
    plain: _Representation
    compressed: _Representation | None
    """None if compression saves less than 10 %."""


class Asset:
    """One file."""

    def __init__(self, read: Callable[[], bytes], media_type: str, headers: Mapping[str, str]) -> None:
        """`read` may block: it is called once, in a thread."""
        self._read = read
        self._headers = {**headers, "Content-Type": media_type, "Vary": "Accept-Encoding"}
        self._representations: _Representations | None = None
        self._loading = threading.Lock()

    async def answer(self, request: Request) -> Response:
        """Responds to GET and HEAD: 304 if the client has the file; gzip if the client accepts it."""
        found = self._representations if self._representations is not None else await asyncio.to_thread(self._load)
        chosen = found.plain
        if found.compressed is not None and _accepts_gzip(request.headers.get("accept-encoding", "")):
            chosen = found.compressed
        if _matches(request.headers.get("if-none-match", ""), chosen.etag):
            kept = {name: value for name, value in chosen.headers.items() if name not in _CONTENT_HEADERS}
            return Response(status_code=304, headers=kept)
        return Response(chosen.content, headers=chosen.headers)

    def _load(self) -> _Representations:
        with self._loading:
            if self._representations is None:
                content = self._read()
                digest = hashlib.sha256(content).hexdigest()[:32]
                plain = _Representation(content, {**self._headers, "ETag": f'"{digest}"'})
                packed = gzip.compress(content, 9, mtime=0)
                compressed = None
                if len(packed) < len(content) * 0.9:
                    gzip_headers = {"ETag": f'"{digest}-gzip"', "Content-Encoding": "gzip"}
                    compressed = _Representation(packed, {**self._headers, **gzip_headers})
                self._representations = _Representations(plain, compressed)
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
