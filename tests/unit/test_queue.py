"""The queue: who is in it at which time, and in which order."""

import gc
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.job import Job, JobSpec, JobState, ResourceRequest
from hpcsched.sched.waiting import Waiting, by_falling
from hpcsched.state.events import JobsSubmitted, SubmittedJob
from hpcsched.state.order import FEW
from hpcsched.state.queue import Queue
from hpcsched.state.state import State

STEPS = st.lists(st.tuples(st.sampled_from(["put", "drop", "read"]), st.integers(0, 30), st.integers(0, 3)), max_size=200)


def job(number: int, priority: int = 0, eligible: float = 0.0, nice: int = 0) -> Job:
    return Job(number, JobSpec(priority=priority, nice=nice), "r", JobState.PENDING, 0.0, eligible_time=eligible)


def by_nice(jobs: Sequence[Job], now: float = 0.0) -> Sequence[float]:
    return [-float(item.spec.nice) for item in jobs]


def sorted_ids(jobs: Sequence[Job]) -> list[int]:
    return [item.id for item in sorted(jobs, key=lambda each: (-each.spec.priority, each.spec.nice, each.id))]


@given(STEPS)
def test_jobs_come_by_priority_then_rank_then_id_whatever_was_put_and_dropped(steps: list[tuple[str, int, int]]) -> None:
    queue, model = Queue(), dict[int, Job]()
    for step, number, level in steps:
        item = job(number, number % 3, nice=level)
        if step == "put":
            queue.put(item)
            model[number] = item
        elif step == "drop":
            queue.drop(item)
            model.pop(number, None)
        if step == "read":
            assert [each.id for each in queue.ordered(0.0, by_nice)] == sorted_ids(list(model.values()))
            assert list(queue.ranks()) == by_nice(queue.ordered(0.0, by_nice))
        assert len(queue) == len(queue.all()) == len(model)
        assert (item in queue) is (number in model)
    assert queue.ordered(0.0, by_nice) == tuple(
        sorted(model.values(), key=lambda each: (-each.spec.priority, each.spec.nice, each.id))
    )


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 10)), max_size=40), st.lists(st.integers(-1, 11), max_size=20))
def test_jobs_are_in_the_order_from_their_eligible_time_on_wherever_the_clock_goes(
    puts: list[tuple[int, int]], times: list[int]
) -> None:
    queue, model = Queue(), dict[int, Job]()
    for at, (number, eligible) in enumerate(puts):
        model[number] = job(number, eligible=float(eligible))
        queue.put(model[number])
        if at < len(times):
            now = float(times[at])
            assert [item.id for item in queue.ordered(now)] == sorted_ids(
                [it for it in model.values() if it.eligible_time <= max(now, 0)]
            )
            later = [item.eligible_time for item in model.values() if item.eligible_time > max(now, 0)]
            assert queue.next_time() == min(later, default=None)


def test_many_at_once_come_and_go_as_one_by_one() -> None:
    queue = Queue()
    jobs = [job(number, number % 5, nice=number % 7) for number in range(1, 10 * FEW)]
    for item in jobs[::2]:
        queue.put(item)
    queue.ordered(0.0, by_nice)
    for item in jobs[1::2]:
        queue.put(item)
    queue.ordered(0.0, by_nice)
    for item in jobs[: 5 * FEW]:
        queue.drop(item)
    assert [item.id for item in queue.ordered(0.0, by_nice)] == sorted_ids(jobs[5 * FEW :])


@given(st.lists(st.tuples(st.sampled_from(["put", "again", "drop", "read"]), st.integers(0, 40)), max_size=300))
def test_what_was_read_stays_as_it_was_whatever_becomes_of_its_jobs(steps: list[tuple[str, int]]) -> None:
    queue, live, kept = Queue(), dict[int, Job](), list[tuple[Waiting, list[Job]]]()
    for at, (step, number) in enumerate(steps):
        if step == "put" or (step == "again" and number not in live):
            queue.put(live.setdefault(number, job(number, number % 2)))
        elif step == "again":
            live[number] = replace(live[number], message=f"{at}")
            queue.put(live[number])
        elif step == "drop":
            queue.drop(live.pop(number, job(number)))
        else:
            found = queue.ordered()
            kept.append((found, sorted(live.values(), key=lambda each: (-each.spec.priority, each.id))))
        assert all(list(found) == jobs for found, jobs in kept)


def test_rows_of_jobs_that_are_gone_are_forgotten() -> None:
    queue, first = Queue(), job(1)
    for at in range(20_000):
        queue.put(replace(first, message=f"{at}"))
        queue.ordered()
    for number in range(2, 20_000):
        queue.put(job(number))
        queue.drop(job(number))
    assert queue.ordered().columns.size < 4000
    assert [item.message for item in queue.ordered()] == ["19999"]


@given(st.lists(st.sampled_from([0.0, 1.0, 2.5, -3.0]), max_size=40), st.randoms())
def test_many_are_sorted_as_few_are(values: list[float], chance: Random) -> None:
    many = values * (1 + 1000 // max(1, len(values))) if values else [0.0] * 1000
    ids = chance.sample(range(10**6), len(many))
    places = by_falling(np.array(many), np.array(ids))
    assert places.tolist() == sorted(range(len(many)), key=lambda place: (-many[place], ids[place]))


def test_reading_twice_builds_nothing_new() -> None:
    queue = Queue()
    queue.put(job(1))
    assert queue.ordered() is queue.ordered()


def test_ranks_that_change_with_time_are_found_again_every_minute() -> None:
    queue, asked = Queue(), list[int]()

    def rank(jobs: Sequence[Job], now: float) -> Sequence[float]:
        asked.append(len(jobs))
        return [0.0] * len(jobs)

    for number in range(1, 4):
        queue.put(job(number))
    for now in (100.0, 130.0, 159.0, 160.0, 161.0, 90.0):
        queue.ordered(now, rank, changing=True)
    assert asked == [3, 3, 3]


def test_the_rank_of_each_job_that_has_a_place_is_known_by_its_id() -> None:
    queue = Queue()
    for number in range(1, 5):
        queue.put(job(number))
    queue.ordered(0.0, lambda jobs, now: [float(10 * item.id) for item in jobs])
    queue.drop(job(2))
    queue.put(job(9))
    assert queue.ranks_of([1, 2, 3, 9, 77]) == {1: 10.0, 3: 30.0}
    assert queue.ranks_of([3]) == {3: 30.0}
    assert queue.ranks_of([2]) == {}


def test_a_job_that_is_put_again_with_the_same_terms_keeps_its_place() -> None:
    queue = Queue()
    jobs = [job(number) for number in range(1, 5)]
    for item in jobs:
        queue.put(item)
    queue.ordered()
    arrivals = queue.arrivals
    queue.put(replace(jobs[1], message="x"))
    assert [item.message for item in queue.ordered()] == ["", "x", "", ""]
    assert queue.arrivals == arrivals


def test_a_waiting_job_costs_less_than_two_kilobytes() -> None:
    count = 10_000
    gc.collect()
    tracemalloc.start()
    try:
        state = State()
        for first in range(1, count, 1000):
            jobs = tuple(SubmittedJob(number, _spec(number)) for number in range(first, first + 1000))
            state.apply(JobsSubmitted(float(first), f"request-{first}", jobs))
        state.snapshot(1e6)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(state.queue) == count
    assert used / count < 2000


def _spec(number: int) -> JobSpec:
    """Each with its own name and command; few different requests."""
    resources = ResourceRequest(cores_per_node=number % 8)
    return JobSpec((f"program-{number}",), name=f"job-{number}", user=f"user{number % 100}", resources=resources)


def test_equal_specs_are_kept_once() -> None:
    state = State()
    state.apply(JobsSubmitted(1.0, "r", tuple(SubmittedJob(number, JobSpec(("x",))) for number in (1, 2))))
    assert state.jobs[1].spec is state.jobs[2].spec


def test_jobs_that_come_between_two_looks_at_their_ages_keep_the_order_of_their_arrival() -> None:
    """The first is ranked as it comes, the second only later, when it is older than the first was."""
    queue = Queue()

    def by_age(jobs: Sequence[Job], now: float) -> Sequence[float]:
        return [max(0.0, now - item.eligible_time) for item in jobs]

    def ids(now: float) -> list[int]:
        return [item.id for item in queue.ordered(now, by_age, changing=True)]

    assert ids(100.0) == []
    queue.put(job(1, eligible=101.0))
    assert ids(101.0) == [1]
    queue.put(job(2, eligible=102.0))
    assert ids(108.0) == [1, 2]
    assert ids(180.0) == [1, 2]
