"""DynamoDB's rules for the name of a table.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import re

_CHARACTERS = re.compile(r"[A-Za-z0-9_.-]*")


def table_name_flaw(name: str) -> str | None:
    """Describes why no table can have this name; None if one can."""
    if name.startswith("arn:"):
        return "an ARN, not a name"
    allowed = _CHARACTERS.match(name)
    if allowed is not None and allowed.end() < len(name):
        return f"has {name[allowed.end()]!r}, but a name has only letters, digits, -, _ and ."
    if not 3 <= len(name) <= 255:
        return f"has {len(name)} character{'' if len(name) == 1 else 's'}, but a name has 3 to 255"
    return None
