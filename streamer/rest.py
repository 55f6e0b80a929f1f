"""The REST function's entry point, under the name that Terraform and deployments by hand have for it."""

from streamer.functions.rest import handler

__all__ = ["handler"]
