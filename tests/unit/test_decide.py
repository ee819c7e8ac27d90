from dataclasses import replace

import pytest

from hpcsched.errors import Infeasible, InvalidValue, NotFound, QueueFull
from hpcsched.model.container import ContainerStatus, EndCause, Observed, ObservedTask, Phase, Sampled, Usage
from hpcsched.model.idset import IdSet
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.state import decide
from hpcsched.state.events import (
    ContainerGone,
    ContainerReported,
    NodeDisconnected,
    NodeDrained,
    NodeLost,
)
from hpcsched.testing.world import TRUE, World, exited, running


def test_a_submit_gives_the_next_ids_and_changes_nothing_itself() -> None:
    world = World()
    event = decide.submit(world.state, "r", [TRUE, TRUE], 5.0, 10)
    assert [job.job_id for job in event.jobs] == [1, 2]
    assert world.state.jobs == {}


def test_a_full_queue_refuses_the_whole_call() -> None:
    world = World()
    world.submit(TRUE, replace(TRUE, hold=True))
    decide.submit(world.state, "r", [TRUE], 5.0, 3)
    with pytest.raises(QueueFull, match="2 jobs wait already and at most 3 may"):
        decide.submit(world.state, "r", [TRUE, TRUE], 5.0, 3)


def test_a_job_that_runs_does_not_count_as_waiting() -> None:
    world = World()
    world.run()
    decide.submit(world.state, "r", [TRUE], 5.0, 1)


def test_what_no_node_could_ever_run_is_refused_and_named() -> None:
    world = World()
    large = JobSpec(("x",), resources=ResourceRequest(cores_per_node=99))
    with pytest.raises(Infeasible, match="job 2 of 2: asks for 99 cores"):
        decide.submit(world.state, "r", [TRUE, large], 5.0, 10)


def test_a_disconnected_node_still_counts_for_what_may_wait() -> None:
    world = World()
    world.do(NodeDisconnected(world.tick(), "n1"))
    decide.submit(world.state, "r", [JobSpec(("x",), resources=ResourceRequest(cores_per_node=4))], 5.0, 10)


def test_malformed_jobs_are_refused() -> None:
    with pytest.raises(InvalidValue):
        decide.submit(World().state, "r", [JobSpec()], 5.0, 10)


def test_doing_it_twice_gives_no_second_event() -> None:
    world = World()
    running_job = world.run()
    (waiting,) = world.submit()
    for decision in (
        lambda: decide.cancel(world.state, running_job, 1.0),
        lambda: decide.hold(world.state, waiting, 1.0),
        lambda: decide.release(world.state, waiting, 1.0),
        lambda: decide.drain(world.state, "n1", "fan", 1.0),
        lambda: decide.resume(world.state, "n1", 1.0),
    ):
        events = decision()
        assert len(events) == 1
        world.do(*events)
        assert decision() == []


def test_a_new_reason_for_a_drain_is_kept() -> None:
    world = World()
    world.do(*decide.drain(world.state, "n1", "fan", 1.0))
    world.do(*decide.drain(world.state, "n1", "disk", 1.0))
    assert world.state.nodes["n1"].drain_reason == "disk"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201, "a\nb"])
def test_a_drain_needs_a_reason_of_one_line(reason: str) -> None:
    with pytest.raises(InvalidValue, match="--reason"):
        decide.drain(World().state, "n1", reason, 1.0)


def test_a_job_that_runs_cannot_be_held() -> None:
    world = World()
    with pytest.raises(InvalidValue, match="only a pending job"):
        decide.hold(world.state, world.run(), 1.0)


def test_what_is_not_there_is_not_found() -> None:
    state = World().state
    for decision in (decide.cancel, decide.hold, decide.release):
        with pytest.raises(NotFound, match="job 7"):
            decision(state, 7, 1.0)
    with pytest.raises(NotFound, match="n9"):
        decide.drain(state, "n9", "x", 1.0)
    with pytest.raises(NotFound, match="n9"):
        decide.resume(state, "n9", 1.0)


def test_a_report_gives_only_what_changed() -> None:
    world = World()
    job_id = world.start()
    assert decide.report(world.state, "n1", [], 2.0) == []
    assert decide.report(world.state, "n1", [ContainerStatus(job_id, Phase.STARTING)], 2.0) == []
    assert decide.report(world.state, "n1", [running(job_id)], 2.0) == [ContainerReported(2.0, "n1", running(job_id))]
    world.tell("n1", running(job_id))
    assert decide.report(world.state, "n1", [running(job_id)], 2.0) == []
    assert decide.report(world.state, "n1", [exited(job_id)], 2.0) == [ContainerReported(2.0, "n1", exited(job_id))]


def test_an_ended_container_is_gone_when_a_report_lacks_it() -> None:
    world = World()
    job_id = world.run()
    world.tell("n1", exited(job_id))
    assert decide.report(world.state, "n1", [exited(job_id)], 2.0) == []
    assert decide.report(world.state, "n1", [], 2.0) == [ContainerGone(2.0, "n1", job_id)]


def test_a_container_that_ran_and_is_not_there_is_lost_and_gone() -> None:
    world = World()
    job_id = world.run()
    world.say("n1")
    job = world.records[job_id].job
    assert (job.cause, job.message) == (EndCause.LOST, "node n1 no longer has the job's container")
    assert not world.state.nodes["n1"].busy


def test_containers_that_nobody_asked_for_are_passed_over() -> None:
    world = World()
    assert decide.report(world.state, "n1", [running(77), exited(78)], 2.0) == []
    assert decide.report(world.state, "n9", [running(77)], 2.0) == []


@pytest.mark.parametrize(
    "status",
    [
        running(1, float("nan")),
        running(1, float("inf")),
        running(1, -1.0),
        replace(running(1), end_time=float("nan")),
        replace(running(1), usage=Usage(cpu_s=float("nan"))),
        replace(running(1), message="x" * 5000),
        replace(running(1), sampled=Sampled(1, misplaced=float("nan"))),
        replace(running(1), sampled=Sampled(1, steal=float("inf"))),
        replace(running(1), sampled=Sampled(1, others=float("nan"))),
    ],
)
def test_a_report_that_the_journal_could_not_keep_is_refused(status: ContainerStatus) -> None:
    world = World()
    world.start()
    with pytest.raises(InvalidValue, match="job 1"):
        decide.report(world.state, "n1", [status], 2.0)


def test_a_node_with_a_fault_is_drained_before_its_container_counts_as_gone() -> None:
    world = World()
    job_id = world.run()
    world.tell("n1", exited(job_id))
    fault = NodeDrained(2.0, "n1", "/dev/shm/left is left over; 3 hugepages are not free")
    faults = ["/dev/shm/left is left over", "3 hugepages\nare not free"]
    assert decide.report(world.state, "n1", [], 2.0, faults) == [fault, ContainerGone(2.0, "n1", job_id)]


def test_a_node_that_is_drained_already_keeps_its_reason() -> None:
    world = World()
    world.do(*decide.drain(world.state, "n1", "fan", 1.0))
    assert decide.report(world.state, "n1", [], 2.0, ["disk"]) == []


def test_many_faults_are_cut_to_what_a_reason_may_have() -> None:
    (event,) = decide.report(World().state, "n1", [], 2.0, ["x" * 150, "y" * 150])
    assert isinstance(event, NodeDrained)
    assert len(event.reason) == decide.MAX_REASON
    assert event.reason.endswith("y...")


def test_a_node_that_shows_another_binding_is_held() -> None:
    world = World()
    job_id = world.run()
    status = replace(exited(job_id), cause=EndCause.BINDING_MISMATCH, message="BindingMismatch: cpus asked 0, the kernel shows 1")
    world.say("n1", status)
    assert world.state.nodes["n1"].drain_reason == f"job {job_id}: BindingMismatch: cpus asked 0, the kernel shows 1"


def test_more_that_was_observed_of_a_running_container_is_news() -> None:
    world = World()
    job_id = world.run()
    seen = Observed("lxc", IdSet.parse("0"), IdSet.parse("0"), 0, False, "/c", 7, "overlay /")
    more = replace(seen, tasks=(ObservedTask(IdSet.parse("0")),))
    world.tell("n1", replace(running(job_id), observed=seen))
    status = replace(running(job_id), observed=more)
    assert decide.report(world.state, "n1", [status], 2.0) == [ContainerReported(2.0, "n1", status)]
    world.tell("n1", status)
    assert decide.report(world.state, "n1", [status], 2.0) == []
    assert decide.report(world.state, "n1", [running(job_id)], 2.0) == []


def test_a_report_that_names_a_job_twice_is_refused() -> None:
    with pytest.raises(InvalidValue, match="twice"):
        decide.report(World().state, "n1", [running(1), exited(1)], 2.0)


def test_a_node_without_its_agent_for_too_long_is_lost() -> None:
    world = World(["n1", "n2", "n3"])
    for name in ("n1", "n2"):
        world.do(NodeDisconnected(world.tick(), name))
    since = {"n1": 100.0, "n2": 150.0, "n3": 0.0}
    assert decide.expire(world.state, since, 160.0, 60.0) == [NodeLost(160.0, "n1", "node n1 had no agent for 60 s")]
    assert decide.expire(world.state, {}, 1e9, 60.0) == []


def test_a_node_is_lost_once() -> None:
    world = World()
    world.do(NodeDisconnected(world.tick(), "n1"), NodeLost(world.tick(), "n1", "gone"))
    assert decide.expire(world.state, {"n1": 0.0}, 1e9, 60.0) == []


def test_starts_that_no_longer_hold_are_left_out() -> None:
    world = World()
    from hpcsched.policies.fifo import Fifo

    (job_id,) = world.submit()
    plan = Fifo().plan(world.state.snapshot(1.0))
    assert len(decide.allocate(world.state, plan, 1.0)) == 1
    world.do(*decide.hold(world.state, job_id, 1.0))
    assert decide.allocate(world.state, plan, 1.0) == []
