"""When nodes that are in use come free, as far as time limits tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hpcsched.sched.ask import Ask
from hpcsched.sched.ledger import Ledger


@dataclass(slots=True)
class Shadow:
    """The reservation of a blocked job (Mu'alem & Feitelson 2001): at `time` it can have nodes of `mask`, `extra` more than it
    needs. Infinite: nobody knows when.
    """

    time: float
    mask: int
    extra: int


def shadow(ledger: Ledger, ask: Ask) -> Shadow:
    """The earliest time at which enough nodes that fit are free, by the limits of what runs and was started in this plan."""
    able = ledger.able(ask.shape) & ledger.serving
    freed = (ledger.free | ledger.due) & able
    count, time = freed.bit_count(), ledger.now
    for end, mask in ends(ledger):
        if end == math.inf or (count >= ask.nodes and end > time):
            break
        freed |= mask & able
        count, time = freed.bit_count(), end
    if count < ask.nodes:
        return Shadow(math.inf, able, able.bit_count() - ask.nodes)
    return Shadow(time, freed, count - ask.nodes)


def ends(ledger: Ledger) -> list[tuple[float, int]]:
    """(time, mask of nodes) of what runs and was started in this plan, by rising time."""
    found = [(end, mask & ~ledger.held) if ledger.held else (end, mask) for end, mask in ledger.running_ends]
    found += ledger.granted
    found.sort()
    return found
