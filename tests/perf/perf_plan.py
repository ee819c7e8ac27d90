"""How long one planning pass takes, with the state's snapshot, on large clusters with long queues."""

from __future__ import annotations

import math
import random
import statistics
from dataclasses import replace
from time import thread_time
from typing import Any

from hpcsched.model.allocation import Allocation, NodeBinding
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.model.site import Partition, Site, Weights
from hpcsched.plugins import load
from hpcsched.sched.binding import bind
from hpcsched.sched.verify import verify
from hpcsched.state.events import AllocationGranted, JobsSubmitted, NodeRegistered, SubmittedJob
from hpcsched.state.queue import PERIOD_S
from hpcsched.state.state import State
from hpcsched.testing.topologies import grid, offer_of

SIZES = ((100, 1_000), (1_000, 10_000), (10_000, 100_000))
POLICIES = ("fifo", "easy", "sjbf", "conservative", "wfp")
ROUNDS = 5
NOW = 1_000_000.0
SITE = Site(
    partitions=(
        Partition("batch", default=True),
        Partition("epyc", nodes=("+epyc",)),
        Partition("xeon", nodes=("+xeon",)),
        Partition("debug", nodes=("n*0",)),
    ),
    weights=Weights(age=1000, fair_share=1000),
)


def measure() -> list[tuple[str, str]]:
    """CPU time of a pass, `verify` and the state's snapshot in it (aims: 1,000 nodes and 10,000 jobs 5 ms, ten times as much of
    both 100 ms), and how it grows from each size to the next over n log n. 3 in 100 nodes are free, two kinds of nodes, four
    partitions, 50 shapes, 500 owners.
    """
    rows, before = [], dict[str, tuple[int, float]]()
    for nodes, jobs in SIZES:
        state = loaded(nodes, jobs)
        for name in POLICIES:
            found = _timed(state, name)
            label = f"{name}: a pass over {nodes:,} nodes and {jobs:,} waiting jobs"
            worst = max(found["after a job came"], found["all ranked again"])
            rows.append(
                (label, "   ".join(f"{what} {ms:6.2f} ms" for what, ms in found.items()) + _growth(before.get(name), jobs, worst))
            )
            before[name] = (jobs, worst)
    return rows


def _growth(before: tuple[int, float] | None, jobs: int, worst: float) -> str:
    """1.0: as n log n."""
    if before is None:
        return ""
    count, time = before
    return f"   growth / n log n {worst / time / (jobs * math.log(jobs) / (count * math.log(count))):.2f}"


def loaded(nodes: int, jobs: int) -> State:
    """Its events are applied, not journaled."""
    chance, state = random.Random(1), State(SITE)
    offers = [_offer(number) for number in range(nodes)]
    for offer in offers:
        state.apply(NodeRegistered(NOW - 50_000, offer))
    free = max(1, nodes * 3 // 100)
    _run(state, chance, offers[: nodes - free])
    waiting = tuple(SubmittedJob(state.next_job_id + n, _spec(chance, nodes)) for n in range(jobs))
    state.apply(JobsSubmitted(NOW - 10_000, "waiting", waiting))
    return state


def _offer(number: int) -> NodeOffer:
    kind = _KINDS[number % 2]
    return replace(kind, name=f"n{number:05}")


_KINDS = (
    replace(offer_of(grid(cores=8)), features=("epyc", "ib")),
    replace(offer_of(grid(cores=16)), features=("xeon", "ib")),
)


def _run(state: State, chance: random.Random, offers: list[NodeOffer]) -> None:
    """About a third as many running jobs as nodes."""
    at = 0
    while at < len(offers):
        mine = offers[at : at + chance.randint(1, 6)]
        at += len(mine)
        spec = JobSpec(("x",), user=f"u{chance.randrange(500)}", nodes=len(mine), time_limit_s=chance.randint(1, 24) * 3600)
        number = state.next_job_id
        state.apply(JobsSubmitted(NOW - 30_000, f"r{number}", (SubmittedJob(number, replace(spec, partition="batch")),)))
        parts = tuple(NodeBinding(offer.name, bind(offer, spec.resources)) for offer in mine)
        state.apply(AllocationGranted(NOW - chance.random() * 3600, number, Allocation(parts)))


def _spec(chance: random.Random, nodes: int) -> JobSpec:
    return JobSpec(
        ("x",),
        user=f"u{chance.randrange(500)}",
        partition=chance.choice(("batch", "batch", "epyc", "xeon", "debug")),
        nodes=min(nodes // 4, int(2 ** chance.uniform(0, 10))),
        resources=ResourceRequest(cores_per_node=chance.choice((0, 1, 2, 4, 8, 12, 16))),
        constraint=chance.choice(("", "ib")),
        time_limit_s=chance.choice((600, 1800, 3600, 7200, 14400, 28800, 43200, 86400)),
    )


def _timed(state: State, name: str) -> dict[str, float]:
    """Milliseconds: the first pass of a policy, and the median of those in which nothing came, one job came, all were ranked."""
    policy, now = load("policies", name)(), max(NOW, state.last_time) + 2 * PERIOD_S
    found: dict[str, list[float]] = {"first": [_pass_ms(state, policy, now)]}
    for turn in range(ROUNDS):
        found.setdefault("again", []).append(_pass_ms(state, policy, now))
        state.apply(JobsSubmitted(now, f"{name}-{turn}", (SubmittedJob(state.next_job_id, JobSpec(("x",), nodes=2)),)))
        found.setdefault("after a job came", []).append(_pass_ms(state, policy, now))
        now += 2 * PERIOD_S
        found.setdefault("all ranked again", []).append(_pass_ms(state, policy, now))
    return {what: statistics.median(times) for what, times in found.items()}


def _pass_ms(state: State, policy: Any, now: float) -> float:
    began = thread_time()
    snapshot = state.snapshot(now)
    verify(policy.plan(snapshot), snapshot)
    return (thread_time() - began) * 1000
