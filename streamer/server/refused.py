"""Why a request is not read to its end."""

from __future__ import annotations


class RequestRefused(Exception):
    """With the status and detail of the response, which never quote the request."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def malformed() -> RequestRefused:
    """For what is not HTTP, or what two servers could read in two ways."""
    return RequestRefused(400, "The request is malformed.")
