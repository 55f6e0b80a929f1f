from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from streamer.web.assets import Asset, Assets

TEXT = b"some text, " * 1_000


def client(*assets: Asset) -> httpx.AsyncClient:
    by_name = Assets({str(number): asset for number, asset in enumerate(assets)})
    app = Starlette(routes=[Route("/{name}", by_name.answer)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")


def reading(content: bytes, reads: list[int]) -> Callable[[], bytes]:
    def read() -> bytes:
        reads.append(threading.get_ident())
        return content

    return read


async def test_a_file_is_read_once_by_a_thread_however_many_ask_at_once() -> None:
    reads: list[int] = []
    async with client(Asset(reading(TEXT, reads), "text/plain", {})) as http:
        got = await asyncio.gather(*(http.get("/0") for _ in range(30)))
    assert {answer.content for answer in got} == {TEXT}
    assert len(reads) == 1
    assert reads[0] != threading.get_ident()


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("GZIP;q=0.5", True),
        ("*", True),
        ("br;q=1.0, *;q=0.1", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("gzip;q=x", False),
        ("xgzip", False),
        ("", False),
    ],
)
async def test_it_is_compressed_for_who_takes_that(accepted: str, compressed: bool) -> None:
    async with (
        client(Asset(lambda: TEXT, "text/plain", {"A": "b"})) as http,
        http.stream("GET", "/0", headers={"Accept-Encoding": accepted}) as answer,
    ):
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == ("gzip" if compressed else None)
    assert (gzip.decompress(raw) if compressed else raw) == TEXT
    assert answer.headers["content-length"] == str(len(raw))
    assert (answer.headers["vary"], answer.headers["a"]) == ("Accept-Encoding", "b")


async def test_what_is_no_smaller_is_never_compressed() -> None:
    async with client(Asset(lambda: b"short", "image/png", {})) as http:
        assert "content-encoding" not in (await http.get("/0")).headers


async def test_who_has_it_is_told_so_by_each_form_s_own_name() -> None:
    async with client(Asset(lambda: TEXT, "text/plain", {"A": "b"}), Asset(lambda: TEXT[1:], "text/plain", {})) as http:
        names = [
            (await http.get(path, headers={"Accept-Encoding": coding})).headers["etag"]
            for path in ("/0", "/1")
            for coding in ("gzip", "identity")
        ]
        assert len(set(names)) == 4
        assert not any(name.startswith("W/") for name in names)
        for coding, name, other in (("gzip", names[0], names[1]), ("identity", names[1], names[0])):
            for condition in (name, f"W/{name}", f'"x", {name}', "*"):
                answer = await http.get("/0", headers={"Accept-Encoding": coding, "If-None-Match": condition})
                assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", name)
                assert answer.headers["vary"] == "Accept-Encoding"
                assert not {"content-type", "content-encoding", "content-length"} & set(answer.headers)
            answer = await http.get("/0", headers={"Accept-Encoding": coding, "If-None-Match": other})
            assert answer.status_code == 200


async def test_what_is_not_there_is_not_found() -> None:
    async with client() as http:
        assert (await http.get("/0")).status_code == 404
