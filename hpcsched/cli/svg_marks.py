"""Which PUs of a drawing stand out, how, and what the legend says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Topology

COLOURS = ("#1f7a4d", "#2b6cb0", "#b7410e", "#6b46c1", "#9b2c5e", "#7b5e00", "#0f766e", "#4a5568")
"""Of the tasks in turn; white letters can be read on each (WCAG 2.2, 1.4.3: at least 4.5 to 1)."""
MOST_LINES = 32

STYLE = ".pu.job{fill:#1f7a4d;stroke:#0b3d24;stroke-width:2.5}.n.job{fill:#fff;font-weight:700}" + "".join(
    f".pu.task{number}{{fill:{colour}}}.t.task{number}{{fill:{colour}}}" for number, colour in enumerate(COLOURS)
)


@dataclass(frozen=True, slots=True)
class Marks:
    """The PUs of a job; `owners`: the number of the task by PU, empty without tasks or where they share PUs."""

    job: IdSet
    owners: Mapping[int, int]

    def style(self, pu: int) -> str:
        """Its further classes, each behind a space."""
        if pu not in self.job:
            return ""
        return f" job{_task_class(self.owners[pu])}" if pu in self.owners else " job"

    def words(self, pu: int) -> str:
        if pu not in self.job:
            return ""
        return f", of task {self.owners[pu]}" if pu in self.owners else ", of the job"


def marks(job: IdSet, tasks: Sequence[IdSet]) -> Marks:
    owners = {pu: number for number, task in enumerate(tasks) for pu in task}
    return Marks(job, owners if len(owners) == sum(map(len, tasks)) else {})


def legend(topology: Topology, mine: Marks, tasks: Sequence[IdSet]) -> list[tuple[str, str]]:
    """Lines and their classes; empty without a job. A task's line has its colour, where it has one."""
    if not mine.job:
        return []
    here = len(mine.job & topology.pus)
    lines = [(f"dark: the job's PUs, {here} of {len(topology.pus)} ({mine.job})", "")]
    styles = [f"t{_task_class(number)}" if mine.owners else "" for number in range(len(tasks))]
    lines += [(f"task {number}: {tasks[number]}", style) for number, style in enumerate(styles[:MOST_LINES])]
    return lines + ([(f"and {len(tasks) - MOST_LINES} more tasks", "")] if len(tasks) > MOST_LINES else [])


def _task_class(number: int) -> str:
    return f" task{number % len(COLOURS)}"
