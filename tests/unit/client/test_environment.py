"""Proxies and certificates of the environment: heeded, left out, or named in one sentence."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httpx
import pytest

from streamer.client import NotAStream, Reconnect, SeriesFailed, Stream, Unreachable, read_series
from streamer.client.environment import find_proxy, is_excluded
from streamer.client.errors import InvalidEnvironment
from tests.unit.client.certificates import self_signed
from tests.unit.client.following import Waits
from tests.unit.client.scripted import OK, Visit, answer, serving

HEARTBEAT = b"event: heartbeat\ndata: {}\n\n"
AWAY = "http://stream.example.invalid/"


@pytest.fixture(autouse=True)
def no_certificates_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", "http://any.example/"),
        ("a.example, *, b.example", "http://any.example/"),
        ("example.com", "https://example.com/"),
        ("example.com", "https://www.example.com/"),
        (".example.com", "https://www.example.com/"),
        ("*.example.com", "https://www.example.com/"),
        ("EXAMPLE.com", "https://Example.COM/"),
        ("example.com:8443", "https://example.com:8443/"),
        ("example.com:443", "https://example.com/"),
        ("https://example.com", "https://example.com/"),
        ("all://example.com", "https://example.com/"),
        ("10.1.2.3", "http://10.1.2.3/"),
        ("10.0.0.0/8", "http://10.1.2.3:8080/"),
        ("10.1.2.3/8", "http://10.200.0.1/"),
        ("fd00::/8", "http://[fd00::1]:8080/"),
        ("[fd00::1]", "http://[fd00::1]/"),
        ("[fd00::1]:8080", "http://[fd00::1]:8080/"),
        ("fd00::1", "http://[fd00::1]/"),
        ("[::1]:x,%%%,http://,a b,10.0.0.0/99,:80,[,example.com", "http://example.com/"),
    ],
)
def test_no_proxy_names_a_host(no_proxy: str, url: str) -> None:
    assert is_excluded(httpx.URL(url), no_proxy)


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("", "http://example.com/"),
        (" , ,", "http://example.com/"),
        ("example.com", "http://notexample.com/"),
        ("example.com", "http://example.com.evil/"),
        ("http://example.com", "https://example.com/"),
        ("example.com:80", "http://example.com:8080/"),
        ("10.0.0.0/8", "http://11.0.0.1/"),
        ("10.0.0.0/8", "http://[fd00::1]/"),
        ("10.0.0.0/99", "http://10.0.0.1/"),
        (".", "http://example.com/"),
        ("[::1", "http://example.com/"),
        ("::ffff:99999", "http://[fd00::1]/"),
        ("example.com:" + "9" * 5_000, "http://example.com/"),
    ],
)
def test_no_proxy_names_no_other_host(no_proxy: str, url: str) -> None:
    assert not is_excluded(httpx.URL(url), no_proxy)


def label(monkeypatch: pytest.MonkeyPatch, url: str, **environment: str) -> str | None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = find_proxy(httpx.URL(url))
    return None if found is None else found.label


def test_the_variable_of_the_scheme_comes_before_all_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"HTTPS_PROXY": "secure:1", "ALL_PROXY": "http://any:2"}
    assert label(monkeypatch, "https://a.example/", **environment) == "the proxy secure:1 (HTTPS_PROXY)"
    assert label(monkeypatch, "http://a.example/") == "the proxy any:2 (ALL_PROXY)"
    assert label(monkeypatch, "http://127.0.0.1/") is None
    assert label(monkeypatch, "http://a.example/", no_proxy="fe80::/10,a.example") is None


@pytest.mark.parametrize(
    "value",
    [
        "socks://127.0.0.1:9", "socks4://host", "http://host:port", "http://", "http://[::1", "ftp://host",
        "http://host:65536", "host:-1", "http://xn--:1",
    ],
)  # fmt: skip
async def test_a_proxy_that_is_none_is_one_sentence_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(NotAStream) as raised:
        await Stream(AWAY).first(1)
    assert str(raised.value).startswith(
        f"ALL_PROXY={value} is not the address of a proxy; give HOST:PORT after http://"
    )
    with pytest.raises(SeriesFailed, match=r"^ALL_PROXY="):
        await read_series(AWAY, ["AAPL"])


@pytest.mark.parametrize("user", ["user:secret", "user:s@ecret", "http://user:s@ecret", "http://user:s/ecret"])
def test_the_password_of_a_proxy_that_is_none_is_not_shown(monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{user}@host:port")
    with pytest.raises(InvalidEnvironment, match=r"^ALL_PROXY=(http://)?host:port is not the address"):
        find_proxy(httpx.URL(AWAY))


def test_a_blank_proxy_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", " ")
    assert find_proxy(httpx.URL(AWAY)) is None


@pytest.mark.parametrize(
    "no_proxy", ["::1", "[::1]", "fe80::/10", "10.0.0.0/8,[fd00::]/8", "a b", "http://[", "x:y:z", "%"]
)
async def test_what_is_unreadable_in_no_proxy_is_left_out(monkeypatch: pytest.MonkeyPatch, no_proxy: str) -> None:
    """httpx raises for some of these before it sends anything."""
    monkeypatch.setenv("NO_PROXY", no_proxy)
    async with serving(answer("502 Bad Gateway")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/api/v2/stream"))
        with pytest.raises(Unreachable, match="answered 502"):
            await Stream(AWAY).first(1)
    assert proxy.visits[0].path == "http://stream.example.invalid/api/v2/stream"


async def test_a_stream_comes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(OK + HEARTBEAT) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/api/v2/stream"))
        (event,) = await Stream(AWAY).first(1)
    assert event.name == "heartbeat"


async def test_a_variable_that_is_not_for_this_url_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://")
    monkeypatch.setenv("ALL_PROXY", "socks4://x")
    async with serving(OK + HEARTBEAT) as server:
        await Stream(server.url).first(1)


async def test_a_series_names_the_proxy_that_is_not_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(OK) as gone:
        pass
    monkeypatch.setenv("HTTP_PROXY", gone.url.removesuffix("/api/v2/stream"))
    with pytest.raises(SeriesFailed, match=r"^the proxy 127\.0\.0\.1:\d+ \(HTTP_PROXY\) cannot be reached:"):
        await read_series(AWAY, ["AAPL"])


async def test_a_proxy_that_is_not_there_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(OK) as gone:
        pass
    place = gone.url.split("/")[2]
    monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@{place}")
    with pytest.raises(Unreachable) as raised:
        await Stream(AWAY).first(1)
    assert str(raised.value) == f"the proxy {place} (HTTP_PROXY) cannot be reached: connection refused"


def test_no_password_of_a_proxy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks4://me:secret@host")
    with pytest.raises(InvalidEnvironment) as raised:
        find_proxy(httpx.URL(AWAY))
    assert "secret" not in str(raised.value)


async def test_socks_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", "socks5://host:1080")
    with pytest.raises(NotAStream) as raised:
        await Stream(AWAY).first(1)
    assert str(raised.value) == (
        "the proxy host:1080 (ALL_PROXY) needs the package socksio: pip install 'httpx[socks]'"
    )


async def test_ssl_cert_file_is_trusted_on_this_machine_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def series(visit: Visit) -> None:
        body = b'{"since":"2026-11-22T14:00:00.000Z","series":[],"cursor":null}'
        await visit.send(answer("200 OK", body, content_type="application/json"))

    tls = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    async with serving(OK + HEARTBEAT, series, tls=tls) as server:
        await Stream(server.url).first(1)
        await read_series(server.url, ["AAPL"])


async def test_ssl_cert_dir_is_heeded_and_named_if_it_does_not_help(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    async with serving(OK, tls=self_signed(tmp_path)) as server:
        with pytest.raises(NotAStream, match=r"is not trusted: self-signed certificate; SSL_CERT_DIR=/nowhere$"):
            await Stream(server.url).first(1)


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file or directory"), (b"no certificate", "")])
async def test_certificates_that_cannot_be_read_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(NotAStream) as raised:
        await Stream("https://127.0.0.1:9/").first(1)
    assert str(raised.value).startswith(f"SSL_CERT_FILE={file} cannot be read: {reason}")
    assert str(raised.value).endswith("give a file of certificates (PEM)")
    waits = Waits()
    async with serving(OK + HEARTBEAT) as server, asyncio.timeout(60):
        await Stream(server.url, reconnect=Reconnect(sleep=waits)).first(1)  # http needs no certificates
