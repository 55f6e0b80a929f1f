"""What the environment says about a connection: its proxy, and the certificates that are trusted.

httpx reads the same variables, but for all URLs at once. An entry that it cannot read, such as an IPv6 network in
NO_PROXY, would fail every request, with an error that does not name the variable.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.request import getproxies

import httpx

from streamer.client.address import names_server
from streamer.client.errors import InvalidEnvironment, authority, one_line, trusted_certificates, without_user

_SCHEMES: Final = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class EnvironmentProxy:
    """The proxy for one URL."""

    proxy: httpx.Proxy
    label: str
    """For messages: the proxy's address and the variable that names it, without a password."""


def open_client(
    url: httpx.URL, through: EnvironmentProxy | None, headers: httpx.Headers, timeout: httpx.Timeout
) -> httpx.AsyncClient:
    """Returns a client for requests to the origin of `url`, `through` its proxy. Raises InvalidEnvironment."""
    proxy = None if through is None else through.proxy
    context = _trusted(url, proxy)
    if proxy is not None and proxy.url.scheme == "https":
        proxy.ssl_context = context
    try:
        return httpx.AsyncClient(headers=headers, timeout=timeout, verify=context, proxy=proxy, trust_env=False)
    except ImportError:  # only for a SOCKS proxy
        label = "" if through is None else through.label
        raise InvalidEnvironment(f"{label} needs the package socksio: pip install 'httpx[socks]'") from None


def find_proxy(url: httpx.URL) -> EnvironmentProxy | None:
    """Returns the proxy for requests to `url`: of HTTP_PROXY or HTTPS_PROXY, else of ALL_PROXY (also in lower case, or
    of the system's settings), unless NO_PROXY names the host or the host is loopback.

    Raises InvalidEnvironment if that proxy's address is invalid. Entries of NO_PROXY that cannot be read are ignored.
    """
    proxies = getproxies()
    for kind in (url.scheme, "all"):
        if proxies.get(kind, "").strip() and not is_loopback(url.host) and not is_excluded(url, proxies.get("no", "")):
            return _read_proxy(kind, proxies[kind].strip())
    return None


def is_excluded(url: httpx.URL, no_proxy: str) -> bool:
    """Returns whether NO_PROXY names the host of `url`: `*`, a host or domain (with its subdomains), an address, or a
    network; each optionally with a scheme and a port."""
    return any(_names(entry.strip().lower(), url) for entry in no_proxy.split(","))


def is_loopback(host: str) -> bool:
    """Returns whether a host name or address is this machine. For a proxy, loopback is another machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _names(entry: str, url: httpx.URL) -> bool:
    if entry == "*":
        return True
    scheme, separator, rest = entry.rpartition("://")
    if separator and scheme not in (url.scheme, "all"):
        return False
    host, port = rest, ""
    if with_port := re.fullmatch(r"(\[.*\]|[^:]*):(\d+)", rest):
        host, port = with_port[1], with_port[2]
    host = host.removeprefix("[").removesuffix("]")
    if not host or (port and int(port[:6]) != (url.port or {"http": 80, "https": 443}.get(url.scheme))):
        return False
    try:
        address = ip_address(url.host)
    except ValueError:
        domain = host.removeprefix("*").removeprefix(".")
        return bool(domain) and (url.host == domain or url.host.endswith(f".{domain}"))
    try:
        return address in ip_network(host, strict=False)
    except ValueError:
        return False


def _read_proxy(kind: str, text: str) -> EnvironmentProxy:
    name = _variable(f"{kind}_proxy", os.environ)
    proxy: httpx.Proxy | None = None
    with suppress(ValueError, httpx.InvalidURL):
        proxy = httpx.Proxy(text if "://" in text else f"http://{text}")
    if proxy is None or not names_server(proxy.url):
        shown = f"{name}={one_line(without_user(text))}"
        schemes = ", ".join(f"{scheme}://" for scheme in _SCHEMES)
        raise InvalidEnvironment(f"{shown} is not the address of a proxy; give HOST:PORT after {schemes}")
    return EnvironmentProxy(proxy, f"the proxy {authority(proxy.url)} ({name})")


def _trusted(url: httpx.URL, proxy: httpx.Proxy | None) -> ssl.SSLContext:
    """Returns the context of SSL_CERT_FILE, else of SSL_CERT_DIR, else of certifi."""
    if "https" not in (url.scheme, None if proxy is None else proxy.url.scheme):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # unused; reading certifi's certificates takes 20 ms
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        source, reason = trusted_certificates() or "certifi", one_line(error.strerror or error)
        raise InvalidEnvironment(f"{source} cannot be read: {reason}; give a file of certificates (PEM)") from None


def _variable(name: str, environment: Mapping[str, str]) -> str:
    """Returns the variable as it is written: urllib reads both cases, and prefers lower case."""
    upper = name.upper()
    return name if environment.get(name) else upper if environment.get(upper) else f"the system's {upper}"
