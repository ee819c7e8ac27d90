"""Several simulations of one trace, side by side: every policy with every site's settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from hpcsched import plugins
from hpcsched.config import ControllerConfig, load
from hpcsched.errors import InvalidValue
from hpcsched.model.site import Partition, Site, Weights
from hpcsched.sched.partitions import is_member
from hpcsched.sim.engine import Setting, simulate
from hpcsched.sim.machine import offers
from hpcsched.sim.outcome import Outcome
from hpcsched.sim.runs import Progress
from hpcsched.sim.trace import Trace

MAX_ARMS = 8
UNSETTLED = Site(weights=Weights(age=0))
"""A site that has settled nothing: its jobs stand in the order of their arrival, which needs no counting of their age."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One policy under one site's settings, and what to call the two."""

    label: str
    policy: str
    site: Site


def arms(policies: Sequence[str], configs: Sequence[Path]) -> tuple[Arm, ...]:
    """Without a file: a site that has settled nothing. Raises NotFound, ConfigError, InvalidValue on too many."""
    for policy in policies:
        policy_class(policy)
    sites = [(path.stem, load(path, "controller", ControllerConfig).site) for path in configs] or [("", UNSETTLED)]
    found = tuple(
        Arm(_label(policy, name, len(policies), len(sites)), policy, site) for policy, (name, site) in product(policies, sites)
    )
    if len(found) > MAX_ARMS:
        raise InvalidValue(f"{len(found)} simulations side by side, at most {MAX_ARMS}: name fewer policies or configurations")
    return tuple(replace(arm, label=_numbered(arm.label, at, found)) for at, arm in enumerate(found))


def on_the_machine(chosen: Sequence[Arm], setting: Setting) -> tuple[tuple[Arm, ...], list[str]]:
    """With all nodes in each partition that has none of the simulated ones, which bear other names and no features; what was so
    changed, in words."""
    nodes = tuple(offers(setting.processors, setting.node_processors))
    fitted, told = list[Arm](), dict[str, None]()
    for arm in chosen:
        bare = {item.name for item in arm.site.partitions if not any(is_member(item, node) for node in nodes)}
        told |= dict.fromkeys(_without_nodes(item) for item in arm.site.partitions if item.name in bare)
        parts = tuple(replace(item, nodes=()) if item.name in bare else item for item in arm.site.partitions)
        fitted.append(replace(arm, site=replace(arm.site, partitions=parts)) if bare else arm)
    return tuple(fitted), list(told)


def _without_nodes(partition: Partition) -> str:
    return f"partition {partition.name} has all nodes: none of the simulated ones is of {', '.join(partition.nodes)}"


def policy_class(name: str) -> Any:
    """Raises NotFound that lists the policies there are."""
    return plugins.load("policies", name)


def run(trace: Trace, chosen: Sequence[Arm], setting: Setting, progress: Progress | None = None) -> tuple[Outcome, ...]:
    """One after the other; each has a policy of its own."""
    return tuple(
        simulate(trace, policy_class(arm.policy)(), replace(setting, site=arm.site), arm.label, _part(progress, at, len(chosen)))
        for at, arm in enumerate(chosen)
    )


def _part(progress: Progress | None, at: int, count: int) -> Progress | None:
    """Of all simulations together."""
    return (lambda done, total: progress(at * total + done, count * total)) if progress else None


def _label(policy: str, config: str, policies: int, configs: int) -> str:
    if configs == 1:
        return policy
    return config if policies == 1 else f"{policy} {config}"


def _numbered(label: str, at: int, found: Sequence[Arm]) -> str:
    """Told apart where two have one name."""
    before = sum(arm.label == label for arm in found[:at])
    return f"{label} {before + 1}" if before else label
