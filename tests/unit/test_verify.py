from dataclasses import replace

import pytest

from hpcsched.errors import PlanRejected
from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, JobState, Reason, ResourceRequest
from hpcsched.model.node import Node
from hpcsched.model.snapshot import Plan, Snapshot, Start, Wait
from hpcsched.sched.verify import verify
from hpcsched.testing.topologies import grid, offer_of

SHAPE = grid(nodes=2, cores=2, pus=1)
WHOLE = Binding(IdSet.parse("0-3"), IdSet.parse("0-1"), 2 << 30)
WAIT = Wait(Reason.RESOURCES, "x")


def node(name: str, **values: object) -> Node:
    return replace(Node(offer_of(SHAPE, name), connected=True), **values)  # type: ignore[arg-type]


def snapshot(*specs: JobSpec, **values: object) -> Snapshot:
    jobs = tuple(Job(number, spec, "r", JobState.PENDING, 0.0) for number, spec in enumerate(specs, 1))
    return Snapshot(0.0, (node("n1", **values), node("n2", **values)), jobs, ())


def start(job_id: int, *nodes: str, binding: Binding = WHOLE) -> Start:
    return Start(job_id, Allocation(tuple(NodeBinding(name, binding) for name in nodes)))


ONE = JobSpec(("x",))


def test_a_sound_plan_passes() -> None:
    verify(Plan((start(1, "n2"),), {2: WAIT}), snapshot(ONE, ONE))
    verify(Plan((start(1, "n2", "n1"),), {}, WAIT), snapshot(replace(ONE, nodes=2), ONE, ONE))
    verify(Plan(), snapshot())


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan((start(1, "n9"),), {2: WAIT}), "n9, for job 1, is not known"),
        (Plan((start(1, "n1"), start(2, "n1"))), "n1, for job 2, is given away twice"),
        (Plan((start(1, "n1"), start(1, "n2")), {2: WAIT}), "two answers"),
        (Plan((start(1, "n1"),), {1: WAIT, 2: WAIT}), "two answers"),
        (Plan((start(1, "n1", "n2"),), {2: WAIT}), "asked for 1 nodes and gets 2"),
        (Plan((start(1),), {2: WAIT}), "asked for 1 nodes and gets 0"),
        (Plan((start(1, "n1"),)), "job 2 has neither a start nor a reason"),
        (Plan((), {1: WAIT}), "job 2 has neither a start nor a reason"),
        (Plan((start(7, "n1"),), {}, WAIT), "job 7 is not pending"),
        (Plan((), {7: WAIT}, WAIT), "job 7 is not pending"),
        (Plan((start(1, "n1", binding=replace(WHOLE, cpus=IdSet.parse("0-4"))),), {2: WAIT}), "hands out cpus 0-3, not 0-4"),
        (Plan((start(1, "n1", binding=replace(WHOLE, cpus=IdSet())),), {2: WAIT}), "hands out cpus 0-3, not"),
        (Plan((start(1, "n1", binding=replace(WHOLE, mems=IdSet())),), {2: WAIT}), "has no memory node"),
        (Plan((start(1, "n1", binding=replace(WHOLE, mems=IdSet.of([0, 5]))),), {2: WAIT}), "has no memory node 5"),
        (Plan((start(1, "n1", binding=replace(WHOLE, mems=IdSet.of([0]))),), {2: WAIT}), "from their own memory node 1"),
        (Plan((start(1, "n1", binding=replace(WHOLE, memory=1 << 40)),), {2: WAIT}), "bytes, not"),
    ],
)
def test_a_plan_that_breaks_a_rule_is_refused(plan: Plan, message: str) -> None:
    with pytest.raises(PlanRejected, match=message):
        verify(plan, snapshot(ONE, ONE))


@pytest.mark.parametrize(
    "values", [{"connected": False}, {"down": True}, {"drain_reason": "fan"}, {"job_id": 9}, {"cleaning": (9,)}]
)
def test_a_node_that_is_not_free_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(PlanRejected, match="n1, for job 1, is"):
        verify(Plan((start(1, "n1"),)), snapshot(ONE, **values))


@pytest.mark.parametrize(
    "spec",
    [
        replace(ONE, runtime="jail"),
        replace(ONE, resources=ResourceRequest(cpus_per_node=5)),
        replace(ONE, resources=ResourceRequest(cores_per_node=5)),
        replace(ONE, resources=ResourceRequest(mem_per_node=3 << 30)),
    ],
)
def test_less_than_was_asked_is_refused(spec: JobSpec) -> None:
    with pytest.raises(PlanRejected):
        verify(Plan((start(1, "n1"),)), snapshot(spec))
