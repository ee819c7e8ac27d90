"""What becomes of arrays, workers and small jobs, one event after the other."""

from dataclasses import replace

import pytest

from hpcsched.errors import Conflict, Infeasible, InvalidValue
from hpcsched.model.change import JobChange
from hpcsched.model.container import EndCause, TaskEnd, WorkStatus
from hpcsched.model.job import Job, JobSpec, JobState, Reason, ResourceRequest
from hpcsched.model.site import Partition
from hpcsched.sched.packing import is_small, to_give
from hpcsched.state import changing, codec, decide, works
from hpcsched.state.arrays import MAX_LOSSES
from hpcsched.state.commands import Replan
from hpcsched.state.due import due
from hpcsched.state.events import NodeDisconnected, NodeLost, NodeRegistered, WorkAssigned, WorkerDismissed, WorkReported
from hpcsched.state.state import State
from hpcsched.testing.worker_world import WorkerWorld
from hpcsched.testing.world import exited, offer, running

CORE = ResourceRequest(cores_per_node=1)


def array(text: str = "0-9", **values: object) -> JobSpec:
    return replace(JobSpec(("true",), array=text, resources=CORE), **values)  # type: ignore[arg-type]


class One(WorkerWorld):
    """One node of four cores, and one array or small job on it in a worker that runs."""

    def __init__(self, spec: JobSpec, nodes: tuple[str, ...] = ("n1",)) -> None:
        super().__init__(nodes)
        (self.job_id,) = self.submit(spec)
        self.plan()
        self.worker_id = self.state.nodes["n1"].job_id or 0
        self.say("n1", running(self.worker_id, self.time))

    @property
    def job(self) -> Job:
        return self.state.jobs.get(self.job_id) or self.records[self.job_id].job

    @property
    def worker(self) -> Job:
        return self.state.jobs.get(self.worker_id) or self.records[self.worker_id].job

    def tell_tasks(self, *done: tuple[int, int], ended: tuple[TaskEnd, ...] = (), started: int = 1) -> None:
        status = WorkStatus(self.job_id, done, ended, started, self.time)
        self.say("n1", replace(running(self.worker_id, self.time), works=(status,)))
        self.feed()


def test_a_worker_owns_the_whole_node_and_has_a_task_for_each_slot_at_first() -> None:
    world = One(array())
    wanted = world.state.desired("n1")[0]
    assert wanted.is_worker
    assert wanted.command is None
    assert wanted.container.binding.cpus == offer().cpus
    assert [len(slot.cpus) for slot in wanted.works[0].slots] == [2, 2, 2, 2]
    assert wanted.works[0].ranges == ((0, 4),)
    assert world.job.state is JobState.PENDING


def test_the_threads_of_a_task_are_its_slots_to_say_unless_its_user_has() -> None:
    for env in ((), (("OMP_NUM_THREADS", "7"),)):
        work = One(array(env=env)).state.desired("n1")[0].works[0]
        assert dict(work.command.env).get("OMP_NUM_THREADS") == dict(env).get("OMP_NUM_THREADS")


def test_workers_that_are_fed_at_once_get_different_tasks() -> None:
    world = One(array("0-19"), ("n1", "n2"))
    ranges = [world.state.desired(name)[0].works[0].ranges for name in ("n1", "n2")]
    assert ranges == [((0, 4),), ((4, 8),)]


def test_the_array_runs_from_its_first_task_on_and_ends_with_its_last() -> None:
    world = One(array("0-3"))
    world.tell_tasks(started=2)
    assert world.job.state is JobState.RUNNING
    world.tell_tasks((0, 4))
    assert world.job.state is JobState.COMPLETED
    assert world.job.exit_code == 0
    assert world.job.array.done == 4  # type: ignore[union-attr]
    assert world.state.desired("n1")[0].release
    world.say("n1", exited(world.worker_id, EndCause.STOPPED, None))
    assert world.worker.state is JobState.COMPLETED
    world.say("n1")
    assert not world.state.nodes["n1"].busy


def test_an_array_knows_for_how_long_it_had_nodes_those_of_lost_workers_too() -> None:
    world = One(array("0-7"), ("n1", "n2"))
    begun = world.worker.granted_time
    world.say("n1", exited(world.worker_id, EndCause.LOST, None))
    lost = world.time
    assert world.job.array.node_s == pytest.approx(lost - begun)  # type: ignore[union-attr]
    other = world.state.jobs[world.state.nodes["n2"].job_id or 0]
    world.say("n2", running(other.id, world.time))
    status = WorkStatus(world.job_id, ((4, 8),), (), 4, world.time)
    world.say("n2", replace(running(other.id, world.time), works=(status,)))
    world.feed()
    status = replace(status, done=((0, 8),), started=8)
    world.say("n2", replace(running(other.id, world.time), works=(status,)))
    assert world.job.state is JobState.COMPLETED
    held = (lost - begun) + (world.job.end_time - other.granted_time)
    assert world.job.array.node_s == pytest.approx(held)  # type: ignore[union-attr]


def test_a_failed_task_fails_the_array_in_the_end_and_is_named_by_its_id() -> None:
    world = One(array("10-13"))
    world.tell_tasks((0, 3), ended=(TaskEnd(3, EndCause.EXIT, 7),))
    assert world.job.state is JobState.FAILED
    assert world.job.message == "1 of 4 tasks failed, the first known is task 13: exit code 7"


def test_a_report_that_comes_twice_counts_once() -> None:
    world = One(array())
    world.tell_tasks((0, 2))
    before = world.job
    world.tell_tasks((0, 2))
    assert world.job == before
    assert before.array is not None
    assert before.array.done == 2
    assert not world.do(WorkReported(world.tick(), "n1", world.worker_id, WorkStatus(world.job_id, ((0, 2),), (), 2)))


def test_ends_of_tasks_that_the_worker_does_not_have_count_for_nothing() -> None:
    world = One(array())
    world.tell_tasks((8, 10), ended=(TaskEnd(7, EndCause.EXIT, 1),), started=0)
    assert world.job.array.ended == 0  # type: ignore[union-attr]


def test_a_worker_with_short_tasks_is_given_many_ahead_and_one_with_long_tasks_none() -> None:
    short, long = One(array("0-99999")), One(array("0-99999"))
    for world, pause in ((short, 0.0), (long, 1000.0)):
        world.tell_tasks(started=4)
        world.time += pause
        world.tell_tasks((0, 4))
    assert long.job.array.out == 4  # type: ignore[union-attr]
    assert short.job.array.out > 4  # type: ignore[union-attr]


def test_at_most_as_many_tasks_as_the_throttle_says_are_out() -> None:
    world = One(array("0-9%2"))
    for first in range(10):
        assert world.job.array.out <= 2  # type: ignore[union-attr]
        world.tell_tasks((first, first + 1))
    assert world.job.state is JobState.COMPLETED


def test_no_task_is_given_ahead_while_the_throttle_binds() -> None:
    world = One(array("0-99999%100"))
    world.tell_tasks(started=4)
    for first in range(0, 40, 4):
        world.tell_tasks((first, first + 4))
        assert world.job.array.out == 4  # type: ignore[union-attr]


def test_tasks_of_a_lost_worker_run_elsewhere() -> None:
    world = One(array("0-5"), ("n1", "n2"))
    world.tell_tasks((0, 1))
    other = world.state.nodes["n2"].job_id
    world.do(NodeDisconnected(world.tick(), "n1"))
    world.time += 100
    world.do(*decide.expire(world.state, {"n1": world.time - 100}, world.time, 10))
    assert world.worker.state is JobState.NODE_FAIL
    world.plan()
    progress = world.job.array
    assert progress is not None
    assert (progress.done, progress.left + progress.out) == (1, 5)
    assert progress.workers in ((other,), ())


def test_a_task_whose_worker_is_lost_each_time_fails_at_last() -> None:
    world = One(array("0"))
    for boot in range(MAX_LOSSES):
        assert world.job.state in (JobState.PENDING, JobState.RUNNING)
        again = NodeRegistered(world.tick(), offer("n1", f"boot-{boot + 2}"))
        world.do(NodeDisconnected(world.tick(), "n1"), again)
        world.say("n1")
        world.plan()
    assert world.job.state is JobState.FAILED
    assert "its worker was lost 3 times" in world.job.message


def test_an_array_whose_workers_cannot_start_ends_with_the_reason() -> None:
    world = One(array())
    for _ in range(MAX_LOSSES):
        owner = world.state.nodes["n1"].job_id or 0
        world.say("n1", exited(owner, EndCause.LAUNCH_FAILED, None, message="there is no image x"))
        world.say("n1")
        world.plan()
    assert world.job.state is JobState.FAILED
    assert world.job.reason is Reason.LAUNCH_FAILED
    assert world.job.message == "3 workers in a row could not be started: there is no image x"


def test_a_cancelled_array_ends_when_its_tasks_have() -> None:
    world = One(array())
    world.do(*decide.cancel(world.state, world.job_id, world.tick()))
    assert world.state.desired("n1")[0].works[0].cancel
    assert world.job.state is JobState.PENDING
    assert world.job not in world.state.queue
    world.tell_tasks((0, 1), ended=tuple(TaskEnd(position, EndCause.CANCELLED) for position in (1, 2, 3)))
    assert world.job.state is JobState.CANCELLED
    assert (world.job.array.done, world.job.array.cancelled) == (1, 9)  # type: ignore[union-attr]


def test_tasks_of_a_cancelled_worker_wait_again() -> None:
    world = One(array())
    world.do(*decide.cancel(world.state, world.worker_id, world.tick()))
    world.tell_tasks(ended=tuple(TaskEnd(position, EndCause.CANCELLED) for position in range(4)))
    world.say("n1", exited(world.worker_id, EndCause.CANCELLED, None))
    progress = world.job.array
    assert progress is not None
    assert (progress.left, progress.cancelled, progress.lost_once) == (10, 0, ())


def test_a_held_array_gives_nothing_more_out_and_goes_on_when_released() -> None:
    world = One(array())
    world.tell_tasks(started=4)
    world.do(*decide.hold(world.state, world.job_id, world.tick()))
    world.tell_tasks((0, 4))
    assert world.job.array.out == 0  # type: ignore[union-attr]
    assert world.worker.dismissed
    assert to_give(world.job) == 0
    world.do(*decide.release(world.state, world.job_id, world.tick()))
    world.say("n1", exited(world.worker_id, EndCause.STOPPED, None))
    world.say("n1")
    world.plan()
    assert world.job.array.out == 4  # type: ignore[union-attr]


def test_a_worker_is_let_go_once_and_gets_nothing_after_that() -> None:
    world = One(array())
    world.do(WorkerDismissed(world.tick(), world.worker_id))
    assert not world.do(WorkerDismissed(world.tick(), world.worker_id))
    assert not world.state.desired("n1")[0].release
    world.tell_tasks((0, 4))
    assert world.job.array.out == 0  # type: ignore[union-attr]
    assert world.state.desired("n1")[0].release


def test_positions_that_do_not_wait_are_not_assigned() -> None:
    world = One(array())
    assert not world.do(WorkAssigned(world.tick(), world.worker_id, world.job_id, ((0, 4),)))
    world.do(WorkAssigned(world.tick(), world.worker_id, world.job_id, ((3, 5), (8, 9))))
    progress = world.job.array
    assert progress is not None
    assert (progress.next, progress.again, progress.out) == (9, ((5, 8),), 6)


def test_small_jobs_of_one_user_share_a_node_and_end_each_for_itself() -> None:
    small = JobSpec(("true",), user="ada", resources=CORE)
    world = One(small)
    second, third = world.submit(small, replace(small, user="ben"))
    world.plan()
    assert world.state.jobs[second].worker == world.worker_id
    assert world.state.jobs[third].state is JobState.PENDING
    world.tell_tasks((0, 1))
    assert world.job.state is JobState.COMPLETED
    assert world.job.allocation.nodes == ("n1",)  # type: ignore[union-attr]
    assert not world.worker.dismissed
    ends = WorkStatus(second, (), (TaskEnd(0, EndCause.SIGNAL, signal=9),), 1, world.time)
    world.say("n1", replace(running(world.worker_id, world.time), works=(ends,)))
    world.feed()
    assert world.records[second].job.state is JobState.FAILED
    assert world.records[second].job.signal == 9
    assert world.worker.dismissed


def test_small_jobs_of_a_lost_worker_are_lost_with_it() -> None:
    world = One(JobSpec(("true",), resources=CORE))
    world.say("n1")
    assert world.job.state is JobState.NODE_FAIL
    assert world.worker.state is JobState.NODE_FAIL


SMALL = JobSpec(("true",), resources=CORE, requeue=True)


def test_a_small_job_that_may_run_again_waits_until_the_worker_that_was_lost_is_gone() -> None:
    world = One(SMALL, ("n1", "n2"))
    world.tell_tasks()
    world.say("n1", exited(world.worker_id, EndCause.LOST, None, message="no supervisor"))
    assert (world.job.state, world.job.restarts, world.job.worker) == (JobState.PENDING, 1, None)
    assert world.job.message == "no supervisor"
    wait = world.state.blocked(world.job_id, world.tick())
    assert wait is not None
    assert wait.message == "waits until its last run is gone from its nodes"
    world.state = State.load(world.state.dump())
    world.plan()
    assert world.job.state is JobState.PENDING
    world.say("n1")
    world.plan()
    assert world.job.state is JobState.CONFIGURING
    assert world.job.left_worker is None
    assert world.state.jobs[world.job.worker or 0].is_worker


def test_a_small_job_starts_elsewhere_when_its_node_is_given_up() -> None:
    world = One(SMALL, ("n1", "n2"))
    world.do(NodeDisconnected(world.tick(), "n1"), NodeLost(world.tick(), "n1", "gone"))
    world.plan()
    assert world.job.allocation is not None
    assert world.job.allocation.nodes == ("n2",)


def test_a_small_job_that_could_not_be_started_is_not_tried_again() -> None:
    world = One(SMALL)
    world.say("n1", exited(world.worker_id, EndCause.LAUNCH_FAILED, None, message="no image"))
    assert (world.job.state, world.job.reason) == (JobState.FAILED, Reason.LAUNCH_FAILED)


def test_a_cancelled_small_job_does_not_wait_again_when_its_worker_is_lost() -> None:
    world = One(SMALL)
    world.do(*changing.requeue(world.state, world.job_id, world.tick()))
    world.do(*decide.cancel(world.state, world.job_id, world.tick()))
    world.say("n1")
    assert world.job.state is JobState.CANCELLED


def test_a_small_job_is_put_back_when_its_task_has_ended_and_not_before() -> None:
    world = One(replace(SMALL, requeue=False))
    (second,) = world.submit(SMALL)
    world.plan()
    world.tell_tasks()
    for times in (1, 0):
        events = changing.requeue(world.state, world.job_id, world.tick())
        assert len(events) == times
        world.do(*events)
    assert [work.cancel for work in world.state.desired("n1")[0].works] == [True, False]
    assert (world.job.state, world.job.restarts) == (JobState.RUNNING, 0)
    assert not world.state.desired("n1")[0].cancel
    world.state = State.load(world.state.dump())
    world.tell_tasks(ended=(TaskEnd(0, EndCause.CANCELLED),))
    assert (world.job.state, world.job.restarts, world.job.requeue_requested) == (JobState.PENDING, 1, False)
    assert [work.job_id for work in world.state.desired("n1")[0].works] == [second]
    world.plan()
    assert world.job.worker == world.worker_id
    world.tell_tasks((0, 1))
    assert world.job.state is JobState.CONFIGURING


def test_a_small_job_that_ends_by_itself_before_it_is_put_back_has_ended() -> None:
    world = One(SMALL)
    world.tell_tasks()
    world.do(*changing.requeue(world.state, world.job_id, world.tick()))
    world.tell_tasks((0, 1))
    assert (world.job.state, world.job.restarts) == (JobState.COMPLETED, 0)


@pytest.mark.parametrize("cause", [EndCause.LOST, EndCause.LAUNCH_FAILED, EndCause.CANCELLED, EndCause.STOPPED])
def test_a_small_job_that_is_being_put_back_waits_again_however_its_worker_ends(cause: EndCause) -> None:
    world = One(replace(SMALL, requeue=False))
    world.do(*changing.requeue(world.state, world.job_id, world.tick()))
    world.say("n1", exited(world.worker_id, cause, None))
    assert (world.job.state, world.job.restarts) == (JobState.PENDING, 1)


def test_what_runs_in_a_shared_container_is_not_suspended_and_a_worker_not_put_back() -> None:
    world = One(SMALL)
    world.tell_tasks()
    line = f"job {world.job_id} runs beside others in the container of worker {world.worker_id}: it cannot be suspended; "
    with pytest.raises(Conflict, match=f"^{line}`hpcsched requeue {world.job_id}` puts it back into the queue$"):
        changing.suspend(world.state, world.job_id, world.tick())
    for change, done in ((changing.requeue, "requeued"), (changing.suspend, "suspended")):
        with pytest.raises(Conflict, match=f"^job {world.worker_id} is a worker, in .*: it cannot be {done}$"):
            change(world.state, world.worker_id, world.tick())


def test_a_small_job_that_runs_gets_another_limit_in_its_slot_and_its_worker_none() -> None:
    world = One(JobSpec(("true",), resources=CORE, time_limit_s=60))
    world.do(*changing.update(world.state, world.job_id, JobChange(time_limit_s=90), world.tick(), {}))
    assert world.state.desired("n1")[0].works[0].time_limit_s == 90
    world.do(*changing.update(world.state, world.job_id, JobChange(deadline=world.job.granted_time + 70), world.tick(), {}))
    assert world.state.desired("n1")[0].works[0].time_limit_s == 70
    with pytest.raises(Conflict, match="its nodes can be changed only while it is pending"):
        changing.update(world.state, world.job_id, JobChange(nodes=2), world.tick(), {})
    with pytest.raises(Conflict, match="is a worker, in whose container others run"):
        changing.update(world.state, world.worker_id, JobChange(time_limit_s=5), world.tick(), {})


def test_a_small_job_is_cancelled_in_its_slot_and_its_worker_lives() -> None:
    small = JobSpec(("true",), resources=CORE)
    world = One(small)
    (second,) = world.submit(small)
    world.plan()
    world.do(*decide.cancel(world.state, world.job_id, world.tick()))
    assert [work.cancel for work in world.state.desired("n1")[0].works] == [True, False]
    assert not world.state.desired("n1")[0].cancel
    world.tell_tasks(ended=(TaskEnd(0, EndCause.CANCELLED),))
    assert world.job.state is JobState.CANCELLED
    assert second in world.state.jobs


def test_only_a_job_that_says_its_size_shares_and_only_where_the_site_allows_it() -> None:
    shared, small = Partition("s", shared=True), JobSpec(("x",), resources=CORE)
    assert is_small(small, shared)
    for spec, partition in (
        (small, Partition("p")),
        (small, None),
        (replace(small, resources=ResourceRequest()), shared),
        (replace(small, nodes=2), shared),
        (replace(small, keep=True), shared),
        (replace(small, array="0-1"), shared),
        (replace(small, resources=replace(CORE, hugepages=((2 << 20, 1),))), shared),
    ):
        assert not is_small(spec, partition)


def test_a_task_waits_for_the_task_of_its_number_in_another_array() -> None:
    world = One(array("0-3"))
    (second,) = world.submit(array("0-3", dependency=f"aftercorr:{world.job_id}"))
    world.tell_tasks((0, 1), (2, 4), ended=(TaskEnd(1, EndCause.EXIT, 1),))
    assert world.job.state is JobState.FAILED
    world.state = State.load(world.state.dump())
    world.say("n1", exited(world.worker_id, EndCause.STOPPED, None))
    world.say("n1")
    world.plan()
    worker = world.state.nodes["n1"].job_id or 0
    assert world.state.jobs[worker].assigned[0].ranges == ((0, 1), (2, 4))
    status = WorkStatus(second, ((0, 1), (2, 4)), (), 3, world.time)
    world.say("n1", replace(running(worker, world.time), works=(status,)))
    job = world.records[second].job
    assert job.state is JobState.FAILED
    assert job.message == "1 of 4 tasks never ran, because those that they wait for did not end well"


def test_an_array_none_of_whose_counterparts_ended_well_waits_for_ever_and_says_so() -> None:
    world = One(array("0-3"))
    (second,) = world.submit(array("0", dependency=f"aftercorr:{world.job_id}"))
    world.tell_tasks((1, 4), ended=(TaskEnd(0, EndCause.EXIT, 1),))
    wait = world.state.blocked(second, world.tick())
    assert wait is not None
    assert wait.reason is Reason.DEPENDENCY_NEVER


def cancel_tasks(world: One, ids: str) -> None:
    world.do(*decide.cancel_tasks(world.state, world.job_id, ids, world.tick()))
    world.feed()


def test_single_tasks_are_cancelled_whether_they_wait_or_run_and_the_others_go_on() -> None:
    world = One(array("10-19"))
    world.tell_tasks(started=4)
    cancel_tasks(world, "11,18-19")
    assert world.state.desired("n1")[0].works[0].ranges == ((0, 1), (2, 5))
    assert world.job.array.cancelled == 3  # type: ignore[union-attr]
    world.tell_tasks((0, 1), ended=(TaskEnd(1, EndCause.CANCELLED), TaskEnd(2, EndCause.EXIT, 0)))
    cancel_tasks(world, "11")
    for _ in range(3):
        world.tell_tasks((0, 10))
    assert world.job.state is JobState.FAILED
    progress = world.job.array
    assert progress is not None
    assert (progress.done, progress.failed, progress.cancelled) == (6, 1, 3)
    assert world.job.message.endswith("; 3 of 10 tasks were cancelled")


def test_an_array_of_which_tasks_were_cancelled_and_all_others_ended_well_is_cancelled() -> None:
    world = One(array("0-3"))
    cancel_tasks(world, "0-1")
    world.tell_tasks((2, 4))
    assert world.job.state is JobState.CANCELLED
    assert world.job.message == "2 of 4 tasks were cancelled"


def test_an_array_all_of_whose_tasks_are_cancelled_ends_at_once() -> None:
    world = One(array("0-9"))
    cancel_tasks(world, "0-9")
    assert world.job.state is JobState.CANCELLED
    assert world.worker.dismissed


def test_tasks_that_there_are_not_cannot_be_cancelled() -> None:
    world = One(array("0-9"))
    (small,) = world.submit(JobSpec(("true",), resources=CORE))
    for job_id, ids, complaint in ((world.job_id, "9-10", "its ids are 0-9"), (small, "0", "is no array"), (small, "x", "array")):
        with pytest.raises(InvalidValue, match=complaint):
            decide.cancel_tasks(world.state, job_id, ids, world.tick())


def test_an_array_exits_with_the_largest_code_of_its_tasks() -> None:
    world = One(array("0-3"))
    ends = (TaskEnd(0, EndCause.EXIT, 3), TaskEnd(1, EndCause.SIGNAL, signal=11), TaskEnd(2, EndCause.TIMEOUT))
    world.tell_tasks((3, 4), ended=ends)
    assert world.job.exit_code == 128 + 11


def following(world: One, text: str, **values: object) -> int:
    (number,) = world.submit(array(text, dependency=f"aftercorr:{world.job_id}", **values))
    return number


def test_a_task_may_run_as_soon_as_its_counterpart_has_ended_well_and_the_others_wait() -> None:
    world = One(array("0-9"), ("n1", "n2"))
    second = following(world, "8,2-3")
    wait = world.state.blocked(second, world.tick())
    assert wait is not None
    assert (wait.reason, wait.message) == (Reason.DEPENDENCY, f"waits for aftercorr:{world.job_id}")
    world.tell_tasks((2, 4))
    assert world.state.blocked(second, world.tick()) is None
    progress = world.state.jobs[second].array
    assert progress is not None
    assert (progress.again, progress.following) == (((1, 3),), ((0, 1),))
    assert world.state.jobs[second] in world.state.queue
    world.state = State.load(world.state.dump())
    world.feed()
    world.tell_tasks((0, 4))
    assert world.state.jobs[second].array.left == 2  # type: ignore[union-attr]


def test_an_array_ends_when_the_rest_of_its_tasks_has_waited_in_vain() -> None:
    world = One(array("0-3"), ("n1", "n2"))
    world.tell_tasks((0, 2))
    second = following(world, "0-3")
    world.plan()
    worker = world.state.nodes["n2"].job_id or 0
    assert world.state.jobs[worker].assigned[0].ranges == ((0, 2),)
    status = WorkStatus(second, ((0, 2),), (), 2, world.time)
    world.say("n2", replace(running(worker, world.time), works=(status,)))
    assert world.state.jobs[second].state is JobState.RUNNING
    world.tell_tasks(ended=tuple(TaskEnd(position, EndCause.EXIT, 1) for position in (2, 3)))
    job = world.records[second].job
    assert job.state is JobState.FAILED
    assert job.message == "2 of 4 tasks never ran, because those that they wait for did not end well"
    assert (job.array.done, job.array.cancelled) == (2, 2)  # type: ignore[union-attr]


def test_a_task_that_follows_two_arrays_waits_for_both() -> None:
    world = One(array("0-3"), ("n1", "n2"))
    (other,) = world.submit(array("0-3", hold=True))
    (third,) = world.submit(array("0-3", dependency=f"aftercorr:{world.job_id}:{other}"))
    world.tell_tasks((0, 4))
    assert world.state.jobs[third].array.left == 0  # type: ignore[union-attr]
    world.do(*decide.cancel(world.state, other, world.tick()))
    wait = world.state.blocked(third, world.tick())
    assert wait is not None
    assert wait.reason is Reason.DEPENDENCY_NEVER


def test_an_array_that_follows_one_that_has_ended_is_judged_by_its_record() -> None:
    world = One(array("10-13"))
    world.tell_tasks((0, 3), ended=(TaskEnd(3, EndCause.EXIT, 1),))
    ended = {world.job_id: world.job}
    spec = array("12-13", dependency=f"aftercorr:{world.job_id}")
    event = decide.submit(world.state, "later", [spec], world.tick(), 100, ended)
    world.do(codec.decode(*codec.encode(event)))
    progress = world.state.jobs[event.jobs[0].job_id].array
    assert progress is not None
    assert (progress.again, progress.cancelled) == (((0, 1),), 1)
    for text, complaint in (("13", "can never be satisfied"), ("9-12", "has nothing for task 9: the ids of array")):
        with pytest.raises(Infeasible, match=complaint):
            decide.submit(world.state, "x", [replace(spec, array=text)], world.tick(), 100, ended)


def test_arrays_that_would_follow_each_other_are_refused() -> None:
    world = WorkerWorld(("n1",))
    (first,) = world.submit(array("0-3", hold=True))
    (second,) = world.submit(array("0-3", dependency=f"aftercorr:{first}"))
    with pytest.raises(InvalidValue, match="would be a cycle"):
        changing.update(world.state, first, JobChange(dependency=f"aftercorr:{second}"), world.tick(), {})


def test_arrays_of_jobs_with_several_nodes_or_tasks_are_refused() -> None:
    world = WorkerWorld(("n1", "n2"))
    for spec in (array(nodes=2), array(resources=ResourceRequest(ntasks_per_node=2)), array(keep=True), array("0-1000000")):
        with pytest.raises(InvalidValue):
            world.submit(spec)


def test_a_call_to_feed_looks_at_no_worker_that_nothing_happened_to() -> None:
    world = One(array())
    world.feed()
    assert world.state.hungry == set()
    assert works.feed(world.state, world.tick()) == []


def test_a_plan_follows_a_new_worker_which_may_have_to_give_way_and_the_last_task_that_is_given_out() -> None:
    world = WorkerWorld(("n1",))
    world.submit(array("0-9"))
    granted = decide.allocate(world.state, world._policy.plan(world.state.snapshot(world.tick())), world.time)
    assert Replan() in world.do(*granted)
    (first,) = works.feed(world.state, world.tick())
    assert Replan() not in world.do(first)
    worker_id = world.state.nodes["n1"].job_id or 0
    assert Replan() in world.do(WorkAssigned(world.tick(), worker_id, 1, ((4, 10),)))


def test_tasks_that_could_not_end_by_the_deadline_never_run_and_those_that_run_have_their_limit() -> None:
    world = One(array("0-9", time_limit_s=100, deadline=1200.0))
    world.tell_tasks((0, 1))
    world.do(*due(world.state, 1100.0))
    assert world.job.array is not None
    assert world.job.array.left == 5
    world.do(*due(world.state, 1101.0))
    assert (world.job.array.left, world.job.array.out, world.job.array.cancelled) == (0, 4, 5)
    world.tell_tasks((0, 5))
    assert (world.job.state, world.job.reason, world.job.exit_code) == (JobState.DEADLINE, Reason.DEADLINE, None)
    assert world.job.message == "5 of 10 tasks could not have ended by the deadline"


def test_tasks_that_still_run_at_the_deadline_are_ended_then() -> None:
    world = One(array("0-3", deadline=1200.0))
    world.tell_tasks((0, 1))
    world.do(*due(world.state, world.state.next_time(1199.0) or 0.0))
    assert world.job.state is JobState.DEADLINE
    assert not world.state.desired("n1")[0].works


def test_an_array_whose_worker_is_being_started_when_it_is_too_late_leaves_nothing_behind() -> None:
    world = WorkerWorld(("n1",))
    (job_id,) = world.submit(array("0-9", time_limit_s=100, deadline=world.time + 103.0))
    world.plan()
    world.do(*due(world.state, world.time + 3.0))
    assert world.state.jobs[job_id].array == replace(world.state.jobs[job_id].array, out=4, cancelled=6, late=6)
    world.do(*decide.cancel_tasks(world.state, job_id, "0-3", world.tick()))
    assert world.records[job_id].job.state is JobState.DEADLINE
    world.feed()
    assert world.state.desired("n1")[0].release


def test_a_running_array_may_be_given_a_later_deadline_or_none() -> None:
    world = One(array("0-9", time_limit_s=100, deadline=1200.0))
    world.do(*changing.update(world.state, world.job_id, JobChange(deadline=0.0), world.tick(), {}))
    assert due(world.state, 5000.0) == []


def test_an_array_that_is_being_cancelled_has_no_deadline_any_more_and_keeps_no_place_in_the_queue() -> None:
    world = One(array("0-9", time_limit_s=100, deadline=1200.0))
    told = world.do(*decide.cancel(world.state, world.job_id, world.tick()))
    assert Replan() in told
    assert due(world.state, 1300.0) == []
