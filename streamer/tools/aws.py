"""The AWS that a command uses: the embedded AWS of the running demo, or the account of boto3's configuration."""

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
    """Clients with boto3's configuration (environment, profile). Raises botocore's exceptions."""

    def __init__(self, region: str | None = None) -> None:
        """`region` overrides the configured region."""
        from boto3.session import Session
        from botocore.config import Config

        config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
        # boto3 reads only AWS_DEFAULT_REGION; Lambda and the other SDKs use AWS_REGION.
        super().__init__(Session(region_name=region or os.environ.get("AWS_REGION")), config)


def running_demo() -> RunningDemo:
    """Returns the newest demo that runs on this machine. Raises UsageError if there is none."""
    from streamer.local.discovery import running

    demos = running()
    if not demos:
        raise UsageError("no demo runs on this machine; start `make demo` in another terminal, or give a target")
    return demos[0]


def is_local(client: Any) -> bool:
    """Returns whether the client's endpoint is on this machine."""
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def region_of(option: str, arn: str) -> str:
    """Returns the region in an SNS topic's ARN, the value of `option`. Raises UsageError if it is no such ARN."""
    match arn.split(":"):
        case ["arn", _, "sns", region, account, name] if region and account and name:
            return region
    remedy = "give one such as arn:aws:sns:us-east-1:123456789012:sentiment-changes"
    raise UsageError(f"{option}={arn!r}: not the ARN of an SNS topic; {remedy}")
