"""The end of a command's help: examples, and the variables of the environment that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

AWS: Final = ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL")
"""Those of boto3 that people set most."""
HTTP: Final = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE")


def epilog(*examples: str, environment: Sequence[str] = ()) -> str:
    """Returns the text for Typer, which shows each paragraph as a line and reads square brackets as markup."""
    read = ", ".join(environment) or "nothing"
    return "\n\n".join(["Examples:", *(f"$ {each}" for each in examples), f"Environment: {read}"])
