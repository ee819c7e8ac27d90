from dataclasses import replace

import pytest

from hpcsched.model.allocation import Allocation, NodeBinding
from hpcsched.model.container import EndCause, Observed
from hpcsched.model.device import DeviceKind
from hpcsched.model.idset import IdSet
from hpcsched.model.job import JobSpec, JobState, Reason, ResourceRequest
from hpcsched.model.node import NodeState
from hpcsched.policies.fifo import Fifo
from hpcsched.state import decide
from hpcsched.state.commands import JobChanged, RecordJob, Replan, SyncNode
from hpcsched.state.events import (
    AllocationGranted,
    CancelRequested,
    JobHeld,
    JobReleased,
    JobsSubmitted,
    NodeRegistered,
    SubmittedJob,
)
from hpcsched.testing.topologies import with_devices
from hpcsched.testing.world import TRUE, World, exited, running

TWO_NODES = replace(TRUE, nodes=2)


def test_a_job_waits_starts_runs_and_ends() -> None:
    world = World()
    job_id = world.start()
    assert world.state.jobs[job_id].state is JobState.CONFIGURING
    assert world.told == [SyncNode("n1"), JobChanged(job_id)]
    world.tell("n1", running(job_id))
    assert world.state.jobs[job_id].state is JobState.RUNNING
    world.tell("n1", exited(job_id))
    assert world.state.jobs == {}
    assert world.records[job_id].job.state is JobState.COMPLETED
    assert {type(command) for command in world.told} == {SyncNode, RecordJob, JobChanged, Replan}


def test_a_job_that_ended_before_anyone_saw_it_run_is_complete_and_has_its_times() -> None:
    world = World()
    job_id = world.start()
    world.tell("n1", exited(job_id, start_time=world.time + 0.25, end_time=world.time + 0.5))
    record = world.records[job_id]
    assert (record.job.state, record.ran_s) == (JobState.COMPLETED, 0.25)


@pytest.mark.parametrize(
    ("cause", "code", "state", "reason"),
    [
        (EndCause.EXIT, 0, JobState.COMPLETED, Reason.NONE),
        (EndCause.EXIT, 3, JobState.FAILED, Reason.NON_ZERO_EXIT),
        (EndCause.SIGNAL, None, JobState.FAILED, Reason.RAISED_SIGNAL),
        (EndCause.TIMEOUT, None, JobState.TIMEOUT, Reason.TIME_LIMIT),
        (EndCause.CANCELLED, None, JobState.CANCELLED, Reason.CANCELLED),
        (EndCause.OUT_OF_MEMORY, None, JobState.OUT_OF_MEMORY, Reason.OUT_OF_MEMORY),
        (EndCause.LAUNCH_FAILED, None, JobState.FAILED, Reason.LAUNCH_FAILED),
        (EndCause.BINDING_MISMATCH, None, JobState.FAILED, Reason.BINDING_MISMATCH),
        (EndCause.LOST, None, JobState.NODE_FAIL, Reason.NODE_DOWN),
        (EndCause.STOPPED, None, JobState.NODE_FAIL, Reason.NODE_DOWN),
        (None, None, JobState.NODE_FAIL, Reason.NODE_DOWN),
    ],
)
def test_how_the_first_node_ended_is_how_the_job_ends(
    cause: EndCause | None, code: int | None, state: JobState, reason: Reason
) -> None:
    world = World()
    job_id = world.run()
    world.tell("n1", exited(job_id, cause, code, message="why"))
    job = world.records[job_id].job
    assert (job.state, job.reason, job.exit_code, job.message) == (state, reason, code, "why")


def test_a_launch_failure_never_ran() -> None:
    world = World()
    job_id = world.start()
    world.tell("n1", exited(job_id, EndCause.LAUNCH_FAILED, start_time=world.time, end_time=world.time))
    record = world.records[job_id]
    assert (record.job.start_time, record.ran_s) == (0.0, 0.0)
    assert record.waited_s == record.job.end_time - record.job.submit_time


def test_a_node_whose_clock_is_wrong_bills_nothing_below_zero() -> None:
    world = World()
    job_id = world.start()
    world.tell("n1", running(job_id, start_time=9e9))
    world.tell("n1", exited(job_id, start_time=9e9, end_time=5.0))
    record = world.records[job_id]
    assert record.waited_s >= 0
    assert record.ran_s >= 0
    assert record.job.submit_time <= record.job.start_time <= record.job.end_time <= world.time


def test_what_the_kernel_showed_at_the_start_is_kept_at_the_end() -> None:
    world = World()
    job_id = world.start()
    seen = Observed("lxc", IdSet.of([0]), IdSet.of([0]), 1, False, "/job1", 17, "/root")
    world.tell("n1", replace(running(job_id), observed=seen))
    world.tell("n1", exited(job_id))
    part = world.records[job_id].job.parts[0]
    assert part is not None
    assert part.observed == seen


def test_a_second_end_changes_nothing() -> None:
    world = World()
    job_id = world.run()
    world.tell("n1", exited(job_id))
    assert world.tell("n1", exited(job_id, code=1)) == []
    assert world.records[job_id].job.state is JobState.COMPLETED


def test_a_node_is_free_only_when_the_container_is_gone() -> None:
    world = World()
    first = world.run()
    (second,) = world.submit()
    world.tell("n1", exited(first))
    assert world.state.nodes["n1"].state is NodeState.ALLOCATED
    assert world.plan() == ()
    assert world.clean("n1", first) == [Replan()]
    assert world.plan() == (second,)


def test_the_parts_of_a_job_run_before_its_command_does() -> None:
    world = World(["n1", "n2"])
    job_id = world.start(TWO_NODES)
    world.tell("n1", running(job_id))
    assert world.state.desired("n1")[0].command is None
    assert world.tell("n2", running(job_id)) == [SyncNode("n1"), JobChanged(job_id)]
    command = world.state.desired("n1")[0].command
    assert command is not None
    assert command.argv == ("true",)
    assert world.state.desired("n2")[0].command is None


def test_other_parts_are_released_when_the_first_ends_and_their_nodes_are_free_one_by_one() -> None:
    world = World(["n1", "n2", "n3"])
    job_id = world.run(replace(TRUE, nodes=3))
    told = world.tell("n1", exited(job_id, code=7))
    assert world.state.jobs[job_id].state is JobState.COMPLETING
    assert {SyncNode("n1"), SyncNode("n2"), SyncNode("n3")} <= set(told)
    assert world.state.desired("n1") == ()
    assert world.state.desired("n2")[0].release
    world.tell("n2", exited(job_id, EndCause.STOPPED))
    world.clean("n2", job_id)
    assert world.state.nodes["n2"].state is NodeState.IDLE
    world.tell("n3", exited(job_id, EndCause.STOPPED))
    record = world.records[job_id]
    assert (record.job.state, record.job.exit_code, record.usage.cpu_s) == (JobState.FAILED, 7, 3.0)


@pytest.mark.parametrize("cause", [EndCause.LAUNCH_FAILED, EndCause.LOST, EndCause.OUT_OF_MEMORY, EndCause.STOPPED])
def test_a_part_that_ends_before_the_first_node_fails_the_job_and_says_where(cause: EndCause) -> None:
    world = World(["n1", "n2"])
    job_id = world.run(TWO_NODES)
    world.tell("n2", exited(job_id, cause, message="no such image"))
    assert world.state.desired("n1")[0].release
    world.tell("n1", exited(job_id, EndCause.STOPPED))
    job = world.records[job_id].job
    assert job.cause is cause
    assert job.message == "n2: no such image"
    assert job.state is not JobState.COMPLETED


def test_a_pending_job_that_is_cancelled_ends_at_once() -> None:
    world = World()
    (job_id,) = world.submit()
    world.do(CancelRequested(world.tick(), job_id))
    assert world.records[job_id].job.state is JobState.CANCELLED
    assert world.plan() == ()


def test_cancel_of_a_running_job_is_a_wish_that_its_first_node_fulfils() -> None:
    world = World(["n1", "n2"])
    job_id = world.run(TWO_NODES)
    assert SyncNode("n1") in world.do(CancelRequested(world.tick(), job_id))
    assert world.state.jobs[job_id].state is JobState.RUNNING
    assert [world.state.desired(name)[0].cancel for name in ("n1", "n2")] == [True, False]
    assert world.do(CancelRequested(world.tick(), job_id)) == []
    world.tell("n1", exited(job_id, EndCause.CANCELLED))
    world.tell("n2", exited(job_id, EndCause.STOPPED))
    assert world.records[job_id].job.state is JobState.CANCELLED


@pytest.mark.parametrize("cause", [EndCause.LOST, EndCause.LAUNCH_FAILED, EndCause.CANCELLED])
def test_a_job_cancelled_before_its_container_ran_is_cancelled_whatever_came_in_between(cause: EndCause) -> None:
    world = World()
    job_id = world.start()
    world.do(CancelRequested(world.tick(), job_id))
    world.tell("n1", exited(job_id, cause))
    assert world.records[job_id].job.state is JobState.CANCELLED


def test_a_held_job_waits_for_its_release_and_grows_older_from_then_on() -> None:
    world = World()
    first, second = world.submit(replace(TRUE, hold=True), TRUE)
    assert world.state.jobs[first].held
    world.do(JobReleased(world.tick(), first))
    assert [job.id for job in world.state.snapshot(0).pending] == [second, first]
    world.do(JobHeld(world.tick(), first))
    assert world.plan() == (second,)


def test_events_about_jobs_that_are_not_there_change_nothing() -> None:
    world = World()
    job_id = world.run()
    before = dict(world.state.jobs), dict(world.state.nodes)
    allocation = world.state.jobs[job_id].allocation
    assert allocation is not None
    for stale in (
        CancelRequested(0, 99),
        JobHeld(0, job_id),
        JobReleased(0, job_id),
        AllocationGranted(0, 99, allocation),
        AllocationGranted(0, job_id, allocation),
        JobsSubmitted(0, "again", ()),
    ):
        world.do(stale)
    world.tell("n9", exited(job_id))
    assert (world.state.jobs, world.state.nodes) == before


def test_a_submit_that_is_replayed_over_itself_makes_no_second_job() -> None:
    world = World()
    event = JobsSubmitted(5.0, "r", (SubmittedJob(1, TRUE),))
    world.do(event)
    world.do(event)
    assert world.state.request("r") == (1,)


def test_a_submit_that_is_replayed_does_not_bring_an_ended_job_back() -> None:
    world = World()
    event = JobsSubmitted(5.0, "r", (SubmittedJob(1, TRUE),))
    world.do(event, CancelRequested(6.0, 1), event)
    assert world.state.jobs == {}


def test_a_grant_of_nodes_that_are_busy_or_unknown_changes_nothing() -> None:
    world = World(["n1", "n2"])
    (wide,) = world.submit(TWO_NODES)
    allocation = decide.allocate(world.state, Fifo().plan(world.state.snapshot(0)), 1.0)[0].allocation
    world.do(JobHeld(world.tick(), wide))
    world.run()
    world.do(JobReleased(world.tick(), wide))
    assert world.do(AllocationGranted(world.tick(), wide, allocation)) == []
    nowhere = Allocation((NodeBinding("n9", allocation.bindings[0].binding),))
    assert world.do(AllocationGranted(world.tick(), wide, nowhere)) == []
    assert world.state.jobs[wide].state is JobState.PENDING


def test_a_request_knows_its_live_jobs() -> None:
    world = World()
    ids = world.submit(TRUE, TRUE, TRUE, request="three")
    world.do(CancelRequested(world.tick(), ids[1]))
    assert world.state.request("three") == (ids[0], ids[2])
    world.do(CancelRequested(world.tick(), ids[0]), CancelRequested(world.tick(), ids[2]))
    assert world.state.request("three") == ()


def test_the_container_is_told_who_it_is() -> None:
    world = World(["n1", "n2"])
    spec = JobSpec(("a", "b"), nodes=2, name="lin", env=(("OMP_NUM_THREADS", "1"), ("X", "y")), workdir="/tmp", keep=True)
    job_id = world.start(spec)
    told = world.state.desired("n2")[0]
    env = dict(told.container.env)
    assert (told.container.name, told.container.hostname, told.container.keep) == (f"job{job_id}", "n2", True)
    assert (env["HPCSCHED_NODELIST"], env["HPCSCHED_NODEID"], env["HPCSCHED_NNODES"]) == ("n1,n2", "1", "2")
    assert (env["HPCSCHED_CPUS"], env["HPCSCHED_JOB_NAME"], env["X"]) == ("0-7", "lin", "y")
    assert env["OMP_NUM_THREADS"] == "1"


def test_the_container_is_told_its_devices_by_their_ids_and_no_variable_of_the_job_hides_them() -> None:
    world = World()
    offer = with_devices(world.state.nodes["n1"].offer, DeviceKind.GPU, [0, 0])
    world.do(NodeRegistered(world.tick(), with_devices(offer, DeviceKind.NIC, [0])))
    mine = (("HPCSCHED_GPUS", "all"), ("HPCSCHED_NICS", "all"))
    for count, told in ((1, "0000:01:00.0"), (2, "0000:01:00.0,0000:02:00.0"), (0, "")):
        job_id = world.start(replace(TRUE, env=mine, resources=ResourceRequest(gpus_per_node=count)))
        env = dict(world.state.desired("n1")[0].container.env)
        assert (env["HPCSCHED_GPUS"], env["HPCSCHED_NICS"]) == (told, "0000:03:00.0")
        world.tell("n1", exited(job_id))
        world.clean("n1", job_id)


def test_a_job_without_a_name_is_told_that_of_its_command() -> None:
    world = World()
    world.start(JobSpec(("/opt/bin/solve", "x")))
    assert dict(world.state.desired("n1")[0].container.env)["HPCSCHED_JOB_NAME"] == "solve"


def test_threads_are_as_many_as_the_bound_cores_by_default() -> None:
    world = World()
    world.start()
    assert dict(world.state.desired("n1")[0].container.env)["OMP_NUM_THREADS"] == "4"


def test_a_script_takes_the_command_as_its_arguments() -> None:
    world = World()
    world.start(JobSpec(("x", "y"), script=b"#!/bin/sh\n", name="job.sh", time_limit_s=9, stdout="/tmp/out"))
    told = world.state.desired("n1")[0]
    assert told.command is not None
    assert (told.command.argv, told.command.script, told.command.workdir) == (("job.sh", "x", "y"), b"#!/bin/sh\n", "/")
    assert (told.time_limit_s, told.stdout) == (9, "/tmp/out")
