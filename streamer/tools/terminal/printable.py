"""Text of unknown origin, without the control characters that a terminal would act on."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with every character that is not printable, except line ends, written as its escape."""
    return "".join(
        each if each == "\n" or each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


def printable_json(text: str, encoding: str | None = None) -> str:
    """The same JSON on one line, with characters escaped that are not printable, or that `encoding` cannot express."""
    line = text.replace("\n", " ").replace("\r", " ").replace("\t", " ")  # in valid JSON, between its tokens
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
