"""Words a mistake in the environment: the key, the value, what to give, and what the setting is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_SECRETS = ("GATEWAY_SECRET", "TICKET_SECRET", "METRICS_TOKEN")  # their values must not be in messages


def mistake(settings: type[BaseModel], item: Any, given: Mapping[str, str]) -> str:
    """Returns the message for one error of pydantic. `given`: the environment."""
    location = item["loc"][0]  # the alias of a field that was given, else the field's name
    field = next(field for name, field in settings.model_fields.items() if location in (field.alias, name))
    key = field.alias or ""
    if item["type"] == "missing":
        return f"{key}: not set; it is the {field.description}"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if message != item["msg"] and not item["msg"].startswith("Value error"):
        message = f"give {message}"
    shown = key if key in _SECRETS else f"{key}={given.get(key, '')!r}"
    return f"{shown}: {message} ({field.description})"
