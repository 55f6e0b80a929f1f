"""How each service says no. Pure.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
"""

from __future__ import annotations

import json
from typing import Final, Literal

from tests.chaos import http
from tests.chaos.kinds import Service

Refusal = Literal["errors", "throttled", "denied"]

_CODES: Final[dict[tuple[Service, Refusal], tuple[str, str]]] = {
    ("dynamodb", "errors"): ("500 Internal Server Error", "InternalServerError"),
    ("dynamodb", "throttled"): ("400 Bad Request", "ProvisionedThroughputExceededException"),
    ("dynamodb", "denied"): ("400 Bad Request", "AccessDeniedException"),
    ("sqs", "errors"): ("500 Internal Server Error", "InternalFailure"),
    ("sqs", "throttled"): ("400 Bad Request", "ThrottlingException"),
    ("sqs", "denied"): ("403 Forbidden", "AccessDeniedException"),
    ("sns", "errors"): ("500 Internal Server Error", "InternalError"),
    ("sns", "throttled"): ("400 Bad Request", "Throttling"),
    ("sns", "denied"): ("403 Forbidden", "AuthorizationError"),
}
_NAMESPACES: Final[dict[Service, str]] = {"dynamodb": "com.amazonaws.dynamodb.v20120810#", "sqs": "com.amazonaws.sqs#"}
_VERSIONS: Final[dict[Service, str]] = {"dynamodb": "application/x-amz-json-1.0", "sqs": "application/x-amz-json-1.0"}


def refusal(service: Service, why: Refusal) -> http.Message:
    """The service's own answer: JSON by DynamoDB and SQS, XML by SNS."""
    status, code = _CODES[service, why]
    words = f"{why}, as the gate wants it"
    if service == "sns":
        fault = "Receiver" if status.startswith("5") else "Sender"
        text = (
            '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error>'
            f"<Type>{fault}</Type><Code>{code}</Code><Message>{words}</Message></Error>"
            "<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
        )
        return http.answer(status, text.encode(), ("Content-Type", "text/xml"))
    body = json.dumps({"__type": _NAMESPACES[service] + code, "message": words}).encode()
    headers = [("Content-Type", _VERSIONS[service])]
    if service == "sqs":
        old = {"throttled": "RequestThrottled", "denied": "AccessDenied", "errors": "InternalFailure"}[why]
        headers.append(("x-amzn-query-error", f"{old};{'Receiver' if status.startswith('5') else 'Sender'}"))
    return http.answer(status, body, *headers)
