"""Text of unknown origin for a terminal: without what a terminal would obey."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with everything that is no printable character (line ends aside) written as its escape."""
    return "".join(
        each if each == "\n" or each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )
