"""Why a request is not read to its end."""

from __future__ import annotations


class RequestRefused(Exception):
    """With the status and the words to answer; they never hold its input."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def malformed() -> RequestRefused:
    """It is not HTTP, or is what two servers could read in two ways."""
    return RequestRefused(400, "The request is malformed.")
