"""The AWS that a command uses: the running demo's, or the one that the environment names."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from streamer.local.clients import BotoClients
from streamer.tools.terminal.errors import UsageError

if TYPE_CHECKING:
    from streamer.local.discovery import RunningDemo


class EnvironmentClients(BotoClients):
    """Clients of the account that the environment names. Raises botocore's exceptions."""

    def __init__(self, region: str | None = None) -> None:
        """`region`: in place of the environment's."""
        from boto3.session import Session
        from botocore.config import Config

        config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
        # boto3 itself reads AWS_DEFAULT_REGION alone; Lambda, and the other SDKs, know this one.
        super().__init__(Session(region_name=region or os.environ.get("AWS_REGION")), config)


def running_demo() -> RunningDemo:
    """The demo that runs on this machine, the newest of several. Raises UsageError if there is none."""
    from streamer.local.discovery import running

    demos = running()
    if not demos:
        raise UsageError("no demo runs on this machine: start `make demo` in another terminal, or name what is meant")
    return demos[0]


def is_local(client: Any) -> bool:
    """Whether a client's requests stay on this machine."""
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def region_of(arn: str) -> str:
    """The region of an SNS topic's ARN. Raises UsageError for anything else."""
    match arn.split(":"):
        case ["arn", _, "sns", region, account, name] if region and account and name:
            return region
    raise UsageError(f"{arn!r} is not the ARN of a topic, such as arn:aws:sns:us-east-1:123456789012:sentiment-changes")
