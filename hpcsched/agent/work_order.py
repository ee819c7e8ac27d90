"""A work in the words of the supervisor: its command, its slots' variables, its tasks' numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hpcsched.agent.tasks import threads_env
from hpcsched.model.allocation import TaskBinding
from hpcsched.model.array import ArrayTasks, parse_array
from hpcsched.model.container import DesiredContainer, Work
from hpcsched.runtimes.base import Env, TaskSlot, WorkOrder, WorkWish

if TYPE_CHECKING:
    from hpcsched.agent.surroundings import Surroundings


def is_array(work: Work) -> bool:
    return bool(work.array)


def is_packed(work: Work) -> bool:
    """All tasks' output goes into one file of records: they have no file of the user's, or each its own."""
    return is_array(work) and (not work.stdout or "%a" in work.stdout)


def order_of(work: Work, desired: DesiredContainer, around: Surroundings) -> WorkOrder:
    """Raises DeviceFailure, InvalidValue."""
    env = {**dict(work.command.env), "HPCSCHED_JOB_ID": str(work.job_id), **dict(_array_env(work))}
    command = dataclasses.replace(work.command, env=tuple(env.items()))
    slots = tuple(_slot(slot, desired, around, env) for slot in work.slots)
    return WorkOrder(command, slots, numbered=is_array(work), packed=is_packed(work), restarts=work.restarts)


def _slot(slot: TaskBinding, desired: DesiredContainer, around: Surroundings, env: dict[str, str]) -> TaskSlot:
    """The job's own variables win over the threads', and ours over the job's."""
    binding = desired.container.binding
    threads = {key: value for key, value in threads_env(slot.cpus, around.topology) if key not in env}
    ours = {"HPCSCHED_CPUS": str(slot.cpus), "HPCSCHED_GPUS": ",".join(slot.gpus)}
    devices = dict(around.outfitter.task_env(binding, slot, runtime=desired.runtime)) if binding.gpus else {}
    return TaskSlot(slot.cpus, slot.mems, tuple({**threads, **ours, **devices}.items()))


def _array_env(work: Work) -> Env:
    if not is_array(work):
        return ()
    tasks = parse_array(work.array)
    return (
        ("HPCSCHED_ARRAY_JOB_ID", str(work.job_id)),
        ("HPCSCHED_ARRAY_TASK_COUNT", str(len(tasks))),
        ("HPCSCHED_ARRAY_TASK_MIN", str(tasks.lowest)),
        ("HPCSCHED_ARRAY_TASK_MAX", str(tasks.highest)),
        ("HPCSCHED_ARRAY_TASK_STEP", str(tasks.step)),
    )


def wish_of(work: Work) -> WorkWish:
    tasks = parse_array(work.array) if is_array(work) else None
    ranges = tuple(part for first, end in work.ranges for part in _numbered(tasks, first, end))
    return WorkWish(ranges, work.time_limit_s, work.grace_s, work.cancel)


def _numbered(tasks: ArrayTasks | None, first: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut where the step from one id to the next changes."""
    if tasks is None:
        yield first, end, 0, 1
        return
    begin = 0
    for (lowest, _, step), last in zip(tasks.parts, tasks.ends, strict=True):
        low, high = max(first, begin), min(end, last)
        if low < high:
            yield low, high, lowest + (low - begin) * step, step
        begin = last
