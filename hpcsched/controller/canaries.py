"""The watch over the speed of idle nodes: begins canaries, hears them, drains and resumes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from hpcsched.bench.about import Size
from hpcsched.bench.drift import Reading, Track
from hpcsched.bench.prepared import Prepared
from hpcsched.bench.suite import Entry, choose
from hpcsched.bench.watch import Drain, Resume, Rules, Stand, Watch, Watched
from hpcsched.config.canary import CanaryConfig
from hpcsched.controller.canary_run import DrivenOff, canary_spec, is_away, readings, run
from hpcsched.controller.canary_store import CanaryStore
from hpcsched.controller.desk import Desk
from hpcsched.errors import HpcschedError, NotFound, Stopping
from hpcsched.model import canary
from hpcsched.model.node import Node, NodeOffer
from hpcsched.sched.likeness import likeness
from hpcsched.state import canaries, decide, speeds
from hpcsched.state.events import Event
from hpcsched.state.reports import MAX_REASON, printable
from hpcsched.state.state import State

log = logging.getLogger(__name__)
LOOK_S = 1.0
AGAIN_S = 60.0
"""After a canary was driven off."""


def rules(config: CanaryConfig) -> Rules:
    return Rules(
        config.loss, config.share, float(config.interval), config.retests, float(config.retest_interval), float(config.pause)
    )


class CanaryWatch:
    """Nodes that are not known to the controller any more are forgotten."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._config = desk, desk.config.canary
        self._entries: Sequence[Entry] = ()
        self._store = CanaryStore(Path(desk.config.state_dir))
        self.watch = Watch(rules(self._config))
        self._prepared: dict[str, str] = {}
        self._classes: dict[str, tuple[NodeOffer, str]] = {}
        self._measured: dict[str, asyncio.Task[None]] = {}
        self._writing = asyncio.Lock()

    async def run(self) -> None:
        """Until cancelled. Raises NotFound where there is no such benchmark."""
        folder = Path(self._config.folder) if self._config.folder else None
        self._entries = await asyncio.to_thread(choose, self._config.benchmarks, folder)
        nodes, self._prepared = await asyncio.to_thread(self._store.load)
        self.watch = Watch(self.watch.rules, nodes)
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._look(tasks)
                await asyncio.sleep(LOOK_S)

    def listed(self) -> list[canary.NodeCanaries]:
        now = self._desk.loop.now()
        return [self._shown(node, now) for _, node in sorted(self.watch.nodes.items())]

    def of(self, name: str) -> canary.NodeCanaries | None:
        """None: nothing was measured there."""
        node = self.watch.nodes.get(name)
        return self._shown(node, self._desk.loop.now()) if node and node.heard else None

    def _look(self, tasks: asyncio.TaskGroup) -> None:
        """Begin what is due, those first that have waited longest."""
        state, now = self._desk.loop.state, self._desk.loop.now()
        for name in self.watch.nodes.keys() - state.nodes.keys() - self._measured.keys():
            self.watch.forget(name)
        if self._desk.loop.paused or canaries.wants_nodes(self._desk.loop.plan):
            return
        idle = [node for node in state.nodes.values() if canaries.may_have(node) and node.name not in self._measured]
        seen = [self.watch.see(node.name, self._class_of(node), self._reason(node), now) for node in idle]
        due = sorted((node.due, node.name) for node in seen if node.due <= now)
        for _, name in due[: max(0, self._config.at_once - len(self._measured))]:
            self._measured[name] = tasks.create_task(self._measure(name))

    def _reason(self, node: Node) -> str:
        """Why it is drained, or would be if this were not only a list."""
        known = self.watch.nodes.get(node.name)
        return node.drain_reason if self._config.drain or known is None or known.stand is not Stand.DRAINED else known.note

    def _class_of(self, node: Node) -> str:
        known = self._classes.get(node.name)
        if known is None or known[0] is not node.offer:
            known = self._classes[node.name] = node.offer, likeness(node.offer, self._config.image)
        return known[1]

    async def _measure(self, name: str) -> None:
        node = self.watch.nodes[name]
        try:
            found = [reading for entry in self._entries for reading in await self._readings(node, entry)]
            await self._hear(name, found)
        except (DrivenOff, Stopping):
            node.due = self._desk.loop.now() + AGAIN_S
        except HpcschedError as error:
            if not is_away(error):
                log.warning("canary on %s: %s", name, error)
                self.watch.missed(name, str(error), self._desk.loop.now())
        finally:
            del self._measured[name]

    async def _readings(self, node: Watched, entry: Entry) -> list[Reading]:
        prepared = await self._prepare(node, entry)
        if prepared.absent:
            return []
        command = (self._python, str(entry.file), "--size", Size.QUICK, "--json", "--settings", prepared.to_json())
        body = await run(self._desk, node.name, canary_spec(entry, command, self._config.image, self._config.runtime))
        return readings(entry, prepared, body)

    @property
    def _python(self) -> str:
        return self._config.python or sys.executable

    async def _prepare(self, node: Watched, entry: Entry) -> Prepared:
        """Once for each node as it is."""
        key = f"{node.name} {node.group} {entry.about.name}"
        if key not in self._prepared:
            command = (self._python, str(entry.file), "--size", Size.QUICK, "--prepare")
            body = await run(self._desk, node.name, canary_spec(entry, command, self._config.image, "baremetal"))
            self._prepared[key] = Prepared.from_json(msgspec.json.encode(body)).to_json()
            async with self._writing:
                await asyncio.to_thread(self._store.keep_prepared, key, self._prepared[key])
        return Prepared.from_json(self._prepared[key])

    async def _hear(self, name: str, found: Sequence[Reading]) -> None:
        if not found:
            self.watch.missed(name, "none of the benchmarks can measure anything there", self._desk.loop.now())
            return
        action = self.watch.hear(name, found, self._desk.loop.now()) if name in self.watch.nodes else None
        if action and self._config.drain:
            log.warning("%s", f"{name}: {action.reason}" if isinstance(action, Drain) else f"{name} is as fast as before")
            await self._desk.loop.insist(lambda state, now: _events(state, action, now))
        medians = self._medians(name, found)
        await self._desk.loop.insist(lambda state, now: speeds.measured(state, name, medians, now))
        async with self._writing:
            await asyncio.to_thread(self._store.keep, msgspec.json.encode(self.watch.nodes[name]), name)

    def _medians(self, name: str, found: Sequence[Reading]) -> list[canary.Median]:
        """Of what was measured just now, where its history is known."""
        tracks = self.watch.nodes[name].tracks
        known = ((reading.metric, tracks[reading.metric]) for reading in found)
        return [canary.Median(metric, track.value(track.median), track.unit) for metric, track in known if track.base is not None]

    def _shown(self, node: Watched, now: float) -> canary.NodeCanaries:
        figures = tuple(self._figure(node, metric, track, now) for metric, track in sorted(node.tracks.items()))
        learning = node.stand is Stand.OK and not any(figure.usual for figure in figures)
        stand = canary.Stand.LEARNING if learning else _STANDS[node.stand]
        return canary.NodeCanaries(node.name, stand, node.group, node.since, node.heard, node.due, node.note, figures)

    def _figure(self, node: Watched, metric: str, track: Track, now: float) -> canary.CanaryFigure:
        found = canary.CanaryFigure(
            metric, track.value(track.recent[-1]), track.unit, figures=len(track.recent), median=track.value(track.median)
        )
        if track.base is None:
            return found
        moved = self.watch.movement(node.group, metric, now)
        usual = track.value(track.base + moved)
        return replace(
            found,
            usual=usual,
            loss=-math.expm1(-track.loss),
            z=track.z,
            class_z=self.watch.class_z(node, metric) or 0.0,
            moved=math.expm1(moved),
            deviation=found.median / usual - 1,
        )


async def forget_speeds(desk: Desk) -> None:
    """What canaries told of nodes when there were some."""
    await desk.loop.insist(speeds.forgotten)


_STANDS = {Stand.OK: canary.Stand.OK, Stand.SUSPECT: canary.Stand.SUSPECT, Stand.DRAINED: canary.Stand.SLOW}


def _events(state: State, action: Drain | Resume, now: float) -> Sequence[Event]:
    """A node that somebody else drained keeps that reason."""
    node = state.nodes.get(action.name)
    if node is None:
        return ()
    if isinstance(action, Resume):
        return decide.resume(state, action.name, now) if node.drain_reason.startswith(canaries.SLOW) else ()
    with contextlib.suppress(NotFound):
        return () if node.drain_reason else decide.drain(state, action.name, printable(action.reason)[:MAX_REASON], now)
    return ()
