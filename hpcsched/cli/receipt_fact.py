"""One line of a receipt, and what can be said of it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from hpcsched.model.container import Observed

NOT_SEEN, NOT_SHOWN = "not yet seen", "not shown by this node"


class Verdict(enum.StrEnum):
    """As granted; otherwise; the job runs, but this node could not give all that was asked; only recorded."""

    AGREES = "✓"
    DIFFERS = "✗"
    DEGRADED = "~"
    RECORDED = "·"


@dataclass(frozen=True, slots=True)
class Fact:
    what: str
    asked: str
    granted: str
    observed: str
    verdict: Verdict

    @property
    def sign(self) -> str:
        return self.verdict.value


Shown = tuple[str, Verdict]


def judged(what: str, asked: str, granted: str, seen: Observed | None, show: Callable[[Observed], Shown]) -> Fact:
    """`show` says what the kernel shows and how that compares; it is not asked while nothing was seen."""
    observed, verdict = show(seen) if seen else (NOT_SEEN, Verdict.RECORDED)
    return Fact(what, asked, granted, observed, verdict)


def recorded(what: str, observed: str, asked: str = "") -> Fact:
    return Fact(what, asked, "", observed or NOT_SHOWN, Verdict.RECORDED)


def same(agrees: bool) -> Verdict:
    return Verdict.AGREES if agrees else Verdict.DIFFERS


def kept(is_kept: bool) -> Verdict:
    """Of what is done as well as the node can."""
    return Verdict.AGREES if is_kept else Verdict.DEGRADED
