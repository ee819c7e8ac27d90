"""Is the container what was asked for? By what the kernel shows."""

from __future__ import annotations

from hpcsched.errors import BindingMismatch
from hpcsched.model.container import ContainerSpec, Observed

_PAGE = 1 << 16
"""The kernel rounds a memory limit down to its pages, 64 KiB at most."""


def check(spec: ContainerSpec, observed: Observed) -> None:
    """Raises BindingMismatch for the first difference between what was asked and what the kernel allows."""
    for what, asked, seen in _pairs(spec, observed):
        if asked != seen:
            raise BindingMismatch(what, asked, seen)


def _pairs(spec: ContainerSpec, observed: Observed) -> tuple[tuple[str, str, str], ...]:
    return (
        ("cpus", str(spec.binding.cpus), str(observed.cpus)),
        ("mems", str(spec.binding.mems), str(observed.mems)),
        ("memory", str(spec.binding.memory // _PAGE), str(observed.memory // _PAGE)),
        ("CFS quota", "none", "set" if observed.cfs_quota else "none"),
        *_rlimit_pairs(spec, observed),
    )


def _rlimit_pairs(spec: ContainerSpec, observed: Observed) -> list[tuple[str, str, str]]:
    seen = {limit.resource: (limit.soft, limit.hard) for limit in observed.rlimits}
    asked = [(limit, (limit.soft, limit.hard)) for limit in spec.rlimits]
    return [(f"rlimit {limit.resource}", str(pair), str(seen.get(limit.resource, "not shown"))) for limit, pair in asked]
