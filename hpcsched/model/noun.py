"""Dataclasses that nobody changes, held to that by mypy alone: one is made in a fifth of the time that a frozen one takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as noun

    @noun(frozen=True, slots=True)
    class _Noun:
        """mypy complains of an `ignore` that is not needed, so if this could be changed."""

        figure: int

    _Noun(1).figure = 2  # type: ignore[misc]
else:
    from dataclasses import dataclass

    def noun(*, frozen, slots):
        """As `dataclass`, with the equality and the hash of a frozen one."""
        return dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["noun"]
