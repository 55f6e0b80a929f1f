"""Which user a request to a function is from, and which address.

With a gateway secret `X-User-ID` counts if the request carries it in `X-Gateway-Secret`; no peer is trusted, since
every peer is 127.0.0.1. Otherwise IAM names the user: by `userId` of `requestContext.authorizer.iam`, since a `userArn`
belongs to another user once its user was deleted and made again. Of `AROA…:session` only the role's id is IAM's word;
the session's name is chosen by whoever assumes the role, and counts only where a setting says that only a trusted
broker does.

The context comes from the runtime: Mangum puts the event into the scope, the Lambda Web Adapter replaces the header
`x-amzn-request-context` by its own. Behind Mangum that header is the client's, and ignored.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from starlette.requests import HTTPConnection

from streamer.aws.secrets import Secrets
from streamer.web.identity import GatewaySecret, client_of, lines, named_user, read_address, unidentified

_IAM_USER: Final = re.compile(r"[!-~]{1,128}")
_SHARED_SESSION: Final = ":CognitoIdentityCredentials"  # of everybody who comes by one identity pool
_ROLE: Final = re.compile(r"AROA[A-Z0-9]{1,124}")


class LambdaIdentity:
    """Never blocks, never raises but RequestError, logs nothing."""

    def __init__(self, gateway: Secrets | None = None, *, sessions: bool = False) -> None:
        """`sessions`: whether the name of a role's session is part of a user's id."""
        self._gateway = GatewaySecret(gateway)
        self._sessions = sessions

    def user(self, request: HTTPConnection) -> str:
        """The user's id: 1 to 128 characters of printable ASCII. RequestError (401) without a trusted one."""
        if self._gateway.is_in(request):
            user = named_user(request)  # what is malformed names nobody: not even the gateway's own IAM identity
        else:
            user = _iam_user(_context(request), sessions=self._sessions)
        if user is None:
            raise unidentified()
        return user

    def address(self, request: HTTPConnection) -> str | None:
        """The client's address, for fairness alone; of IPv6 its /64. None: it is unknown, or the gateway's."""
        http = _context(request).get("http")
        found = read_address(http.get("sourceIp")) if isinstance(http, dict) else None
        return None if found is None or self._gateway.is_in(request) else client_of(found)


def _context(request: HTTPConnection) -> dict[str, Any]:
    """Lambda's `requestContext`; empty where there is none that can be believed."""
    if "aws.event" in request.scope:
        event = request.scope["aws.event"]
        context = event.get("requestContext") if isinstance(event, dict) else None
    else:
        given = lines(request, b"x-amzn-request-context")
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
