"""Identifies the user and the client address of a request.

`X-User-ID` is accepted

- with a gateway secret: only if the request has the secret in `X-Gateway-Secret`, from any peer;
- without a gateway secret: only if the peer is in the trusted networks.

From forwarding networks (a load balancer that passes on headers from the internet) only `X-Forwarded-For` is accepted.
The peer is that of the socket; uvicorn does not rewrite it, because its `proxy_headers` are off.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol

from starlette.requests import HTTPConnection

from streamer.aws.secrets import Secrets
from streamer.errors import RequestError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# No commas: a proxy may join repeated headers with a comma (RFC 9110, section 5.3), which must not yield another user.
_USER = re.compile(rb"[!-+\--~](?:[ -+\--~]{0,126}[!-+\--~])?")
_PORT = re.compile(r"(?P<v4>[0-9.]+)(?::[0-9]{1,5})?|\[(?P<v6>[0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")


class CallerIdentity(Protocol):
    """Identifies callers; never blocks."""

    def user(self, request: HTTPConnection) -> str:
        """Returns the user's id. Raises RequestError (401) if no trusted source gives one."""

    def address(self, request: HTTPConnection) -> str | None:
        """Returns the key by which anonymous streams are limited; None if the client's address is unknown."""


class GatewaySecret:
    """Checks whether a request has the gateway's secret."""

    def __init__(self, secrets: Secrets | None) -> None:
        self._secrets = secrets or None

    def __bool__(self) -> bool:
        """Whether a secret is configured."""
        return self._secrets is not None

    def authenticates(self, request: HTTPConnection) -> bool:
        """Whether the request has a valid secret. Never blocks."""
        given = header_values(request, b"x-gateway-secret")
        if self._secrets is None or len(given) != 1 or not given[0]:
            return False
        return is_one_of(given[0], self._secrets)


class Identity:
    """Identifies callers of a container. Never blocks, logs nothing, raises only RequestError."""

    def __init__(
        self,
        proxies: Sequence[Network] = (),
        gateway: Secrets | None = None,
        *,
        forwarders: Sequence[Network] = (),
    ) -> None:
        """`proxies` may set users and addresses, `forwarders` only addresses."""
        self._proxies = tuple(proxies)
        self._forwarders = (*proxies, *forwarders)
        self._gateway = GatewaySecret(gateway)

    def user(self, request: HTTPConnection) -> str:
        """Returns the user's id: 1 to 128 characters of printable ASCII. Raises RequestError (401)."""
        user = user_header(request) if self._is_trusted(request) else None
        if user is None:
            raise unidentified()
        return user

    def address(self, request: HTTPConnection) -> str | None:
        """Returns the client's address, for limits only: an IPv4 address, or the /64 network of an IPv6 address.

        Behind a forwarding proxy it is the right-most entry of `X-Forwarded-For` that is not a proxy; the client may
        have written the entries to the left of it. None if only proxies are known, which have many clients.
        """
        peer = peer_address(request)
        if peer is None:
            return None
        if not self._forwards(peer):
            return None if self._gateway.authenticates(request) else client_key(peer)
        forwarded = b",".join(header_values(request, b"x-forwarded-for")).decode("latin-1").split(",")
        for entry in reversed([part.strip() for part in forwarded]):
            if not entry:
                continue
            hop = _forwarded(entry)
            if hop is None:
                return None  # the entries to the left are not trustworthy
            if not self._forwards(hop):
                return client_key(hop)
        return None

    def _is_trusted(self, request: HTTPConnection) -> bool:
        """Whether the request may set `X-User-ID`."""
        if self._gateway:
            return self._gateway.authenticates(request)
        peer = peer_address(request)
        return peer is not None and any(peer in network for network in self._proxies)

    def _forwards(self, address: Address) -> bool:
        return any(address in network for network in self._forwarders)


def unidentified() -> RequestError:
    """Returns the same 401 for every reason."""
    return RequestError(401, "Missing user identification")


def user_header(request: HTTPConnection) -> str | None:
    """Returns the value of `X-User-ID`; None if it is missing, repeated or malformed."""
    given = header_values(request, b"x-user-id")
    return given[0].decode("ascii") if len(given) == 1 and _USER.fullmatch(given[0]) else None


def header_values(request: HTTPConnection, name: bytes) -> list[bytes]:
    """Returns all values of a header. `name`: in lower case."""
    return [value for key, value in request.scope["headers"] if key == name]


def is_one_of(given: bytes, secrets: Secrets) -> bool:
    """Whether a value is a valid secret. If not, the secrets are read again in the background."""
    digest = hashlib.sha256(given).digest()
    # Compares all secrets, so that the time does not depend on the match, and digests, which have equal lengths.
    matches = [hmac.compare_digest(hashlib.sha256(value).digest(), digest) for value in secrets.values()]
    if not any(matches):
        secrets.doubt()
    return any(matches)


def peer_address(request: HTTPConnection) -> Address | None:
    """Returns the address of the socket's peer; None if it is unknown."""
    client = request.scope.get("client")
    return read_address(client[0].partition("%")[0]) if client and isinstance(client[0], str) else None


def _forwarded(entry: str) -> Address | None:
    """Parses an entry of X-Forwarded-For: an address, optionally with a port, or in brackets."""
    match = _PORT.fullmatch(entry)
    return read_address((match["v4"] or match["v6"]) if match else entry)


def read_address(text: object) -> Address | None:
    """Parses an IP address; an IPv4-mapped IPv6 address becomes IPv4. None if it is malformed, or has a zone."""
    if not isinstance(text, str) or "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def client_key(address: Address) -> str:
    """Returns the text of an IPv4 address, or of the /64 network of an IPv6 address, which one client has at least."""
    return str(address if address.version == 4 else ip_network((address, 64), strict=False))
