"""A fleet under watch: canaries' figures in, drains and resumes out.

A node is OK until an alarm of one of its metrics makes it SUSPECT. It is then measured again, alone, several times; only when
the median of these shows the loss too it is DRAINED. A drained node is measured again after a pause, and is OK when it is back
to its own twice in a row. Never more than a set share of a class is drained, for then it is the class, or the measurement.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from hpcsched.bench.drift import FAR, Reading, Track, moved, place_in_class
from hpcsched.model.units import format_figure
from hpcsched.state.canaries import SLOW

MARK = SLOW
"""How the reason of each drain begins that is ours."""
CONFIRMED = 2 / 3
"""Of the loss that must be found: so much in the retests is a drain, ..."""
BACK = 1 / 3
"""... and less than so much in all metrics is well again."""
SURE = 3.0
"""Standard errors of the retests' median that it must lie off."""
ROUNDS = 2
LONGEST_PAUSE_S = 86400.0
STALE = 3.0
"""Intervals after which a node's last figure tells nothing of its class's movement."""
_AGAIN = 0.1
"""Of the interval: how long a class's movement is taken for what it is."""
_MEDIAN_ERROR = 1.2533
"""Standard error of a median of normal figures, times the root of their number."""


class Stand(enum.StrEnum):
    OK = "OK"
    SUSPECT = "SUSPECT"
    DRAINED = "DRAINED"


@dataclass(frozen=True, slots=True)
class Rules:
    """`loss`: what must be found, a share. `share`: of a class that may be drained at once; one node always may."""

    loss: float = 0.03
    share: float = 0.1
    interval_s: float = 3600.0
    retests: int = 5
    retest_s: float = 600.0
    pause_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Drain:
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resume:
    name: str


Action = Drain | Resume


@dataclass(slots=True)
class Watched:
    """`due`: Unix seconds from which on it is measured again. `group`: its class. `retests`: losses by metric.

    `accepted`: somebody resumed it as it is. `note`: what a person should know, a sentence.
    """

    name: str
    group: str
    stand: Stand = Stand.OK
    due: float = 0.0
    since: float = 0.0
    heard: float = 0.0
    tracks: dict[str, Track] = field(default_factory=dict)
    retests: dict[str, list[float]] = field(default_factory=dict)
    rounds: int = 0
    pause_s: float = 0.0
    accepted: bool = False
    note: str = ""


class Watch:
    """Same readings, same answers. `nodes`: by name."""

    def __init__(self, rules: Rules, nodes: Sequence[Watched] = ()) -> None:
        self.rules = rules
        self.nodes: dict[str, Watched] = {node.name: node for node in nodes}
        self._groups: dict[str, dict[str, Watched]] = {}
        for node in nodes:
            self._groups.setdefault(node.group, {})[node.name] = node
        self._movements: dict[tuple[str, str], tuple[float, float]] = {}

    def see(self, name: str, group: str, drain_reason: str, now: float) -> Watched:
        """The node as it is: what it was, where people have not changed that meanwhile."""
        node = self.nodes.get(name) or self._new(name, group)
        if node.group != group:
            self._move(node, group)
        ours = drain_reason.startswith(MARK)
        if node.stand is Stand.DRAINED and not ours:
            self._accept(node, now)
        elif ours and node.stand is not Stand.DRAINED:
            self._set(node, Stand.DRAINED, now, drain_reason)
        return node

    def forget(self, name: str) -> None:
        node = self.nodes.pop(name, None)
        if node:
            del self._groups[node.group][name]

    def hear(self, name: str, readings: Sequence[Reading], now: float) -> Action | None:
        """Of a node that was seen: figures of one canary that began on it when nothing else ran there."""
        node = self.nodes[name]
        node.heard = now
        for reading in readings:
            self._hear(node, reading, now)
        if node.stand is Stand.OK:
            self._look(node, now)
            return None
        for reading in readings:
            node.retests.setdefault(reading.metric, []).append(node.tracks[reading.metric].loss)
        node.due = now + self.rules.retest_s
        if max(map(len, node.retests.values()), default=0) < self.rules.retests:
            return None
        found, node.retests = node.retests, {}
        return self._suspected(node, found, now) if node.stand is Stand.SUSPECT else self._again(node, found, now)

    def missed(self, name: str, why: str, now: float) -> None:
        """A canary of it gave no figures."""
        node = self.nodes[name]
        node.note, node.due = why, now + self.rules.interval_s

    def movement(self, group: str, metric: str, now: float) -> float:
        """A level, of the class's nodes that are not drained."""
        known = self._movements.get((group, metric))
        if known is None or not known[0] <= now < known[0] + _AGAIN * self.rules.interval_s:
            known = self._movements[group, metric] = now, moved(self._telling(group, metric, now))
        return known[1]

    def class_z(self, node: Watched, metric: str) -> float | None:
        """Of the node's history among those of its class; None: too few."""
        track = node.tracks.get(metric)
        found = place_in_class(track, self._bases(node, metric)) if track else None
        return found[1] if found else None

    def _new(self, name: str, group: str) -> Watched:
        node = self.nodes[name] = Watched(name, group, pause_s=self.rules.pause_s)
        self._groups.setdefault(group, {})[name] = node
        return node

    def _move(self, node: Watched, group: str) -> None:
        """It is another node than it was: its history begins anew."""
        del self._groups[node.group][node.name]
        self._groups.setdefault(group, {})[node.name] = node
        node.group, node.accepted, node.note = group, False, ""
        node.tracks.clear()
        node.retests.clear()

    def _accept(self, node: Watched, now: float) -> None:
        """Somebody resumed it: it is what it is."""
        node.tracks.clear()
        self._set(node, Stand.OK, now)
        node.accepted, node.due = True, now + self.rules.interval_s

    def _set(self, node: Watched, stand: Stand, now: float, note: str = "") -> None:
        node.stand, node.since, node.note, node.rounds = stand, now, note, 0
        node.retests.clear()
        if stand is Stand.OK:
            node.pause_s = self.rules.pause_s
            for track in node.tracks.values():
                track.forgive()

    def _telling(self, group: str, metric: str, now: float) -> Iterator[Track]:
        oldest = now - STALE * self.rules.interval_s
        for node in self._groups.get(group, {}).values():
            if node.stand is not Stand.DRAINED and node.heard >= oldest and metric in node.tracks:
                yield node.tracks[metric]

    def _bases(self, node: Watched, metric: str) -> list[float]:
        peers: Mapping[str, Watched] = self._groups[node.group]
        tracks = (other.tracks[metric] for other in peers.values() if metric in other.tracks)
        return [track.base for track in tracks if track.base is not None and not track.of_class]

    def _hear(self, node: Watched, reading: Reading, now: float) -> None:
        track = node.tracks.setdefault(reading.metric, Track())
        learnt = len(track.learnt)
        movement = self.movement(node.group, reading.metric, now)
        track.hear(reading, movement, self.rules.loss, node.stand is Stand.OK)
        if learnt < len(track.learnt) and track.base is not None and not node.accepted and not track.of_class:
            self._compare(node, reading.metric, track)

    def _compare(self, node: Watched, metric: str, track: Track) -> None:
        """A node far below its class, that much was never its own, is held to its class."""
        bases = self._bases(node, metric)
        place = place_in_class(track, bases)
        if place and place[0] >= 2 * self.rules.loss and -place[1] >= FAR:
            track.hold_to_class(median(bases))

    def _look(self, node: Watched, now: float) -> None:
        alarmed = [metric for metric, track in node.tracks.items() if track.alarmed]
        node.note = ""
        node.due = now + (self.rules.retest_s if alarmed else self.rules.interval_s)
        if alarmed:
            self._set(node, Stand.SUSPECT, now, f"{', '.join(alarmed)} seems slow: it is measured again")

    def _suspected(self, node: Watched, found: Mapping[str, Sequence[float]], now: float) -> Drain | None:
        worst = self._worst(node, found)
        if not worst:
            self._set(node, Stand.OK, now)
            node.due = now + self.rules.interval_s
            return None
        told = self._told(node, worst, found[worst])
        node.due = now + self.rules.pause_s
        if (full := self._full(node)) != "":
            node.note = f"{told}; not drained: {full}"
            return None
        self._set(node, Stand.DRAINED, now, MARK + told)
        return Drain(node.name, node.note)

    def _worst(self, node: Watched, found: Mapping[str, Sequence[float]]) -> str:
        """The metric of the largest loss that the retests confirm; empty: none."""
        slow = {metric: median(losses) for metric, losses in found.items() if self._confirms(node.tracks[metric], losses)}
        return max(slow, key=lambda metric: slow[metric], default="")

    def _confirms(self, track: Track, losses: Sequence[float]) -> bool:
        error = _MEDIAN_ERROR * track.spread / math.sqrt(len(losses))
        return median(losses) >= max(CONFIRMED * self.rules.loss, SURE * error)

    def _full(self, node: Watched) -> str:
        """Why no more of its class may be drained; empty: it may."""
        peers = self._groups[node.group].values()
        drained = sum(peer.stand is Stand.DRAINED for peer in peers)
        most = max(1, int(self.rules.share * len(peers)))
        return f"{drained} of the {len(peers)} nodes like it {'is' if drained == 1 else 'are'} already" if drained >= most else ""

    def _again(self, node: Watched, found: Mapping[str, Sequence[float]], now: float) -> Resume | None:
        well = all(median(losses) < BACK * self.rules.loss for losses in found.values())
        node.rounds = node.rounds + 1 if well else 0
        if node.rounds >= ROUNDS:
            self._set(node, Stand.OK, now)
            node.due = now + self.rules.interval_s
            return Resume(node.name)
        node.due = now + node.pause_s
        node.pause_s = self.rules.pause_s if well else min(2 * node.pause_s, LONGEST_PAUSE_S)
        return None

    def _told(self, node: Watched, metric: str, losses: Sequence[float]) -> str:
        """`stream.triad 18.2 GB/s, 4.1 % below its median of 19.0 (z -6.3 in 5 retests; its class +0.1 %)`."""
        track, loss = node.tracks[metric], median(losses)
        assert track.base is not None
        moved_by = self.movement(node.group, metric, node.heard)
        usual = track.base + moved_by
        now, before = (format_figure(track.value(level), 4) for level in (usual - loss, usual))
        share = -math.expm1(-loss) if track.higher_is_better else math.expm1(loss)
        where = "below" if track.higher_is_better else "above"
        whose = "the median of nodes like it," if track.of_class else "its median of"
        return (
            f"{metric} {now} {track.unit}, {share:.1%} {where} {whose} {before}"
            f" (z {-loss / track.spread:.1f} in {len(losses)} retests; its class {math.expm1(moved_by):+.1%})"
        )
