"""Which user a request is from, and which address.

`X-User-ID` counts

- with a gateway secret: if the request carries it in `X-Gateway-Secret`, whatever its peer, and not otherwise;
- without one: if the socket's peer is in the trusted networks.

Networks that only forward (a load balancer that passes on what the internet sends) are believed in `X-Forwarded-For`,
never in `X-User-ID`. The peer is the socket's; the server does not rewrite it (uvicorn's `proxy_headers` are off).
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

# A comma may be what is left of a repeated header (RFC 9110, section 5.3): whoever joins them must not make a new name.
_USER = re.compile(rb"[!-+\--~](?:[ -+\--~]{0,126}[!-+\--~])?")
_PORT = re.compile(r"(?P<v4>[0-9.]+)(?::[0-9]{1,5})?|\[(?P<v6>[0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")


class CallerIdentity(Protocol):
    """Identifies callers; never blocks."""

    def user(self, request: HTTPConnection) -> str:
        """The user's id. RequestError (401) without a trusted one."""

    def address(self, request: HTTPConnection) -> str | None:
        """What counts as one client for fairness; None: unknown."""


class GatewaySecret:
    """Tells whether a request comes from the gateway."""

    def __init__(self, secrets: Secrets | None) -> None:
        self._secrets = secrets or None

    def __bool__(self) -> bool:
        """Whether there is one."""
        return self._secrets is not None

    def is_in(self, request: HTTPConnection) -> bool:
        """Whether the request carries a valid secret. Never blocks."""
        given = lines(request, b"x-gateway-secret")
        if self._secrets is None or len(given) != 1 or not given[0]:
            return False
        digest = hashlib.sha256(given[0]).digest()
        # All of them, so that the time tells nothing; of digests, so that not even the length does.
        fits = [hmac.compare_digest(hashlib.sha256(value).digest(), digest) for value in self._secrets.values()]
        if not any(fits):
            self._secrets.doubt()
        return any(fits)


class Identity:
    """Never blocks, never raises but RequestError, logs nothing."""

    def __init__(
        self,
        proxies: Sequence[Network] = (),
        gateway: Secrets | None = None,
        *,
        forwarders: Sequence[Network] = (),
    ) -> None:
        """`proxies` are believed about users and addresses, `forwarders` about addresses alone."""
        self._proxies = tuple(proxies)
        self._forwarders = (*proxies, *forwarders)
        self._gateway = GatewaySecret(gateway)

    def user(self, request: HTTPConnection) -> str:
        """The user's id: 1 to 128 characters of printable ASCII. RequestError (401) without a trusted one."""
        user = named_user(request) if self._is_trusted(request) else None
        if user is None:
            raise unidentified()
        return user

    def address(self, request: HTTPConnection) -> str | None:
        """The client's address, for fairness alone; of IPv6 its /64, which is what one client has at least.

        Behind a proxy that forwards it is the right-most entry of `X-Forwarded-For` that is not a proxy: what is left
        of it, the client may have written. None where the address is only known to be a proxy's: it stands for many.
        """
        peer = _peer(request)
        if peer is None:
            return None
        if not self._forwards(peer):
            return None if self._gateway.is_in(request) else client_of(peer)
        forwarded = b",".join(lines(request, b"x-forwarded-for")).decode("latin-1").split(",")
        for entry in reversed([part.strip() for part in forwarded]):
            if not entry:
                continue
            hop = _forwarded(entry)
            if hop is None:
                return None  # nothing vouches for what is left of it
            if not self._forwards(hop):
                return client_of(hop)
        return None

    def _is_trusted(self, request: HTTPConnection) -> bool:
        """Whether the request may name its user."""
        if self._gateway:
            return self._gateway.is_in(request)
        peer = _peer(request)
        return peer is not None and any(peer in network for network in self._proxies)

    def _forwards(self, address: Address) -> bool:
        return any(address in network for network in self._forwarders)


def unidentified() -> RequestError:
    """The same for every reason."""
    return RequestError(401, "Missing user identification")


def named_user(request: HTTPConnection) -> str | None:
    """What `X-User-ID` says; None: nothing, or what is malformed."""
    given = lines(request, b"x-user-id")
    return given[0].decode("ascii") if len(given) == 1 and _USER.fullmatch(given[0]) else None


def lines(request: HTTPConnection, name: bytes) -> list[bytes]:
    """The values of a header, by its name in lower case."""
    return [value for key, value in request.scope["headers"] if key == name]


def _peer(request: HTTPConnection) -> Address | None:
    client = request.scope.get("client")
    return read_address(client[0].partition("%")[0]) if client and isinstance(client[0], str) else None


def _forwarded(entry: str) -> Address | None:
    """An entry as proxies write it: an address, with a port or in brackets if they like."""
    match = _PORT.fullmatch(entry)
    return read_address((match["v4"] or match["v6"]) if match else entry)


def read_address(text: object) -> Address | None:
    """An IP address, IPv4 where it is mapped into IPv6; None: it is not one, or has a zone."""
    if not isinstance(text, str) or "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def client_of(address: Address) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address."""
    return str(address if address.version == 4 else ip_network((address, 64), strict=False))
