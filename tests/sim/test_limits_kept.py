"""Whatever is submitted, cancelled and ended: no limit of the site is ever broken by what runs."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.errors import HpcschedError
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.site import Account, Limits, Partition, Qos, Site
from hpcsched.plugins import names
from hpcsched.state import decide
from hpcsched.state.state import State
from hpcsched.testing.shared_world import SharedWorld
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


CORE = ResourceRequest(cores_per_node=1)
SMALL = st.builds(
    JobSpec,
    command=st.just(("x",)),
    user=st.sampled_from(["ada", "ben"]),
    resources=st.sampled_from([CORE, CORE, ResourceRequest(cores_per_node=3)]),
    array=st.sampled_from(["", "", "", "0-6", "0-9%2"]),
    time_limit_s=st.sampled_from([60, 3600]),
    requeue=st.booleans(),
    account=st.sampled_from(["top", "left"]),
)
DEEDS = st.lists(st.one_of(SMALL, SMALL, st.sampled_from(["plan", "round"])), min_size=5, max_size=25)


@st.composite
def shared_sites(draw: st.DrawFn) -> Site:
    return Site(
        (Partition("p", default=True, shared=True, limits=draw(LIMITS)),),
        accounts=(Account("root", limits=draw(LIMITS)), Account("top", "root"), Account("left", "root")),
    )


def over(state: State, site: Site) -> list[str]:
    """Of what runs; a worker has a node, a small job in it and a worker of an array's tasks count as a job."""
    count: Counter[tuple[str, str]] = Counter()
    for job in state.jobs.values():
        nodes = len(job.allocation.nodes) if job.allocation and job.worker is None else 0
        arrays = [work for work in job.assigned if state.jobs[work.job_id].array]
        jobs = bool(arrays) if job.is_worker else int(job.allocation is not None)
        for whose in ("", f"_per_user {job.spec.user}"):
            count.update({("max_nodes", whose): nodes, ("max_jobs", whose): jobs})
    limits = [site.partitions[0].limits, site.accounts[0].limits]
    most = {key: min(getattr(one, key[0] + key[1].split(" ")[0]) or 99 for one in limits) for key in count}
    return [f"{key}: {number} above {most[key]}" for key, number in count.items() if number > most[key]]


@pytest.mark.parametrize("policy", names("policies"))
@settings(max_examples=25, deadline=None)
@given(shared_sites(), DEEDS)
def test_no_limit_is_broken_by_what_shares_nodes(policy: str, site: Site, deeds: list[JobSpec | str]) -> None:
    world = SharedWorld(policy, NODES[:3], site)
    for deed in [*deeds, "round", "round"]:
        if isinstance(deed, JobSpec):
            with contextlib.suppress(HpcschedError):
                world.submit(deed)
        else:
            getattr(world, deed)()
        assert over(world.state, site) == []


@pytest.mark.parametrize("policy", names("policies"))
@settings(max_examples=10, deadline=None)
@given(shared_sites(), st.lists(SMALL, min_size=1, max_size=12))
def test_everything_that_shares_nodes_runs_within_its_limits_in_the_end(policy: str, site: Site, specs: list[JobSpec]) -> None:
    world = SharedWorld(policy, NODES[:3], site)
    for spec in specs:
        with contextlib.suppress(HpcschedError):
            world.submit(spec)
    for _ in range(40 * len(specs)):
        world.round()
    assert not world.state.jobs
