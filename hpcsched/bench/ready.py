"""Makes a benchmark ready: on the node with its own files, or in an image. What it is started with from then on is its Way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from hpcsched.bench import libraries
from hpcsched.bench.inside import OR_ELSE, Found
from hpcsched.bench.kit import Kit
from hpcsched.bench.prepared import Prepared
from hpcsched.bench.submit import Jobs, Setup, Way, execute, job_spec, prepare_command, read_answer
from hpcsched.bench.suite import Entry
from hpcsched.model.container import HOST


@dataclass(frozen=True, slots=True)
class Ready:
    """With an `absent` in what was prepared there is nothing to start."""

    prepared: Prepared
    way: Way


def ready(jobs: Jobs, setup: Setup, entry: Entry) -> Ready:
    """All of it by jobs on bare metal. Raises HpcschedError."""
    way = Way((setup.python,), entry.arguments)
    if setup.image == HOST:
        return Ready(_prepared(jobs, setup, entry, way), way)
    return _Inside(jobs, setup, entry).ready(way)


def _prepared(jobs: Jobs, setup: Setup, entry: Entry, way: Way) -> Prepared:
    return Prepared.from_json(json.dumps(_asked(jobs, setup, entry, way, prepare_command(way, setup))))


def _asked(jobs: Jobs, setup: Setup, entry: Entry, way: Way, command: tuple[str, ...]) -> dict[str, Any]:
    return read_answer(*execute(jobs, job_spec(entry, setup, way, command, "baremetal"))).body


@dataclass(frozen=True, slots=True)
class _Inside:
    """In an image other than the node's own files."""

    jobs: Jobs
    setup: Setup
    entry: Entry

    def ready(self, on_node: Way) -> Ready:
        """What the image brings is prepared in it; what is compiled, on the node, and it runs with the node's libraries."""
        if self.entry.about.modules:
            return self._with_its_python(self._kit(on_node, ()))
        if self.entry.of_image:
            way = self._way(self._kit(on_node, ()))
            return Ready(_prepared(self.jobs, self.setup, self.entry, way), way)
        prepared = _prepared(self.jobs, self.setup, self.entry, on_node)
        return Ready(prepared, on_node) if prepared.absent else self._with_nodes_programs(prepared, on_node)

    def _with_its_python(self, kit: Kit) -> Ready:
        found = self._look(kit, ("--modules", *self.entry.about.modules, "--version", kit.version))
        way = Way((found.python, "-I", kit.starter), _arguments(self.entry, kit), self.setup.image, (kit.cache,))
        return Ready(Prepared(absent=found.absent) if found.absent else _prepared(self.jobs, self.setup, self.entry, way), way)

    def _with_nodes_programs(self, prepared: Prepared, on_node: Way) -> Ready:
        programs = libraries.named(prepared.settings)
        kit = self._kit(on_node, programs)
        found = self._look(kit, ("--programs", *programs)) if programs else Found()
        return Ready(_or_else(prepared.without(found.lacking)), self._way(kit))

    def _kit(self, on_node: Way, programs: Sequence[str]) -> Kit:
        cache = ("--cache", str(self.setup.cache)) if self.setup.cache else ()
        scripts = str(self.entry.file.parent)
        command = (*on_node.start, "-m", "hpcsched.bench.kit", *cache, "--scripts", scripts, *programs)
        return msgspec.convert(_asked(self.jobs, self.setup, self.entry, on_node, command), Kit)

    def _look(self, kit: Kit, wanted: Sequence[str]) -> Found:
        way = self._way(kit)
        command = (*way.start, "-m", "hpcsched.bench.inside", *wanted)
        return msgspec.convert(_asked(self.jobs, self.setup, self.entry, way, command), Found)

    def _way(self, kit: Kit) -> Way:
        return Way(kit.start, _arguments(self.entry, kit), self.setup.image, (kit.cache,))


def _or_else(prepared: Prepared) -> Prepared:
    return replace(prepared, absent=f"{prepared.absent}, {OR_ELSE}") if prepared.absent else prepared


def _arguments(entry: Entry, kit: Kit) -> tuple[str, ...]:
    return entry.start or (str(Path(kit.scripts) / entry.file.name),)
