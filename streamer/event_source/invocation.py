"""The second argument of a Lambda handler."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field

_NAME = "ingest-relay"
_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call's context: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_name: str = _NAME
    function_version: str = "$LATEST"
    invoked_function_arn: str = f"arn:aws:lambda:us-east-1:123456789012:function:{_NAME}"
    memory_limit_in_mb: str = "256"
    log_group_name: str = f"/aws/lambda/{_NAME}"
    log_stream_name: str = "local"
    started: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the function's 30 s. A call that takes longer is not ended here."""
        return max(0, int((self.started + _TIMEOUT - time.monotonic()) * 1000))
