"""The error response for a request that the server rejects before, or instead of, the application."""

from __future__ import annotations


class RequestRefused(Exception):
    """`status` and `detail` of the response. `detail` never quotes the request."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def malformed() -> RequestRefused:
    """For input that is not HTTP, or that two servers could parse in different ways (request smuggling)."""
    return RequestRefused(400, "The request is malformed.")
