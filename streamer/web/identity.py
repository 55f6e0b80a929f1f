"""Who asks, from where: what a request says of it, and whether it is one that may say so.

`X-User-ID` counts

- with a gateway secret: of a request that carries it in `X-Gateway-Secret`, whatever its peer, and of no other;
- else: of a request whose socket's peer is in the trusted networks; in Lambda of none, since everybody is 127.0.0.1.

Networks that only forward (a load balancer that passes on what the internet sends) are believed in `X-Forwarded-For`,
never in `X-User-ID`.

In Lambda, IAM names the user where `X-User-ID` does not count: by `userId` of `requestContext.authorizer.iam`, since a
`userArn` belongs to somebody else once a user was deleted and made again. Of `AROA…:session` the role's id alone is
IAM's word; the session's name is the choice of whoever assumed the role, and counts only where a setting says that
nobody but a trusted broker does. The context comes from the runtime: Mangum
puts the event into the scope, Lambda Web Adapter replaces the header `x-amzn-request-context` by its own. Outside
Lambda that header is the client's, and so it is behind Mangum: ignored.

The peer is the socket's; the server does not rewrite it (uvicorn's `proxy_headers` are off).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from starlette.requests import HTTPConnection

from streamer.aws.secrets import Secrets
from streamer.errors import RequestError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# A comma may be what is left of a repeated header (RFC 9110, section 5.3): whoever joins them must not make a new name.
_USER = re.compile(rb"[!-+\--~](?:[ -+\--~]{0,126}[!-+\--~])?")
_IAM_USER = re.compile(r"[!-~]{1,128}")
_SHARED_SESSION = ":CognitoIdentityCredentials"  # of everybody who comes by one identity pool
_ROLE = re.compile(r"AROA[A-Z0-9]{1,124}")
_PORT = re.compile(r"(?P<v4>[0-9.]+)(?::[0-9]{1,5})?|\[(?P<v6>[0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")


class Identity:
    """Says who a request is from. Never blocks, never raises but RequestError, logs nothing."""

    def __init__(
        self,
        proxies: Sequence[Network] = (),
        gateway: Secrets | None = None,
        *,
        forwarders: Sequence[Network] = (),
        in_lambda: bool = False,
        sessions: bool = False,
    ) -> None:
        """`proxies` are believed about users and addresses, `forwarders` about addresses alone. `sessions`: whether
        the name of a role's session is part of a user's id."""
        self._proxies = () if in_lambda else tuple(proxies)
        self._forwarders = () if in_lambda else (*proxies, *forwarders)
        self._sessions = sessions
        self._gateway = gateway or None
        self._in_lambda = in_lambda

    def user(self, request: HTTPConnection) -> str:
        """The user's id: 1 to 128 characters of printable ASCII. RequestError (401) if nobody is named who counts."""
        if self._speaks_for_others(request):
            given = _lines(request, b"x-user-id")
            # What is malformed names nobody: not even the gateway's own IAM identity.
            user = given[0].decode("ascii") if len(given) == 1 and _USER.fullmatch(given[0]) else None
        else:
            user = _iam_user(self._context(request), sessions=self._sessions)
        if user is None:
            raise RequestError(401, "Missing user identification")
        return user

    def address(self, request: HTTPConnection) -> str | None:
        """The client's address, for fairness alone; of IPv6 its /64, which is what one client has at least.

        Behind a proxy that forwards it is the right-most entry of `X-Forwarded-For` that is none: what is left of it,
        the client may have written. None where the address is only known to be a proxy's: it stands for many.
        """
        if self._in_lambda:
            http = self._context(request).get("http")
            found = _address(http.get("sourceIp")) if isinstance(http, dict) else None
            return None if found is None or self._bears_secret(request) else _client(found)
        peer = _peer(request)
        if peer is None:
            return None
        if not self._forwards(peer):
            return None if self._bears_secret(request) else _client(peer)
        forwarded = b",".join(_lines(request, b"x-forwarded-for")).decode("latin-1").split(",")
        for entry in reversed([part.strip() for part in forwarded]):
            if not entry:
                continue
            hop = _forwarded(entry)
            if hop is None:
                return None  # nobody vouches for what is left of it
            if not self._forwards(hop):
                return _client(hop)
        return None

    def _speaks_for_others(self, request: HTTPConnection) -> bool:
        if self._gateway is not None:
            return self._bears_secret(request)
        peer = _peer(request)
        return peer is not None and any(peer in network for network in self._proxies)

    def _bears_secret(self, request: HTTPConnection) -> bool:
        given = _lines(request, b"x-gateway-secret")
        if self._gateway is None or len(given) != 1 or not given[0]:
            return False
        digest = hashlib.sha256(given[0]).digest()
        # All of them, so that the time tells nothing; of digests, so that not even the length does.
        fits = [hmac.compare_digest(hashlib.sha256(value).digest(), digest) for value in self._gateway.values()]
        if not any(fits):
            self._gateway.doubt()
        return any(fits)

    def _forwards(self, address: Address) -> bool:
        return any(address in network for network in self._forwarders)

    def _context(self, request: HTTPConnection) -> dict[str, Any]:
        """Lambda's `requestContext`; empty where there is none that can be believed."""
        if not self._in_lambda:
            return {}
        if "aws.event" in request.scope:
            event = request.scope["aws.event"]
            context = event.get("requestContext") if isinstance(event, dict) else None
        else:
            given = _lines(request, b"x-amzn-request-context")
            try:
                context = json.loads(given[0]) if len(given) == 1 else None
            except (ValueError, RecursionError):
                context = None
        return context if isinstance(context, dict) else {}


def _iam_user(context: dict[str, Any], *, sessions: bool) -> str | None:
    authorizer = context.get("authorizer")
    iam = authorizer.get("iam") if isinstance(authorizer, dict) else None
    user = iam.get("userId") if isinstance(iam, dict) else None
    if not isinstance(user, str) or not _IAM_USER.fullmatch(user) or user.endswith(_SHARED_SESSION):
        return None
    principal, colon, _ = user.partition(":")
    if not colon or sessions:
        return user
    # A federated user's `ACCOUNT:name` is a caller's choice, too, and its account's id would be the root user.
    return principal if _ROLE.fullmatch(principal) else None


def _lines(request: HTTPConnection, name: bytes) -> list[bytes]:
    return [value for key, value in request.scope["headers"] if key == name]


def _peer(request: HTTPConnection) -> Address | None:
    client = request.scope.get("client")
    return _address(client[0].partition("%")[0]) if client and isinstance(client[0], str) else None


def _forwarded(entry: str) -> Address | None:
    """An entry as proxies write it: an address, with a port or in brackets if they like."""
    match = _PORT.fullmatch(entry)
    return _address((match["v4"] or match["v6"]) if match else entry)


def _address(text: object) -> Address | None:
    if not isinstance(text, str) or "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _client(address: Address) -> str:
    return str(address if address.version == 4 else ip_network((address, 64), strict=False))
