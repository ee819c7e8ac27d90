"""Outputs of several nodes as one: whole lines, so that none is torn by another node's."""

from __future__ import annotations

from collections.abc import Callable

LONGEST = 64 << 10
"""Bytes; what is longer goes in pieces, as it does from several tasks into one file."""


class Lines:
    """Takes a node's output as it comes, hands on lines when they have ended; with `node` its name and a colon before each."""

    def __init__(self, write: Callable[[bytes], object], node: str = "") -> None:
        self._write = write
        self._label = f"{node}: ".encode() if node else b""
        self._rest = b""

    def take(self, data: bytes) -> None:
        whole, end, self._rest = (self._rest + data).rpartition(b"\n")
        if end:
            self._put(whole + end)
        if len(self._rest) > LONGEST:
            self._put(self._rest)
            self._rest = b""

    def finish(self) -> None:
        """No more comes: a last line that has no end gets one, for what follows is another node's."""
        if self._rest:
            self._put(self._rest + b"\n")
        self._rest = b""

    def _put(self, lines: bytes) -> None:
        """`\\r` ends no line: what shows progress uses it."""
        labelled = lines[:-1].replace(b"\n", b"\n" + self._label) + lines[-1:]
        self._write(self._label + labelled)
