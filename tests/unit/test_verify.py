from dataclasses import replace

import pytest

from hpcsched.errors import PlanRejected
from hpcsched.model.allocation import Allocation, Binding, HugePages, NodeBinding
from hpcsched.model.device import DeviceKind
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, JobState, Reason, ResourceRequest, TaskBind
from hpcsched.model.node import Node
from hpcsched.model.snapshot import Plan, Snapshot, Start, Wait
from hpcsched.model.topology import NumaNode
from hpcsched.sched.binding import bind
from hpcsched.sched.verify import verify
from hpcsched.testing.topologies import grid, offer_of, with_devices, with_memory

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


def test_a_binding_is_judged_by_each_kind_of_node_that_gets_it() -> None:
    small = replace(node("n2"), offer=offer_of(grid(nodes=1, cores=2, pus=1), "n2"))
    wide = Plan((start(1, "n1", "n2"),))
    verify(wide, snapshot(replace(ONE, nodes=2)))
    with pytest.raises(PlanRejected, match="node n2, for job 1, hands out cpus 0-1, not 0-3"):
        verify(wide, replace(snapshot(replace(ONE, nodes=2)), nodes=(node("n1"), small)))


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


GPU, OTHER_GPU, NIC = "0000:01:00.0", "0000:02:00.0", "0000:03:00.0"
RICH = replace(
    with_devices(with_devices(offer_of(SHAPE, "n1"), DeviceKind.GPU, (0, 1)), DeviceKind.NIC, (0,)),
    hugepages=(HugePages(0, 4096, 5), HugePages(1, 4096, 5)),
)
ASKED = ResourceRequest(
    gpus_per_node=1,
    hugepages=((4096, 6),),
    ntasks_per_node=2,
    cpus_per_task=2,
    mem_per_node=1 << 20,
    threads_per_core=1,
    numa="0-1",
)
SOUND = bind(RICH, ASKED)


def judge(binding: Binding, asked: ResourceRequest = ASKED) -> None:
    jobs = (Job(1, replace(ONE, resources=asked), "r", JobState.PENDING, 0.0),)
    verify(Plan((start(1, "n1", binding=binding),)), Snapshot(0.0, (Node(RICH, connected=True),), jobs, ()))


def with_task(**values: object) -> Binding:
    return replace(SOUND, tasks=(SOUND.tasks[0], replace(SOUND.tasks[1], **values)))  # type: ignore[arg-type]


def test_what_bind_gives_of_all_kinds_passes() -> None:
    judge(SOUND)
    unbound = replace(ASKED, bind=TaskBind.NONE)
    judge(bind(RICH, unbound), unbound)
    judge(bind(RICH, ResourceRequest()), ResourceRequest())


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        (replace(SOUND, gpus=("x",)), "has no GPU x"),
        (replace(SOUND, gpus=(NIC,)), f"has no GPU {NIC}"),
        (replace(SOUND, gpus=(GPU, GPU)), f"would give GPU {GPU} twice"),
        (replace(SOUND, gpus=()), "gives 0 GPUs, not 1"),
        (replace(SOUND, gpus=(GPU, OTHER_GPU)), "gives 2 GPUs, not 1"),
        (replace(SOUND, nics=(GPU,)), f"has no NIC {GPU}"),
        (replace(SOUND, memory_split=((0, 1 << 20), (5, 0))), "would count memory on node 5, which is none of 0-1"),
        (replace(SOUND, memory_split=((0, 1 << 31), (1, 0))), "has 1073741824 bytes on memory node 0, not 2147483648"),
        (replace(SOUND, memory_split=((0, 1 << 20), (1, -1))), "on memory node 1, not -1"),
        (replace(SOUND, memory_split=((0, 1), (1, 1))), "into parts of another sum"),
        (replace(SOUND, hugepages=(HugePages(0, 4096, 6),)), "has 5 huge pages of 4096 bytes on memory node 0 for it, not 6"),
        (replace(SOUND, hugepages=(HugePages(7, 4096, 6),)), "on memory node 7 for it, not 6"),
        (replace(SOUND, hugepages=(HugePages(0, 4096, 5),)), "too few or too many huge pages of 4096 bytes"),
        (replace(SOUND, tasks=()), "gives 0 tasks, not 2"),
        (with_task(cpus=SOUND.tasks[0].cpus), "gives task 1 cpus of another task"),
        (with_task(cpus=IdSet.parse("2-3,9")), "gives task 1 the cpus 2-3,9, which are too few or not all the job's"),
        (with_task(cpus=IdSet.parse("2")), "gives task 1 the cpus 2, which are too few"),
        (with_task(mems=IdSet.parse("7")), "gives task 1 memory nodes or GPUs that the job does not have"),
        (with_task(gpus=(OTHER_GPU,)), "gives task 1 memory nodes or GPUs that the job does not have"),
    ],
)
def test_devices_pages_memory_and_tasks_that_break_a_rule_are_refused(binding: Binding, message: str) -> None:
    with pytest.raises(PlanRejected, match=message):
        judge(binding)


def test_more_threads_than_asked_for_are_refused() -> None:
    smt = Node(offer_of(grid(cores=2, pus=2), "n1"), connected=True)
    jobs = (Job(1, replace(ONE, resources=ResourceRequest(threads_per_core=1)), "r", JobState.PENDING, 0.0),)
    both = Binding(IdSet.parse("0,2"), IdSet.parse("0"), 1 << 30)
    with pytest.raises(PlanRejected, match="gives more than 1 cpus of the core that has 0,2"):
        verify(Plan((start(1, "n1", binding=both),)), Snapshot(0.0, (smt,), jobs, ()))


def test_cpus_of_other_numa_nodes_than_asked_for_are_refused() -> None:
    with pytest.raises(PlanRejected, match="gives cpus of NUMA node 1, which is none of 0"):
        verify(Plan((start(1, "n1"),)), snapshot(replace(ONE, resources=ResourceRequest(numa="0"))))


def test_a_gpus_memory_is_no_memory_node() -> None:
    shape = with_memory(SHAPE, NumaNode(5, 1 << 30, IdSet(), tier="GPU"))
    jobs = (Job(1, ONE, "r", JobState.PENDING, 0.0),)
    binding = replace(WHOLE, mems=IdSet.parse("0-1,5"))
    with pytest.raises(PlanRejected, match="has no memory node 5"):
        verify(Plan((start(1, "n1", binding=binding),)), Snapshot(0.0, (Node(offer_of(shape, "n1"), True),), jobs, ()))
