"""Whatever is submitted, cancelled and ended: no limit of the site is ever broken by what runs."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.errors import HpcschedError
from hpcsched.model.job import JobSpec
from hpcsched.model.site import Account, Limits, Partition, Qos, Site
from hpcsched.state import decide
from hpcsched.state.state import State
from hpcsched.testing.world import World, exited

NODES = tuple(f"n{number}" for number in range(6))
KEYS = [f"max_{what}{whose}" for what in ("jobs", "nodes", "submit") for whose in ("", "_per_user")] + ["max_nodes_per_job"]
LIMITS = st.dictionaries(st.sampled_from(KEYS), st.integers(1, 5), max_size=2).map(lambda given: Limits(**given))
SPECS = st.builds(
    JobSpec,
    command=st.just(("x",)),
    user=st.sampled_from(["ada", "ben"]),
    nodes=st.integers(1, 4),
    partition=st.sampled_from(["p", "q"]),
    qos=st.sampled_from(["normal", "fast"]),
    account=st.sampled_from(["top", "left", "deep"]),
)
OTHERS = st.tuples(st.sampled_from(["cancel", "end", "plan"]), st.integers(0, 5))
STEPS = st.lists(st.one_of(SPECS, SPECS, OTHERS), min_size=5, max_size=25)


@st.composite
def sites(draw: st.DrawFn) -> Site:
    return Site(
        (Partition("p", limits=draw(LIMITS)), Partition("q", NODES[:3], limits=draw(LIMITS))),
        (Qos("normal", limits=draw(LIMITS)), Qos("fast", limits=draw(LIMITS))),
        (
            Account("root", limits=draw(LIMITS)),
            Account("top"),
            Account("left", "root"),
            Account("mid", "root"),
            Account("deep", "mid"),
        ),
    )


def tables(site: Site, spec: JobSpec) -> dict[str, Limits]:
    """By hand, as docs/site.md says it."""
    above = {"top": [], "left": ["root"], "deep": ["root"]}[spec.account]
    found = {f"account {item.name}": item.limits for item in site.accounts if item.name in above}
    found |= {f"qos {item.name}": item.limits for item in site.qos if item.name == spec.qos}
    return found | {f"partition {item.name}": item.limits for item in site.partitions if item.name == spec.partition}


def broken(state: State, site: Site) -> list[str]:
    count: Counter[tuple[str, str]] = Counter()
    most: dict[tuple[str, str], int] = {}
    for job in state.jobs.values():
        nodes = len(job.allocation.nodes) if job.allocation else 0
        for name, limits in tables(site, job.spec).items():
            for what, amount in (("jobs", int(nodes > 0)), ("nodes", nodes), ("submit", 1)):
                for whose in ("", "_per_user"):
                    key = (f"{name} {job.spec.user if whose else ''}", f"max_{what}{whose}")
                    count[key] += amount
                    most[key] = getattr(limits, key[1])
            if limits.max_nodes_per_job and nodes > limits.max_nodes_per_job:
                return [f"{job.id} has {nodes} nodes"]
    return [f"{key}: {number} above {most[key]}" for key, number in count.items() if most[key] and number > most[key]]


@settings(max_examples=60, deadline=None)
@given(sites(), STEPS)
def test_no_limit_is_broken_at_any_time(site: Site, steps: list[JobSpec | tuple[str, int]]) -> None:
    world = World(())
    world.state = State(site)
    for name in NODES:
        world.register(name)
    for step in [*steps, ("plan", 0)]:
        take(world, step)
        assert broken(world.state, site) == []


def take(world: World, step: JobSpec | tuple[str, int]) -> None:
    if isinstance(step, JobSpec):
        try:
            world.submit(step)
        except HpcschedError:
            return
    elif step[0] == "plan":
        world.plan()
    elif world.state.jobs:
        what, number = step
        job = list(world.state.jobs.values())[number % len(world.state.jobs)]
        if what == "cancel":
            world.do(*decide.cancel(world.state, job.id, world.tick()))
        for name in job.allocation.nodes if job.allocation else ():
            world.tell(name, exited(job.id))
            world.clean(name, job.id)
