"""Escapes control characters in untrusted text, so that it cannot control the terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Returns the text with each unprintable character except line feed replaced by its escape sequence."""
    return "".join(
        each if each == "\n" or each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


def printable_json(text: str, encoding: str | None = None) -> str:
    """Returns the same JSON on one line. Escapes characters that are unprintable or that `encoding` cannot encode."""
    line = text.replace("\n", " ").replace("\r", " ").replace("\t", " ")  # valid JSON has these only between tokens
    if not line.isprintable():
        line = "".join(each if each.isprintable() else _escaped(each) for each in line)
    try:
        line.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return "".join(each if each.isascii() else _escaped(each) for each in line)
    return line


def _escaped(each: str) -> str:
    units = each.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
