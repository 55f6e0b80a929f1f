from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from streamer.local.sign_in import COOKIE, SESSION, USERS, SignIn

Client = Callable[[], httpx.AsyncClient]


async def service(scope: Scope, receive: Receive, send: Send) -> None:
    """Says whom it takes the caller for."""
    await PlainTextResponse(",".join(Request(scope).headers.getlist("x-user-id")))(scope, receive, send)


def client(**options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(SignIn(service)), base_url="http://here", **options)


async def test_who_signs_in_is_that_user_until_they_sign_out() -> None:
    async with client() as http:
        assert (await http.get(SESSION)).json() == {"user": None, "users": USERS, "configurations": True}
        assert (await http.get("/api")).text == ""
        signed_in = await http.post(SESSION, json={"user": "ada"})
        assert signed_in.status_code == 204
        assert "HttpOnly" in signed_in.headers["set-cookie"]
        assert "SameSite=strict" in signed_in.headers["set-cookie"]
        answer = await http.get(SESSION)
        assert answer.json()["user"] == "ada"
        assert answer.headers["cache-control"] == "no-store"
        assert (await http.get("/api")).text == "ada"
        assert (await http.delete(SESSION)).status_code == 204
        assert (await http.get(SESSION)).json()["user"] is None
        assert (await http.get("/api")).text == ""


async def test_a_user_that_the_request_names_itself_goes_before_the_cookie() -> None:
    async with client(cookies={COOKIE: "ada"}, headers={"X-User-ID": "grace"}) as http:
        assert (await http.get("/api")).text == "grace"


@pytest.mark.parametrize(
    "cookie", [f"{COOKIE}=nobody", f"{COOKIE}=", f'{COOKIE}="\x7f', "=;;=", f"other=1; {COOKIE}x=ada"]
)
async def test_a_cookie_that_names_no_user_is_nobody(cookie: str) -> None:
    async with client(headers={"Cookie": cookie}) as http:
        assert (await http.get("/api")).text == ""
        assert (await http.get(SESSION)).json()["user"] is None


@pytest.mark.parametrize(
    ("body", "content_type", "status", "said"),
    [
        (b'{"user": "mallory"}', "application/json", 422, "user: give one of ada, grace, linus"),
        (b'{"user": ["ada"]}', "application/json", 422, "user: give one of"),
        (b'["ada"]', "application/json", 422, "user: give one of"),
        (b"{}", "application/json; charset=utf-8", 422, "user: give one of"),
        (b"{", "application/json", 422, "user: give one of"),
        (b"[" * 1_000, "application/json", 422, "user: give one of"),
        (b"\xff", "application/json", 422, "user: give one of"),
        (b'{"user": "ada"}', "text/plain", 415, "Content-Type: send application/json"),
        (b'{"user": "ada"}' + b" " * 1_000, "application/json", 413, "at most 1000 bytes"),
    ],
)
async def test_a_sign_in_that_cannot_be_read_is_explained_and_sets_no_cookie(
    body: bytes, content_type: str, status: int, said: str
) -> None:
    async with client() as http:
        answer = await http.post(SESSION, content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert said in answer.json()["detail"]
    assert "set-cookie" not in answer.headers


async def test_other_methods_are_named() -> None:
    async with client() as http:
        answer = await http.put(SESSION)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST, DELETE")
