"""What the jobs of a simulated trace have run so far: from when, with which breaks, and how often in vain."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.sim.outcome import Span


@dataclass(slots=True)
class Run:
    """Since `began`, until `ends` if nothing comes between. Orders are those of the engine's heap: `end` is of the entry that
    ends it (0: it is frozen), `stop` of the one that takes its nodes away (0: none does).
    """

    began: float
    ends: float
    end: int
    stop: int = 0
    left_s: float = 0.0
    """How long it has still to run, while it is frozen."""
    frozen_at: float = 0.0
    pauses: tuple[Span, ...] = ()

    def freeze(self, now: float) -> None:
        self.left_s, self.frozen_at, self.end = max(0.0, self.ends - now), now, 0

    def thaw(self, now: float, end: int) -> None:
        self._break_off(now)
        self.ends, self.end = now + self.left_s, end

    def over(self, now: float) -> tuple[Span, ...]:
        """Its breaks."""
        if not self.end:
            self._break_off(now)
        return self.pauses

    def _break_off(self, now: float) -> None:
        self.pauses = (*self.pauses, (self.frozen_at, now))
