"""The second argument of a Lambda handler."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Invocation:
    """The members of the context that are used: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:ingest-relay"
