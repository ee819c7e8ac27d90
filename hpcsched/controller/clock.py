"""The controller's time, read from the machine's clocks; the log is told once each time that the wall clock is not followed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from hpcsched.state.timeline import CONFIRM_S, STEP_S, Reading, Standing, Timeline

log = logging.getLogger(__name__)
_SAID = {
    Standing.DOUBTED: "the clock jumped %.0f s ahead: that will be followed when it has stood so for "
    f"{CONFIRM_S:.0f} s; until then time goes on from before",
    Standing.BEHIND: "the clock is %.0f s behind the journal: time goes on from there, at half speed until it has caught up",
    Standing.FAR_BEHIND: "the clock is %.0f s behind the journal: time goes on from there without it; set the clock right",
}


def read_clocks() -> Reading:
    """The steady one counts on while the machine is suspended."""
    return Reading(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))


class Clock:
    """`last`: the time of the journal's last event, or 0."""

    def __init__(self, read: Callable[[], Reading], last: float) -> None:
        self._read, self._line = read, Timeline(last, read())
        self._told = Standing.FOLLOWED
        self._noted_s = 0.0
        self._tell()

    def now(self) -> float:
        """Unix seconds as events count them, never less than before."""
        before = self._line.stepped_s
        at = self._line.at(self._read())
        if self._line.stepped_s > before:
            log.warning("the clock was set %.0f s ahead: time follows it", self._line.stepped_s - before)
        self._tell()
        return at

    @property
    def stepped_s(self) -> float:
        """By how much it was set forward and that is not yet `noted`."""
        left = self._line.stepped_s - self._noted_s
        return left if left > STEP_S / 2 else 0.0

    def noted(self, stepped_s: float) -> None:
        """So much of it is in the journal."""
        self._noted_s += stepped_s

    def _tell(self) -> None:
        standing = self._line.standing
        if standing is not self._told and standing in _SAID:
            log.warning(_SAID[standing], abs(self._line.ahead_s))
        self._told = standing
