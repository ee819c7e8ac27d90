"""The part of a receipt that was promised: each fact is compared with what the kernel shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from hpcsched.cli.receipt_fact import NOT_SEEN, NOT_SHOWN, Fact, Shown, Verdict, judged, kept, same
from hpcsched.model.allocation import Binding, TaskBinding
from hpcsched.model.container import HOST, Observed, ObservedTask, OpenedDevice
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.units import format_bytes, format_count

_TRIED = {True: "granted devices", False: "refused devices"}
"""Rows of what was opened, by whether it should."""
_OWN_NAMESPACES = frozenset({"ipc", "mnt", "pid", "uts"})
_POLICIES = {
    "prefer": "prefers",
    "prefer (many)": "prefers",
    "bind": "is bound to",
    "interleave": "is interleaved over",
    "weighted interleave": "is interleaved by weight over",
}
"""What a task's memory does, by the policy's name in numa_maps (numa(7))."""
_NO_PARTITION = "member"
"""cgroup-v2.rst, cpuset.cpus.partition; under cgroup v1 there is nothing else, and nothing shown."""


def granted_facts(spec: JobSpec, granted: Binding, seen: Observed | None) -> Iterator[Fact]:
    yield judged("runtime", spec.runtime, spec.runtime, seen, lambda it: (it.runtime, same(it.runtime == spec.runtime)))
    yield from _placement(spec.resources, granted, seen)
    yield _namespaces(spec, seen)
    yield from _hugepages(spec.resources, granted, seen)
    yield from _devices(spec, granted, seen)
    yield from _tasks(spec.resources, granted, seen)


def asked_cpus(request: ResourceRequest) -> str:
    """`2 cores, 1 thread of each`; `all` when nothing was asked."""
    per_task = request.ntasks_per_node * request.cpus_per_task
    asked = [(request.cores_per_node, "core"), (request.cpus_per_node or (not request.cores_per_node and per_task), "cpu")]
    counts = [format_count(count, noun) for count, noun in asked if count] or ["all"]
    threads = request.threads_per_core
    return ", ".join([*counts, *([f"{format_count(threads, 'thread')} of each core"] if threads else [])])


def _placement(request: ResourceRequest, granted: Binding, seen: Observed | None) -> Iterator[Fact]:
    cpus, mems = str(granted.cpus), str(granted.mems)
    yield judged("cpus", asked_cpus(request), cpus, seen, lambda it: (str(it.cpus), same(it.cpus == granted.cpus)))
    yield judged("mems", _asked_mems(request), mems, seen, lambda it: (str(it.mems), same(it.mems == granted.mems)))
    if seen and (seen.partition or seen.partition_asked not in ("", _NO_PARTITION)):
        yield Fact("partition", seen.partition_asked, "", seen.partition or NOT_SHOWN, _partition(seen))
    asked, memory = _bytes(request.mem_per_node, "all"), _memory(granted)
    yield judged("memory", asked, memory, seen, lambda it: (_bytes(it.memory), same(granted.allows_memory(it.memory))))
    yield judged("CFS quota", "none", "none", seen, lambda it: ("set" if it.cfs_quota else "none", same(not it.cfs_quota)))


def _partition(seen: Observed) -> Verdict:
    return kept(seen.partition == seen.partition_asked) if seen.partition_asked else Verdict.RECORDED


def _namespaces(spec: JobSpec, seen: Observed | None) -> Fact:
    granted = "its own" if spec.runtime == "lxc" else "the node's" if spec.image == HOST else "the node's, but for mounts"
    return judged("namespaces", "", granted, seen, lambda it: (" ".join(it.namespaces) or "the node's", _own(spec, it)))


def _own(spec: JobSpec, seen: Observed) -> Verdict:
    if spec.runtime == "baremetal":
        return same(seen.namespaces == (() if spec.image == HOST else ("mnt",)))
    return same(set(seen.namespaces) >= _OWN_NAMESPACES)


def _hugepages(request: ResourceRequest, granted: Binding, seen: Observed | None) -> Iterator[Fact]:
    if not (request.hugepages or granted.hugepages):
        return
    asked = ", ".join(f"{count} × {format_bytes(size)}" for size, count in request.hugepages)
    given = ", ".join(f"{part.count} × {format_bytes(part.size)} on {part.numa}" for part in granted.hugepages)
    yield judged("huge pages", asked or "none", given, seen, lambda it: _hugepage_limits(granted, it))


def _hugepage_limits(granted: Binding, seen: Observed) -> Shown:
    """A size that was not granted is limited to none."""
    limits = dict(seen.hugepages)
    wanted = dict.fromkeys(limits, 0) | {part.size: 0 for part in granted.hugepages}
    for part in granted.hugepages:
        wanted[part.size] += part.size * part.count
    text = ", ".join(f"{limit // size} × {format_bytes(size)}" for size, limit in limits.items() if limit)
    return text or NOT_SHOWN, same(limits == wanted)


def _devices(spec: JobSpec, granted: Binding, seen: Observed | None) -> Iterator[Fact]:
    asked = spec.resources.gpus_per_node
    if granted.gpus or asked is not None:
        given = " ".join(granted.gpus) or "none"
        yield Fact("GPUs", "all" if asked is None else str(asked), given, _seen_at(granted.gpus, seen), Verdict.RECORDED)
    if granted.nics:
        yield Fact("NICs", "all", " ".join(granted.nics), _seen_at(granted.nics, seen), Verdict.RECORDED)
    for wanted, what in _TRIED.items():
        if found := [one for one in (seen.opened if seen else ()) if one.granted is wanted]:
            yield Fact(what, "", "", ", ".join(f"{one.path} {one.outcome}" for one in found), _opened(spec, found))


def _seen_at(ids: Sequence[str], seen: Observed | None) -> str:
    """Which row has the nodes of these devices; without devices, that of those which must not open."""
    if seen is None:
        return NOT_SEEN
    tried = any(one.granted is bool(ids) for one in seen.opened)
    return f"see {_TRIED[bool(ids)]}" if tried else NOT_SHOWN if ids else ""


def _opened(spec: JobSpec, found: Sequence[OpenedDevice]) -> Verdict:
    """EPERM is the device rules' answer, any other error a driver's; ENOENT: there is no such node. Bare metal refuses none."""
    if spec.runtime == "baremetal" and not found[0].granted:
        return Verdict.RECORDED
    if any((one.outcome not in ("EPERM", "ENOENT")) is not one.granted for one in found):
        return Verdict.DIFFERS
    return kept(all(one.outcome == "ok" for one in found if one.granted))


def _tasks(request: ResourceRequest, granted: Binding, seen: Observed | None) -> Iterator[Fact]:
    asked = format_count(request.cpus_per_task, "cpu") if request.cpus_per_task else request.bind.value
    pairs = zip_longest(granted.tasks, seen.tasks if seen else ())
    for number, (task, shown) in enumerate(pairs):
        yield Fact(f"task {number}", asked, _task(task) if task else "none", _task_shown(shown), _task_verdict(task, shown))


def _task(task: TaskBinding) -> str:
    return ", ".join([str(task.cpus), f"mems {task.mems}", *task.gpus])


def _task_shown(shown: ObservedTask | None) -> str:
    if shown is None:
        return NOT_SEEN
    return ", ".join(part for part in (str(shown.cpus), _policy(shown.policy)) if part) or NOT_SHOWN


def _policy(shown: str) -> str:
    """`prefer (many):0` as `memory prefers 0`."""
    name, _, nodes = shown.partition(":")
    return f"memory {_POLICIES.get(name, name)} {nodes}".rstrip() if shown else ""


def _task_verdict(task: TaskBinding | None, shown: ObservedTask | None) -> Verdict:
    """Without cpus nothing is known of it: it did not start."""
    if shown is None or not shown.cpus:
        return Verdict.RECORDED
    return same(task is not None and task.cpus == shown.cpus)


def _asked_mems(request: ResourceRequest) -> str:
    if request.numa in ("", "pack"):
        return "local to the cpus"
    return "of all NUMA nodes" if request.numa == "spread" else f"NUMA {request.numa}"


def _memory(granted: Binding) -> str:
    split = ", ".join(f"{format_bytes(size)} on {node}" for node, size in granted.memory_split)
    return _bytes(granted.memory) + (f" ({split})" if len(granted.memory_split) > 1 else "")


def _bytes(size: int, none: str = "no limit") -> str:
    return format_bytes(size) if size else none
