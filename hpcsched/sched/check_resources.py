"""Bounds on the resources that a job asks for on each node. Raises InvalidValue with the value in the message."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hpcsched.errors import InvalidValue
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest, TaskBind
from hpcsched.model.units import GIB, KIB, MAX_BYTES, format_bytes
from hpcsched.sched.bounds import short, within

MAX_COUNT = 65_536
MAX_THREADS = 128
"""Above what any processor has; the widest SMT today is 8."""
MAX_GPUS = 1024
SMALLEST_PAGE, LARGEST_PAGE = 4 * KIB, 64 * GIB
NUMA_WORDS = ("pack", "spread")
_LONGEST_LIST = 4096
_TUNING = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)


def check_resources(asked: ResourceRequest) -> None:
    _check_counts(asked)
    if asked.numa:
        check_numa(asked.numa)
    check_hugepages(asked.hugepages)
    _check_tasks(asked)
    if asked.tuning and not _TUNING.fullmatch(asked.tuning):
        raise InvalidValue(f"bad tuning {short(asked.tuning)}: up to 64 of letters, digits and _.-")


def _check_counts(asked: ResourceRequest) -> None:
    within("cpus per node", asked.cpus_per_node, 0, MAX_COUNT)
    within("cores per node", asked.cores_per_node, 0, MAX_COUNT)
    within("memory per node", asked.mem_per_node, 0, MAX_BYTES)
    within("threads per core", asked.threads_per_core, 0, MAX_THREADS)
    within("gpus per node", asked.gpus_per_node or 0, 0, MAX_GPUS)
    within("tasks per node", asked.ntasks_per_node, 0, MAX_COUNT)
    within("cpus per task", asked.cpus_per_task, 0, MAX_COUNT)


def check_numa(text: str) -> None:
    """`pack`, `spread` or ids of NUMA nodes in the list format of cpuset(7), at least one."""
    if text in NUMA_WORDS:
        return
    try:
        found = IdSet.parse(text) if len(text) <= _LONGEST_LIST and text.isprintable() else IdSet()
    except InvalidValue:
        found = IdSet()
    if not found:
        raise InvalidValue(f"bad numa {short(text)}: pack, spread, or ids of NUMA nodes like 0,2-3")


def check_hugepages(asked: Sequence[tuple[int, int]]) -> None:
    """(page size in bytes, pages): each size once and a power of two; what they take together stays below MAX_BYTES."""
    seen: set[int] = set()
    for size, count in asked:
        _check_page_size(size)
        within(f"huge pages of {format_bytes(size)}", count, 1, MAX_BYTES // size)
        if size in seen:
            raise InvalidValue(f"huge pages of {format_bytes(size)} are asked for twice: add the counts up")
        seen.add(size)
    if (total := sum(size * count for size, count in asked)) > MAX_BYTES:
        raise InvalidValue(f"huge pages of {format_bytes(total)} together are above {format_bytes(MAX_BYTES)}")


def _check_page_size(size: int) -> None:
    if size.bit_count() != 1 or not SMALLEST_PAGE <= size <= LARGEST_PAGE:
        bounds = f"{format_bytes(SMALLEST_PAGE)} to {format_bytes(LARGEST_PAGE)}"
        raise InvalidValue(f"bad huge page size {size}: a power of two from {bounds}, as 2M or 1G")


def _check_tasks(asked: ResourceRequest) -> None:
    tasks, each = asked.ntasks_per_node, asked.cpus_per_task
    if not tasks:
        _check_no_tasks(asked)
        return
    needed, most = tasks * each, asked.cpus_per_node or MAX_COUNT
    if needed > most:
        raise InvalidValue(f"{tasks} tasks of {each} cpus need {needed} cpus per node, at most {most} can be had")


def _check_no_tasks(asked: ResourceRequest) -> None:
    if asked.cpus_per_task:
        raise InvalidValue(f"{asked.cpus_per_task} cpus per task, but no tasks: say how many tasks per node")
    if asked.bind is not TaskBind.CORES:
        raise InvalidValue(f"bind {asked.bind.value} is about tasks, but there are none: say how many tasks per node")
