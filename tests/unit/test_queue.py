from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.state.queue import Queue


def job(number: int, priority: int) -> Job:
    return Job(number, JobSpec(priority=priority), "r", JobState.PENDING, 0.0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9))))
def test_jobs_come_by_priority_then_by_id_whatever_was_put_and_dropped(steps: list[tuple[bool, int]]) -> None:
    queue, model = Queue(), dict[int, Job]()
    for put, number in steps:
        item = job(number, number % 3)
        if put:
            queue.put(item)
            model[number] = item
        else:
            queue.drop(item)
            model.pop(number, None)
        assert queue.ordered() == tuple(sorted(model.values(), key=lambda each: (-each.spec.priority, each.id)))
        assert len(queue) == len(model)
        assert (item in queue) is (number in model)


def test_reading_twice_builds_nothing_new() -> None:
    queue = Queue()
    queue.put(job(1, 0))
    assert queue.ordered() is queue.ordered()


def test_jobs_that_come_between_two_looks_at_their_ages_keep_the_order_of_their_arrival() -> None:
    """The first is ranked as it comes, the second only later, when it is older than the first was."""
    queue = Queue()

    def by_age(jobs: Sequence[Job], now: float) -> Sequence[float]:
        return [max(0.0, now - each.submit_time) for each in jobs]

    def ids(now: float) -> list[int]:
        return [each.id for each in queue.ordered(now, by_age, changing=True)]

    assert ids(100.0) == []
    queue.put(replace(job(1, 0), submit_time=101.0))
    assert ids(101.0) == [1]
    queue.put(replace(job(2, 0), submit_time=102.0))
    assert ids(108.0) == [1, 2]
    assert ids(120.0) == [1, 2]
