"""The detector tried on a simulated fleet: how soon it finds what is planted, and how often it drains a healthy node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hpcsched.bench.drift import Reading
from hpcsched.bench.watch import Drain, Resume, Rules, Stand, Watch
from hpcsched.sim.measuring import Fault, Machine, Noise

HOUR_S = 3600.0
_GROUP = "class"
_COMMON = Noise()


@dataclass(frozen=True, slots=True)
class Fleet:
    """`faults`: by the number of the node. `common`: the level of all nodes at a time in seconds. `metrics`: of each canary."""

    nodes: int
    hours: int
    noise: Noise = _COMMON
    faults: Mapping[int, tuple[Fault, ...]] = field(default_factory=dict)
    common: Callable[[float], float] = lambda now: 0.0
    metrics: int = 1
    seed: int = 1


@dataclass(slots=True)
class Found:
    """Hours. `drains`: (node, when). `most`: drained at one time."""

    drains: list[tuple[int, float]] = field(default_factory=list)
    resumes: list[tuple[int, float]] = field(default_factory=list)
    suspicions: int = 0
    reasons: list[str] = field(default_factory=list)
    most: int = 0

    def delay(self, node: int, start: float) -> float | None:
        """Hours from then until the node was drained; None: it never was."""
        return next((at - start for number, at in self.drains if number == node and at >= start), None)


def attempt(fleet: Fleet, rules: Rules) -> Found:
    """Canaries every hour; the retests of a suspect all within the hour after."""
    watch, found = Watch(rules), Found()
    machines = [_machines(fleet, number) for number in range(fleet.nodes)]
    drained = [""] * fleet.nodes
    for hour in range(fleet.hours):
        for number, metrics in enumerate(machines):
            _visit(watch, number, metrics, drained, hour, fleet, found)
        found.most = max(found.most, sum(map(bool, drained)))
    return found


def _machines(fleet: Fleet, number: int) -> Sequence[Machine]:
    faults = fleet.faults.get(number, ())
    return [Machine(fleet.noise, hash((fleet.seed, number, metric)), faults) for metric in range(fleet.metrics)]


def _visit(
    watch: Watch, number: int, metrics: Sequence[Machine], drained: list[str], hour: int, fleet: Fleet, found: Found
) -> None:
    now, name = hour * HOUR_S, f"n{number}"
    node = watch.see(name, _GROUP, drained[number], now)
    while node.due < now + HOUR_S:
        now = max(now, node.due)
        before = node.stand
        readings = [Reading(f"m{at}", machine.figure(now, fleet.common(now)), "GB/s") for at, machine in enumerate(metrics)]
        action = watch.hear(name, readings, now)
        found.suspicions += before is Stand.OK and node.stand is Stand.SUSPECT
        if isinstance(action, Drain):
            drained[number] = action.reason
            found.drains.append((number, now / HOUR_S))
            found.reasons.append(action.reason)
        elif isinstance(action, Resume):
            drained[number] = ""
            found.resumes.append((number, now / HOUR_S))
