"""Identifies the user and the client address of a request to a function.

`X-User-ID` is accepted if the request has the gateway's secret in `X-Gateway-Secret`. No peer is trusted, because every
peer is 127.0.0.1. Otherwise the user is `userId` of `requestContext.authorizer.iam`; not `userArn`, which another user
gets if the user is deleted and created again. In `AROA…:session` only the role's id is set by IAM: the caller chooses
the session name, which is used only if a setting says that a trusted broker chooses it.

The context is set by the runtime: Mangum puts the event into the scope, the Lambda Web Adapter replaces the header
`x-amzn-request-context`. Behind Mangum a client could set the header, so it is not read there.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from starlette.requests import HTTPConnection

from streamer.aws.secrets import Secrets
from streamer.web.identity import GatewaySecret, client_key, header_values, read_address, unidentified, user_header

_IAM_USER: Final = re.compile(r"[!-~]{1,128}")
_SHARED_SESSION: Final = ":CognitoIdentityCredentials"  # shared by all users of an identity pool
_ROLE: Final = re.compile(r"AROA[A-Z0-9]{1,124}")


class LambdaIdentity:
    """Identifies callers of a function. Never blocks, logs nothing, raises only RequestError."""

    def __init__(self, gateway: Secrets | None = None, *, sessions: bool = False) -> None:
        """`sessions`: whether the session name of a role is part of the user's id."""
        self._gateway = GatewaySecret(gateway)
        self._sessions = sessions

    def user(self, request: HTTPConnection) -> str:
        """Returns the user's id: 1 to 128 characters of printable ASCII. Raises RequestError (401)."""
        if self._gateway.authenticates(request):
            user = user_header(request)  # if it is malformed: 401, not the gateway's own IAM identity
        else:
            user = _iam_user(_context(request), sessions=self._sessions)
        if user is None:
            raise unidentified()
        return user

    def address(self, request: HTTPConnection) -> str | None:
        """Returns the client's address, for limits only; None if it is unknown, or the gateway's."""
        context = _context(request)
        http = context.get("http")
        if isinstance(http, dict):
            found = read_address(http.get("sourceIp"))
        elif "elb" in context:  # the load balancer appends the address to what the client sent
            forwarded = b",".join(header_values(request, b"x-forwarded-for"))
            found = read_address(forwarded.decode("latin-1").rpartition(",")[2].strip())
        else:
            found = None
        return None if found is None or self._gateway.authenticates(request) else client_key(found)


def _context(request: HTTPConnection) -> dict[str, Any]:
    """Returns Lambda's `requestContext`; empty if the request has none from a trusted source."""
    if "aws.event" in request.scope:
        event = request.scope["aws.event"]
        context = event.get("requestContext") if isinstance(event, dict) else None
    else:
        given = header_values(request, b"x-amzn-request-context")
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
    # The caller also chooses the name in a federated user's `ACCOUNT:name`; the account id alone is the root user's.
    return principal if _ROLE.fullmatch(principal) else None
