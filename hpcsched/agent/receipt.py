"""Is the container what was asked for? By what the kernel shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hpcsched.errors import BindingMismatch
from hpcsched.hardware.cgroup_limits import hugepage_limits
from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec, Observed, ObservedTask, OpenedDevice

UNCONFINED = "baremetal"
"""The runtime in which every device of the node opens."""
NOT_TRIED = "not tried"
"""Outcome of a device behind one that did not answer in time."""


def check(spec: ContainerSpec, observed: Observed) -> None:
    """Raises BindingMismatch for the first difference between what was asked and what the kernel allows."""
    for what, asked, seen in _pairs(spec, observed):
        if asked != seen:
            raise BindingMismatch(what, asked, seen)


def check_tasks(asked: Binding, seen: Sequence[ObservedTask]) -> None:
    """Raises BindingMismatch for the first task that the kernel keeps on other PUs than its own."""
    for number, (task, found) in enumerate(zip(asked.tasks, seen, strict=True)):
        if task.cpus != found.cpus:
            raise BindingMismatch(f"cpus of task {number}", str(task.cpus), str(found.cpus))


def unopened(opened: Iterable[OpenedDevice]) -> Iterator[str]:
    """Sentences for `Observed.lacks`: granted devices that the rules let through and the driver does not open."""
    for item in opened:
        if item.granted and _lets(item) and item.outcome != "ok":
            how = "was not tried" if item.outcome == NOT_TRIED else f"does not open: {item.outcome}"
            yield f"{item.path} {how}; see hpcsched doctor gpu"


def _pairs(spec: ContainerSpec, observed: Observed) -> tuple[tuple[str, str, str], ...]:
    return (
        ("cpus", str(spec.binding.cpus), str(observed.cpus)),
        ("mems", str(spec.binding.mems), str(observed.mems)),
        _memory_pair(spec.binding, observed.memory),
        ("CFS quota", "none", "set" if observed.cfs_quota else "none"),
        *_rlimit_pairs(spec, observed),
        *_hugepage_pairs(spec.binding, observed),
        *_opened_pairs(observed),
        *_driver_pairs(spec, observed),
    )


def _memory_pair(granted: Binding, limit: int) -> tuple[str, str, str]:
    asked = str(granted.memory)
    return "memory", asked, asked if granted.allows_memory(limit) else str(limit)


def _rlimit_pairs(spec: ContainerSpec, observed: Observed) -> list[tuple[str, str, str]]:
    seen = {limit.resource: (limit.soft, limit.hard) for limit in observed.rlimits}
    asked = [(limit, (limit.soft, limit.hard)) for limit in spec.rlimits]
    return [(f"rlimit {limit.resource}", str(pair), str(seen.get(limit.resource, "not shown"))) for limit, pair in asked]


def _hugepage_pairs(granted: Binding, observed: Observed) -> list[tuple[str, str, str]]:
    """Of every size that is limited; a job that was given none is not limited."""
    asked, seen = dict(hugepage_limits(granted.hugepages, ())), dict(observed.hugepages)
    if not asked:
        return []
    return [
        (f"huge pages of {size} bytes", str(asked.get(size, 0)), str(seen.get(size, "not limited")))
        for size in sorted(asked.keys() | seen.keys())
    ]


def _opened_pairs(observed: Observed) -> list[tuple[str, str, str]]:
    """By what the kernel answered: EPERM is the device rules', any other error the driver's, so that the rules let it through.

    Bare metal confines nothing: what it opens is recorded.
    """
    confined = observed.runtime != UNCONFINED
    asked = [(item, "to open" if item.granted else "EPERM") for item in observed.opened if item.granted or confined]
    return [(f"device {item.path}", wish, item.outcome if _lets(item) != item.granted else wish) for item, wish in asked]


def _lets(item: OpenedDevice) -> bool:
    """The rules let it through; a node that is gone is let through to nobody."""
    return item.outcome not in ("EPERM", "ENOENT")


def _driver_pairs(spec: ContainerSpec, observed: Observed) -> list[tuple[str, str, str]]:
    seen = dict(observed.drivers)
    return [(f"driver {name}", version, seen[name]) for name, version in spec.drivers if name in seen]
