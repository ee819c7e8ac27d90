"""Places for tasks of a given number of PUs: each inside one cache where it fits, else one NUMA node, else anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hpcsched.model.job import TaskBind
from hpcsched.sched.layout import Group, lowest, pus_of, union


def carve(groups: Sequence[Group], size: int, count: int, bind: TaskBind) -> list[Group]:
    """At least `count` disjoint places of `size` PUs, as groups like those given; empty when there are not so many PUs.

    Two tasks share a core only where it holds both whole; where there are too few cores for that, they are cut PU by PU. For
    L3 and NUMA places are made of whole groups or NUMA nodes, and may be larger, as long as there are enough for all tasks.
    """
    if bind in (TaskBind.L3, TaskBind.NUMA):
        whole = _enough(_as_atoms(groups, bind), size, count, whole=True)
        if whole:
            return whole
    return _enough(groups, size, count, whole=False) or _pu_by_pu(groups, size, count)


def _as_atoms(groups: Sequence[Group], bind: TaskBind) -> list[Group]:
    """For each NUMA node one group whose `cores` are what a task takes as a whole."""
    atoms = list[Group]()
    for numa, members in _by_numa(groups).items():
        masks = [union(group.cores) for group in members]
        atoms.append(Group(members[0].package, numa, masks if bind is TaskBind.L3 else [union(masks)]))
    return atoms


def _enough(groups: Sequence[Group], size: int, count: int, whole: bool) -> list[Group]:
    """Places inside groups; only when they are too few, also across those of a NUMA node, then across NUMA nodes."""
    places, rests = _inside(groups, size, whole)
    if _number(places) >= count:
        return places
    between, rests = _inside(_joined(rests), size, whole)
    places = [group for numa in _by_numa([*places, *between]).values() for group in numa]
    if _number(places) >= count:
        return places
    across, _ = _inside([Group(rests[0].package, rests[0].numa, [core for one in rests for core in one.cores])], size, whole)
    places += across
    return places if _number(places) >= count else []


def _inside(groups: Iterable[Group], size: int, whole: bool) -> tuple[list[Group], list[Group]]:
    """Places, and what is left of each group in whole cores; groups without any are left out of the places."""
    places, rests = list[Group](), list[Group]()
    for group in groups:
        mine, rest = _cut(group.cores, size, whole)
        if mine:
            places.append(Group(group.package, group.numa, mine))
        rests.append(Group(group.package, group.numa, rest))
    return places, rests


def _cut(cores: list[int], size: int, whole: bool) -> tuple[list[int], list[int]]:
    width = cores[0].bit_count() if cores else 0
    if width and size % width == 0 and all(core.bit_count() == width for core in cores):
        step = size // width
        stop = len(cores) - len(cores) % step
        return [union(cores[first : first + step]) for first in range(0, stop, step)], cores[stop:]
    return _cut_uneven(cores, size, whole)


def _cut_uneven(cores: Iterable[int], size: int, whole: bool) -> tuple[list[int], list[int]]:
    places, open_, room = list[int](), list[int](), 0
    for core in cores:
        if not open_ and not whole and core.bit_count() >= size:
            places += _several(core, size)
            continue
        open_.append(core)
        room += core.bit_count()
        if room >= size:
            places.append(union(open_) if whole else _trimmed(open_, size))
            open_, room = [], 0
    return places, open_


def _several(core: int, size: int) -> list[int]:
    """Places that fit whole into one core."""
    held = list[int]()
    while core.bit_count() >= size:
        held.append(lowest(core, size))
        core &= ~held[-1]
    return held


def _trimmed(cores: list[int], size: int) -> int:
    """All of all cores but the last, which gives its lowest PUs."""
    full = union(cores[:-1])
    return full | lowest(cores[-1], size - full.bit_count())


def _pu_by_pu(groups: Sequence[Group], size: int, count: int) -> list[Group]:
    pus = [Group(group.package, group.numa, [pu for core in group.cores for pu in pus_of(core)]) for group in groups]
    return _enough(pus, size, count, whole=False)


def _by_numa(groups: Iterable[Group]) -> dict[int, list[Group]]:
    found: dict[int, list[Group]] = {}
    for group in groups:
        found.setdefault(group.numa, []).append(group)
    return found


def _joined(groups: Iterable[Group]) -> list[Group]:
    """One group for each NUMA node."""
    return [
        Group(members[0].package, numa, [core for group in members for core in group.cores])
        for numa, members in _by_numa(groups).items()
    ]


def _number(groups: Iterable[Group]) -> int:
    return sum(len(group.cores) for group in groups)
