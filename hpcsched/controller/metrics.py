"""The figures that a job may name to have nodes which are equally fast in it."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from hpcsched.bench.suite import find
from hpcsched.errors import InvalidValue, NotFound
from hpcsched.model.job import JobSpec
from hpcsched.model.node import Node
from hpcsched.sched.certified import OVERHEAD
from hpcsched.sched.speeds import NONE


class Metrics:
    """Those of the benchmarks that the controller finds, also in `folder` (empty: none), and those that nodes show."""

    def __init__(self, folder: str = "") -> None:
        self._folders = (None, *((Path(folder),) if folder else ()))
        self._known: frozenset[str] | None = None

    async def require(self, specs: Iterable[JobSpec], nodes: Iterable[Node]) -> None:
        """Raises InvalidValue for one that there is not. A controller without any benchmarks takes all."""
        asked = {spec.equal_speed for spec in specs} - {"", NONE}
        if not asked:
            return
        if self._known is None:
            self._known = await asyncio.to_thread(_metrics, self._folders)
        if self._known and not asked <= self._known:
            _refuse(asked, self._known | _shown(nodes))


def _metrics(folders: Sequence[Path | None]) -> frozenset[str]:
    return frozenset(name for folder in folders for name in _of_folder(folder))


def _of_folder(folder: Path | None) -> list[str]:
    try:
        return [f"{entry.about.name}.{metric.name}" for entry in find(folder) for metric in entry.about.metrics]
    except (NotFound, InvalidValue):
        return []


def _shown(nodes: Iterable[Node]) -> set[str]:
    names = {figure.name for node in nodes for one in node.certified for figure in one.figures}
    return {name for name in names if not name.startswith(f"{OVERHEAD}.")}


def _refuse(asked: set[str], known: Iterable[str]) -> None:
    for name in sorted(asked.difference(known)):
        near = difflib.get_close_matches(name, sorted(known), 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`hpcsched bench list` names benchmarks and their metrics"
        raise InvalidValue(f"no benchmark measures {name[:60]!r}, to be equally fast in: {hint}")
