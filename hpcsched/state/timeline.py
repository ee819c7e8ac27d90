"""What time it is for events: the wall clock's, as far as that can be believed, and never earlier than it was.

Between two readings time goes by as on the steady clock, which nobody sets. What the wall clock says otherwise is followed
forward at once when it is little, or when it has stood for a while; it is followed back by going slower.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

BELIEVED_S = 1000.0
"""A jump forward of at most this is followed at once; ntpd(8) takes more than that for a fault."""
CONFIRM_S = 600.0
"""A longer one is followed when it has stood for that long."""
AWAY_S = 30 * 86400.0
"""So long a controller may have been away between two runs; and a wall clock that is further behind is not followed at all."""
SLOWER = 0.5
"""What time that is ahead of the wall clock loses of each second."""
STEP_S = 1.0
NOTICED_S = 10.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Both clocks at one moment. `wall`: Unix seconds; `steady`: seconds since whenever, of a clock that nobody sets."""

    wall: float
    steady: float


class Standing(enum.Enum):
    """How the wall clock stands to the time of events."""

    FOLLOWED = enum.auto()
    DOUBTED = enum.auto()
    """It jumped far ahead, a short while ago."""
    BEHIND = enum.auto()
    FAR_BEHIND = enum.auto()


@dataclass(frozen=True, slots=True)
class _Doubt:
    ahead_s: float
    since: float


class Timeline:
    """One run of the controller; `last`: the time of the journal's last event, 0: there is none.

    `time` never decreases. `stepped_s`: what of its course was jumps and did not pass.
    """

    def __init__(self, last: float, first: Reading) -> None:
        come = first.wall if not last or 0 <= first.wall - last <= AWAY_S else last
        self.time, self.stepped_s = come, 0.0
        self._wall, self._steady = first.wall, first.steady
        self._doubt: _Doubt | None = None
        self.at(first)

    @property
    def ahead_s(self) -> float:
        """The wall clock of time, at the last reading."""
        return self._wall - self.time

    @property
    def standing(self) -> Standing:
        if self._doubt:
            return Standing.DOUBTED
        if self.ahead_s > -NOTICED_S:
            return Standing.FOLLOWED
        return Standing.BEHIND if -self.ahead_s <= AWAY_S else Standing.FAR_BEHIND

    def at(self, reading: Reading) -> float:
        """The time at a reading, which is to be the latest."""
        passed = max(0.0, reading.steady - self._steady)
        self._wall, self._steady = reading.wall, self._steady + passed
        before, self.time = self.time, self.time + passed
        if self.ahead_s >= 0:
            self._follow()
        else:
            self._doubt = None
            lost = min(-self.ahead_s, passed * SLOWER) if -self.ahead_s <= AWAY_S else 0.0
            self.time = max(before, self.time - lost)
        return self.time

    def _follow(self) -> None:
        ahead = self.ahead_s
        if ahead > BELIEVED_S and not self._has_stood(ahead):
            return
        self._doubt = None
        self.stepped_s += ahead if ahead >= STEP_S else 0.0
        self.time = self._wall

    def _has_stood(self, ahead: float) -> bool:
        if self._doubt is None or abs(ahead - self._doubt.ahead_s) > BELIEVED_S:
            self._doubt = _Doubt(ahead, self._steady)
        return self._steady - self._doubt.since >= CONFIRM_S
