"""Files that never change while the process runs. Each is read, compressed and hashed once, at its first request."""

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

_OF_CONTENT: Final = ("Content-Type", "Content-Encoding")


@dataclass(frozen=True, slots=True)
class _Form:
    """The bytes of one content coding."""

    content: bytes
    headers: Mapping[str, str]

    @property
    def etag(self) -> str:
        return self.headers["ETag"]


@dataclass(frozen=True, slots=True)
class _Forms:
    plain: _Form
    compressed: _Form | None
    """None: compression does not make it smaller."""


class Asset:
    """One file."""

    def __init__(self, read: Callable[[], bytes], media_type: str, headers: Mapping[str, str]) -> None:
        """`read` may block: it is called once, in a thread."""
        self._read = read
        self._headers = {**headers, "Content-Type": media_type, "Vary": "Accept-Encoding"}
        self._forms: _Forms | None = None
        self._making = threading.Lock()

    async def answer(self, request: Request) -> Response:
        """Answers GET and HEAD: 304 if the client has it, compressed if the client accepts gzip."""
        forms = self._forms if self._forms is not None else await asyncio.to_thread(self._make)
        form = forms.plain
        if forms.compressed is not None and _takes_gzip(request.headers.get("accept-encoding", "")):
            form = forms.compressed
        if _names(request.headers.get("if-none-match", ""), form.etag):
            kept = {name: value for name, value in form.headers.items() if name not in _OF_CONTENT}
            return Response(status_code=304, headers=kept)
        return Response(form.content, headers=form.headers)

    def _make(self) -> _Forms:
        with self._making:
            forms = self._forms
            if forms is None:
                content = self._read()
                name = hashlib.sha256(content).hexdigest()[:32]
                plain = _Form(content, {**self._headers, "ETag": f'"{name}"'})
                packed = gzip.compress(content, 9, mtime=0)
                compressed = None
                if len(packed) < len(content) * 0.9:
                    named = {"ETag": f'"{name}-gzip"', "Content-Encoding": "gzip"}
                    compressed = _Form(packed, {**self._headers, **named})
                forms = self._forms = _Forms(plain, compressed)
            return forms


class Assets:
    """Files by the path's parameter `name`."""

    def __init__(self, served: Mapping[str, Asset]) -> None:
        self._served = served

    async def answer(self, request: Request) -> Response:
        """Answers GET and HEAD."""
        asset = self._served.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        return await asset.answer(request)


def _takes_gzip(accepted: str) -> bool:
    """RFC 9110, section 12.5.3; without the header gzip is not accepted."""
    weights: dict[str, float] = {}
    for entry in accepted.lower().split(","):
        coding, _, parameter = entry.partition(";")
        name, _, value = parameter.partition("=")
        try:
            weights[coding.strip()] = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _names(condition: str, etag: str) -> bool:
    """RFC 9110, section 13.1.2: by weak comparison."""
    return condition.strip() == "*" or etag in [entry.strip().removeprefix("W/") for entry in condition.split(",")]
