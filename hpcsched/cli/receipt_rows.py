"""A job's receipt: what was asked, what was granted, what the kernel showed, for each of its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpcsched.cli.layout import printable
from hpcsched.model.allocation import Binding
from hpcsched.model.container import Observed, Rlimit
from hpcsched.model.job import Job, JobSpec, ResourceRequest
from hpcsched.model.units import format_bytes

if TYPE_CHECKING:
    from rich.table import Table

_OWN_NAMESPACES = frozenset({"ipc", "mnt", "pid", "uts"})


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """`agrees`: the kernel shows what was granted; None where nothing was promised and the fact is only recorded."""

    node: str
    what: str
    asked: str
    granted: str
    observed: str
    agrees: bool | None

    @property
    def sign(self) -> str:
        return "·" if self.agrees is None else "✓" if self.agrees else "✗"


def receipt_rows(job: Job) -> list[ReceiptRow]:
    """By rank of the node; empty while the job has none."""
    if job.allocation is None:
        return []
    seen = [part.observed if part else None for part in job.parts]
    seen += [None] * (len(job.allocation.bindings) - len(seen))
    return [
        row
        for bound, observed in zip(job.allocation.bindings, seen, strict=False)
        for row in _rows(bound.node, job.spec, bound.binding, observed)
    ]


def receipt_table(job: Job) -> Table:
    """For rich's console: ✓ as granted, ✗ otherwise, · recorded only."""
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=f"job {job.id}: asked, granted, observed", caption=_caption(job), title_justify="left", caption_justify="left"
    )
    for title in ("node", "what", "asked", "granted", "observed", ""):
        table.add_column(title, overflow="fold")
    node = ""
    for row in receipt_rows(job):
        if node not in ("", row.node):
            table.add_section()
        cells = ("" if row.node == node else row.node, row.what, row.asked, row.granted, row.observed)
        table.add_row(*(Text(printable(cell)) for cell in cells), Text(row.sign, style=_colour(row)))
        node = row.node
    return table


def _caption(job: Job) -> str:
    if job.allocation is None:
        return f"the job is {job.state.value}: nothing is granted yet"
    missing = sum(1 for part in job.parts if part is None or part.observed is None)
    missing += len(job.allocation.bindings) - len(job.parts)
    return f"{missing} of its nodes have not shown a container" if missing else "✓ as granted   ✗ otherwise   · recorded only"


def _colour(row: ReceiptRow) -> str:
    return "dim" if row.agrees is None else "green" if row.agrees else "bold red"


def _rows(node: str, spec: JobSpec, granted: Binding, seen: Observed | None) -> Iterator[ReceiptRow]:
    if seen is None:
        for what, asked, given in _granted(spec, granted):
            yield ReceiptRow(node, what, asked, given, "not yet seen", None)
        return
    shown = {"runtime": seen.runtime, "cpus": str(seen.cpus), "mems": str(seen.mems), "memory": _bytes(seen.memory)}
    shown["CFS quota"] = "set" if seen.cfs_quota else "none"
    shown["namespaces"] = " ".join(seen.namespaces) or "the node's"
    for what, asked, given in _granted(spec, granted):
        yield ReceiptRow(node, what, asked, given, shown[what], _agrees(what, spec, granted, seen))
    for what, asked, text in _recorded(spec, seen):
        yield ReceiptRow(node, what, asked, "", text or "not shown", None)


def _granted(spec: JobSpec, granted: Binding) -> tuple[tuple[str, str, str], ...]:
    return (
        ("runtime", spec.runtime, spec.runtime),
        ("cpus", _asked_cpus(spec.resources), str(granted.cpus)),
        ("mems", "local to the cpus", str(granted.mems)),
        ("memory", _bytes(spec.resources.mem_per_node, "all"), _bytes(granted.memory)),
        ("CFS quota", "none", "none"),
        ("namespaces", "", "its own" if spec.runtime == "lxc" else "the node's"),
    )


def _agrees(what: str, spec: JobSpec, granted: Binding, seen: Observed) -> bool:
    if what == "memory":
        return granted.allows_memory(seen.memory)
    if what == "namespaces":
        return seen.namespaces == () if spec.runtime == "baremetal" else set(seen.namespaces) >= _OWN_NAMESPACES
    wanted = {"runtime": spec.runtime, "cpus": granted.cpus, "mems": granted.mems, "CFS quota": False}
    shown = {"runtime": seen.runtime, "cpus": seen.cpus, "mems": seen.mems, "CFS quota": seen.cfs_quota}
    return wanted[what] == shown[what]


def _recorded(spec: JobSpec, seen: Observed) -> tuple[tuple[str, str, str], ...]:
    return (
        ("root", spec.image, seen.root),
        ("cgroup", "", seen.cgroup),
        ("rlimits", "", ", ".join(map(_rlimit, seen.rlimits))),
        ("devices", "", " ".join(seen.devices)),
        ("capabilities", "", seen.capabilities),
        ("seccomp", "", seen.seccomp),
        ("speculation", "", seen.speculation),
        ("kernel", "", seen.kernel),
        ("clock source", "", seen.clock_source),
        ("THP", "", seen.thp),
        ("governor", "", seen.governor),
        ("NUMA balancing", "", seen.numa_balancing),
    )


def _asked_cpus(request: ResourceRequest) -> str:
    asked = [(request.cores_per_node, "core"), (request.cpus_per_node, "cpu")]
    return ", ".join(f"{count} {noun}{'s' if count > 1 else ''}" for count, noun in asked if count) or "all"


def _bytes(size: int, none: str = "no limit") -> str:
    return format_bytes(size) if size else none


def _rlimit(limit: Rlimit) -> str:
    soft, hard = ("unlimited" if value < 0 else str(value) for value in (limit.soft, limit.hard))
    return f"{limit.resource} {soft}" if soft == hard else f"{limit.resource} {soft} of {hard}"
