from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection

from streamer.errors import RequestError
from streamer.web import session
from streamer.web.app import page_headers


class Known:
    """Takes everybody for one user, or for nobody."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def user(self, request: HTTPConnection) -> str:
        if self.name is None:
            raise RequestError(401, "Missing user identification")
        return self.name

    def address(self, request: HTTPConnection) -> None:
        """From nowhere."""


@pytest.mark.parametrize("user", ["ada", None])
@pytest.mark.parametrize("configurations", [True, False])
async def test_the_page_learns_who_looks_and_whether_they_may_have_lists(
    user: str | None, configurations: bool
) -> None:
    app = FastAPI()
    session.install(app, Known(user), configurations=configurations)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as http:
        answer = await http.get("/page/session.json")
    assert answer.json() == {"user": user, "users": [], "configurations": configurations}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("origins", "ancestors"),
    [
        ((), "'none'"),
        (("*",), "*"),
        (("https://a.example", "http://localhost:3000"), "https://a.example http://localhost:3000"),
    ],
)
def test_the_policy_of_the_page_says_who_may_embed_it(origins: tuple[str, ...], ancestors: str) -> None:
    policy = page_headers(origins)["Content-Security-Policy"]
    assert policy.endswith(f"; frame-ancestors {ancestors}")
    assert policy.startswith("default-src 'self'; ")
