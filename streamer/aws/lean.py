"""A boto3 client whose frequent calls cost a fraction of boto3's processor time.

boto3 validates, serialises and parses by a model of the service, and calls dozens of hooks, which takes about a
millisecond. The services' JSON protocol needs none of that. So the first call of an operation is boto3's, and its
request is kept as a template: URL, headers, region. Later calls send the same request with another body, signed by
botocore's signer with the credentials of boto3's session. Whatever the template does not cover is left to boto3: new
credentials (for one call), proxies, another kind of signature, headers that are not known here.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from streamer.aws.connections import Connections, HttpReply

logger = logging.getLogger(__name__)

_CREDENTIAL: Final = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/,]+)/\d{8}/([^/,]+)/([^/,]+)/aws4_request, ")
_SIGNED: Final = frozenset({"x-amz-target", "content-type", "x-amzn-query-mode", "user-agent"})
_UNSIGNED: Final = frozenset({"amz-sdk-request"})
_RENEWED: Final = frozenset(
    {"authorization", "x-amz-date", "x-amz-security-token", "amz-sdk-invocation-id", "content-length"}
)
_MAX_TEMPLATES: Final = 16


@dataclass(frozen=True, slots=True)
class _Template:
    """What every request of one operation to one queue or table has in common."""

    url: SplitResult
    signed: Mapping[str, str]
    unsigned: Mapping[str, str]
    access_key: str
    """The endpoint may depend on the account."""
    region: str
    service: str


class LeanClient:
    """Takes the place of a boto3 client; every attribute except the operations is boto3's. Hooks that are registered
    with the client are called for boto3's calls only."""

    def __init__(
        self, client: Any, credentials: Any, connections: Connections, operations: Mapping[str, str], resource: str
    ) -> None:
        """`credentials`: botocore's, which refresh themselves. `operations`: from the client's method to the API's
        name. `resource`: the parameter that names the queue or table."""
        self._client = client
        self._credentials = credentials
        self._connections = connections
        self._resource = resource
        self._templates: dict[tuple[str, str], _Template] = {}
        self._covered = True
        service = client.meta.service_model.service_id.hyphenize()
        for method, operation in operations.items():
            client.meta.events.register(f"before-send.{service}.{operation}", partial(self._learn, operation))
            setattr(self, method, partial(self._call, operation, getattr(client, method)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def close(self) -> None:
        """Closes the idle connections. A call in progress continues."""
        self._connections.close()
        self._client.close()

    def _call(self, operation: str, by_boto3: Any, **parameters: Any) -> Any:
        """Raises botocore's errors, as `by_boto3` does."""
        template = self._templates.get((operation, parameters.get(self._resource, ""))) if self._covered else None
        if template is None:
            return by_boto3(**parameters)
        credentials = self._credentials.get_frozen_credentials()
        if credentials.access_key != template.access_key:
            return by_boto3(**parameters)
        try:
            body = json.dumps(parameters).encode()
        except TypeError:  # binary values
            return by_boto3(**parameters)
        reply = self._connections.post(template.url, _signed(template, credentials, body), body)
        if reply.status >= 300:
            raise self._error(operation, reply)
        return _parsed(reply.body)

    def _learn(self, operation: str, request: Any, **_: object) -> None:
        """A hook of boto3, called with each request that it sends."""
        template, resource = _template(request), _member(request.body, self._resource)
        if template is None or resource is None:
            if self._covered:
                logger.info("boto3 makes all calls", extra={"operation": operation})
            self._covered = False
            return
        if len(self._templates) >= _MAX_TEMPLATES:
            self._templates.clear()
        self._templates[operation, resource] = template

    def _error(self, operation: str, reply: HttpReply) -> Exception:
        """The exception that boto3 raises for this response."""
        from botocore.parsers import create_parser

        headers = {name.lower(): value for name, value in reply.headers.items()}
        response = {"status_code": reply.status, "headers": headers, "body": reply.body}
        no_model: Any = None
        parsed = create_parser("json").parse(response, no_model)
        # SQS's older codes are in its own header. boto3 chooses the class by the newer one.
        members = parsed.get("Error", {})  # absent for a status of 300
        code = members.get("QueryErrorCode") or members.get("Code")
        error: Exception = self._client.exceptions.from_code(code)(parsed, operation)
        return error


def _template(request: Any) -> _Template | None:
    """The template of one of boto3's requests; None if requests like it are left to boto3."""
    from botocore.utils import get_environ_proxies

    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    credential = _CREDENTIAL.match(headers.get("authorization", ""))
    url = urlsplit(request.url)
    if (
        credential is None
        or request.method != "POST"
        or url.query
        or not headers.keys() <= _SIGNED | _UNSIGNED | _RENEWED
        or url.scheme in get_environ_proxies(request.url)
    ):
        return None
    return _Template(
        url,
        {name: value for name, value in headers.items() if name in _SIGNED},
        {name: value for name, value in headers.items() if name in _UNSIGNED},
        *credential.groups(),
    )


def _member(body: Any, name: str) -> str | None:
    """A member of a request's body; None if the body is no JSON object that has it."""
    try:
        return str(json.loads(body)[name])
    except (ValueError, TypeError, KeyError):
        return None


def _signed(template: _Template, credentials: Any, body: bytes) -> dict[str, str]:
    """The headers of a request with this body."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    request = AWSRequest("POST", template.url.geturl(), headers=template.signed, data=body)
    SigV4Auth(credentials, template.service, template.region).add_auth(request)
    return {**dict(request.headers.items()), **template.unsigned, "amz-sdk-invocation-id": str(uuid.uuid4())}


def _parsed(body: bytes) -> Any:
    """The members of a response, as boto3 parses them: binary values decoded, nulls left out. Raises
    ResponseParserError."""
    from botocore.parsers import ResponseParserError

    try:
        members = json.loads(body) if body else {}
    except ValueError as error:
        raise ResponseParserError(f"the response is not JSON: {error}") from error
    if not isinstance(members, dict):
        raise ResponseParserError("the response is not an object")
    if b"null" in body:
        members = _without_nulls(members)
    if b'"B' in body:
        for item in members.get("Items", ()):
            for name, value in item.items():
                item[name] = _with_bytes(value)
    return members


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    return [_without_nulls(member) for member in value] if isinstance(value, list) else value


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    """An attribute value of DynamoDB's API with its binary values decoded from base64."""
    ((kind, content),) = value.items()
    match kind:
        case "B":
            return {kind: base64.b64decode(content)}
        case "BS":
            return {kind: [base64.b64decode(member) for member in content]}
        case "L":
            return {kind: [_with_bytes(member) for member in content]}
        case "M":
            return {kind: {name: _with_bytes(member) for name, member in content.items()}}
        case _:
            return value
