"""Is the container what was asked for? By what the kernel shows."""

from __future__ import annotations

from hpcsched.errors import BindingMismatch
from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec, Observed


def check(spec: ContainerSpec, observed: Observed) -> None:
    """Raises BindingMismatch for the first difference between what was asked and what the kernel allows."""
    for what, asked, seen in _pairs(spec, observed):
        if asked != seen:
            raise BindingMismatch(what, asked, seen)


def _pairs(spec: ContainerSpec, observed: Observed) -> tuple[tuple[str, str, str], ...]:
    return (
        ("cpus", str(spec.binding.cpus), str(observed.cpus)),
        ("mems", str(spec.binding.mems), str(observed.mems)),
        _memory_pair(spec.binding, observed.memory),
        ("CFS quota", "none", "set" if observed.cfs_quota else "none"),
        *_rlimit_pairs(spec, observed),
    )


def _memory_pair(granted: Binding, limit: int) -> tuple[str, str, str]:
    asked = str(granted.memory)
    return "memory", asked, asked if granted.allows_memory(limit) else str(limit)


def _rlimit_pairs(spec: ContainerSpec, observed: Observed) -> list[tuple[str, str, str]]:
    seen = {limit.resource: (limit.soft, limit.hard) for limit in observed.rlimits}
    asked = [(limit, (limit.soft, limit.hard)) for limit in spec.rlimits]
    return [(f"rlimit {limit.resource}", str(pair), str(seen.get(limit.resource, "not shown"))) for limit, pair in asked]
