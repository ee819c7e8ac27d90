"""What keeps a job out of the queue, as the state knows it; of ended and running jobs what became of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.controller.explain import fraction_of
from hpcsched.controller.explain_blockers import blockers, kept, later
from hpcsched.model.array import ArrayProgress, Assigned
from hpcsched.model.job import Job, JobSpec, JobState, Reason
from hpcsched.model.record import Record
from hpcsched.model.site import Partition, Qos, Site
from hpcsched.plugins import load
from hpcsched.sched.dependency import Kind, Need
from hpcsched.sched.explain_known import explain_ended, explain_running
from hpcsched.sched.reserved import moment
from hpcsched.state.events import CancelRequested, JobHeld
from hpcsched.state.state import State
from hpcsched.testing import nouns
from hpcsched.testing.replays import Cluster

TRUE = JobSpec(command=("true",), user="ada", name="solve", time_limit_s=60)


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster(load("policies", "fifo")())
    made.add_nodes([4])
    made.submit(replace(TRUE, name="mesh"))
    made.plan()
    return made


def told(cluster: Cluster, spec: JobSpec) -> list[tuple[Reason, str]]:
    """Of a job that is submitted, and of the same one as long as it is only supposed."""
    supposed = Job(99, spec, "", JobState.PENDING, cluster.now, eligible_time=max(cluster.now, spec.begin_time))
    before = [(item.reason, item.message) for item in blockers(cluster.state, supposed, cluster.now)]
    (job_id,) = cluster.submit(spec)
    found = [(item.reason, item.message) for item in blockers(cluster.state, cluster.state.jobs[job_id], cluster.now)]
    assert found == before
    return found


def test_a_job_in_the_queue_has_no_such_blocker(cluster: Cluster) -> None:
    assert told(cluster, TRUE) == []


def test_each_dependency_is_named_with_the_state_of_its_job(cluster: Cluster) -> None:
    (waits,) = cluster.submit(TRUE)
    assert told(cluster, replace(TRUE, name="post", dependency=f"afterok:1,afterany:{waits}")) == [
        (Reason.DEPENDENCY, "afterok:1: job 1 (mesh) is RUNNING"),
        (Reason.DEPENDENCY, f"afterany:{waits}: job {waits} (solve) is PENDING"),
    ]


def test_a_need_that_is_met_is_no_blocker(cluster: Cluster) -> None:
    assert told(cluster, replace(TRUE, dependency="after:1")) == []


def test_one_of_several_needs_is_enough_and_is_said_to_be(cluster: Cluster) -> None:
    cluster.submit(TRUE)
    found = told(cluster, replace(TRUE, dependency="afterok:1?afterok:2"))
    assert [message.endswith("(one such is enough)") for _, message in found] == [True, True]


def test_a_dependency_that_can_never_be_met_says_what_to_do_and_who_waits_for_it_says_so(cluster: Cluster) -> None:
    (never,) = cluster.submit(replace(TRUE, dependency="afternotok:1"))
    (behind,) = cluster.submit(replace(TRUE, dependency=f"afterok:{never}"))
    while cluster.step():
        pass
    (why,) = blockers(cluster.state, cluster.state.jobs[never], cluster.now)
    assert why.reason is Reason.DEPENDENCY_NEVER
    assert f"`hpcsched update {never} --after ...`" in why.message
    (waits,) = blockers(cluster.state, cluster.state.jobs[behind], cluster.now)
    assert waits.message == f"afterok:{never}: job {never} (solve) is PENDING and can never start as it is"


def test_a_singleton_waits_for_its_namesake(cluster: Cluster) -> None:
    assert told(cluster, replace(TRUE, name="mesh", dependency="singleton")) == [
        (Reason.DEPENDENCY, "singleton: an earlier job of that name of its user has not ended")
    ]


def test_a_begin_time_is_named(cluster: Cluster) -> None:
    ((reason, message),) = told(cluster, replace(TRUE, begin_time=cluster.now + 60))
    assert reason is Reason.BEGIN_TIME
    assert message == "it may not begin before 1970-01-01 00:17:40 UTC"


def test_a_held_job_says_so_before_anything_else(cluster: Cluster) -> None:
    (job_id,) = cluster.submit(replace(TRUE, dependency="afterok:1"))
    cluster.state.apply(JobHeld(cluster.now, job_id))
    found = list(blockers(cluster.state, cluster.state.jobs[job_id], cluster.now))
    assert [item.reason for item in found] == [Reason.JOB_HELD, Reason.DEPENDENCY]


def test_what_comes_later_is_known_by_its_time_and_by_its_jobs(cluster: Cluster) -> None:
    (timed,) = cluster.submit(replace(TRUE, begin_time=cluster.now + 60))
    (behind,) = cluster.submit(replace(TRUE, dependency="afterok:1"))
    (held,) = cluster.submit(replace(TRUE, hold=True))
    found = {item.job.id: (item.time, item.needs) for item in later(cluster.state, cluster.now)}
    assert found[timed] == (cluster.now + 60, ())
    assert found[behind][1] == (Need(Kind.AFTEROK, 1),)
    assert held not in found


def test_a_running_job_says_where_why_and_until_when() -> None:
    job = replace(nouns.running(), message="the first free node that fits", spec=replace(TRUE, time_limit_s=600))
    answer = explain_running(job)
    assert answer.summary == "it runs on n1: the first free node that fits"
    assert answer.end_by == job.start_time + 600


def test_a_job_that_is_frozen_for_another_says_when_that_one_ends() -> None:
    frozen = replace(nouns.running(), state=JobState.SUSPENDED, preempted_by=7)
    taker = replace(nouns.running(), id=7, suspended_s=0.0)
    taker = replace(taker, spec=replace(taker.spec, time_limit_s=3600))
    assert explain_running(frozen, taker).summary.endswith(f"; job 7 ends by {moment(taker.start_time + 3600)}")


def test_a_worker_names_whose_container_it_is() -> None:
    work = tuple(Assigned(number, ((0, 1),), ()) for number in range(7, 14))
    one, many = (replace(nouns.running(), is_worker=True, assigned=work[:count]) for count in (1, 7))
    assert explain_running(one).summary == "it runs on n1, the container of job 7"
    assert explain_running(many).summary == "it runs on n1, the container of jobs 7, 8, 9, 10, 11 and 2 more"


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (nouns.failed(), "it failed after 0:04 on n2: exit code 3"),
        (
            replace(nouns.failed(), state=JobState.TIMEOUT, exit_code=None, reason=Reason.TIME_LIMIT),
            "at its time limit after 0:04",
        ),
        (
            replace(nouns.waiting(), state=JobState.CANCELLED, reason=Reason.CANCELLED, message=""),
            "it was cancelled before it started",
        ),
        (replace(nouns.failed(), state=JobState.PREEMPTED, preempted_by=7, exit_code=None), "job 7 took them"),
        (replace(nouns.failed(), exit_code=None, reason=Reason.LAUNCH_FAILED), "JobLaunchFailure"),
        (
            replace(nouns.waiting(), state=JobState.DEADLINE, reason=Reason.DEADLINE, message=""),
            "its deadline came too near before it started",
        ),
    ],
)
def test_an_ended_job_says_how_it_ended(job: Job, words: str) -> None:
    assert words in explain_ended(job).summary


def test_of_an_array_the_tasks_that_failed_are_counted_once() -> None:
    array = ArrayProgress(3, next=3, done=1, failed=2)
    job = replace(nouns.failed(), array=array, message="2 of 3 tasks failed, the first known is task 0: exit code 3")
    assert explain_ended(job).summary.count("tasks failed") == 1
    assert "2 of its 3 tasks failed" in explain_ended(replace(job, message="")).summary


def records(count: int, ran_s: float) -> list[Record]:
    job = replace(nouns.failed(), state=JobState.COMPLETED, spec=replace(TRUE, time_limit_s=100))
    return [replace(nouns.record(), job=job, ran_s=ran_s) for _ in range(count)]


def test_history_tells_how_much_of_their_limits_jobs_run() -> None:
    assert fraction_of(records(10, 20.0)) == 0.2
    assert fraction_of(records(9, 20.0)) == 0.5
    assert fraction_of([]) == 0.5


def test_jobs_that_were_cancelled_tell_nothing_about_limits() -> None:
    cancelled = [replace(item, job=replace(item.job, state=JobState.CANCELLED)) for item in records(20, 1.0)]
    assert fraction_of([*cancelled, *records(10, 60.0)]) == 0.6


def test_why_a_job_got_its_nodes_is_said_as_long_as_it_runs_and_not_of_its_end(cluster: Cluster) -> None:
    assert "fits" in explain_running(cluster.state.jobs[1]).summary
    cluster.state.apply(CancelRequested(cluster.now, 1))
    assert cluster.state.jobs[1].message == ""


def test_what_is_kept_for_an_answer_stays_as_it_was_when_the_state_goes_on() -> None:
    cluster = Cluster(
        load("policies", "fifo")(), state=State(Site((Partition("p", default=True),), (Qos("normal"),), half_life_s=0.0))
    )
    cluster.add_nodes([4])
    cluster.submit(TRUE)
    cluster.plan()
    snapshot = kept(cluster.state, cluster.now + 30.0)
    cluster.step()
    cluster.submit(replace(TRUE, user="ben"))
    assert dict(snapshot.usage) == {("", "ada"): 30.0}
    assert dict(snapshot.table_usage) == {("partition", "p"): 30.0, ("qos", "normal"): 30.0}
    assert dict(snapshot.user_usage) == {("partition.p", "ada"): 30.0, ("qos.normal", "ada"): 30.0}
