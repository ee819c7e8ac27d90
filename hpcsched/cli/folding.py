"""Text of a drawing: only what can be printed, in lines that fit."""

from __future__ import annotations

import re

TOGETHER = "\u00a0"
"""A space at which no line ends; it comes out as an ordinary one."""
_BREAKS = re.compile(r"(?<=[ ,])")
"""After a space, and inside a list of ids."""


def printable(text: str) -> str:
    """What a node says of itself, without control characters."""
    return "".join(char for char in text if char.isprintable())


def fold(text: str, width: int, indent: int = 0) -> list[str]:
    """Lines of `width` columns at most, all but the first indented; what has no space or comma stays whole."""
    lines = [""]
    for piece in _BREAKS.split(text):
        if lines[-1].strip() and len(lines[-1]) + len(piece.rstrip(" ")) > width:
            lines.append(" " * indent)
        lines[-1] += piece
    return [line.rstrip(" ").replace(TOGETHER, " ") for line in lines]
