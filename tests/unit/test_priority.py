"""The sum of weighted factors."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.site import Partition, Qos, Site, Weights
from hpcsched.sched.priority import factors, factors_of, priorities

NOW = 1_000_000.0
SITE = Site(
    partitions=(Partition("batch", default=True, priority=0.25), Partition("fast", priority=1.0)),
    qos=(Qos("normal", 0.5), Qos("urgent", 1.0)),
    weights=Weights(age=1000, fair_share=4000, size=200, qos=300, partition=40, max_age_s=1000),
)


def job(number: int = 1, age: float = 0.0, **spec: object) -> Job:
    return Job(number, JobSpec(command=("x",), **spec), "r", JobState.PENDING, NOW - age, eligible_time=NOW - age)  # type: ignore[arg-type]


def priority(waiting: Job, site: Site = SITE) -> float:
    return float(priorities([waiting], site, {("a", "u"): 0.75}, NOW, 10)[0])


def test_the_priority_is_the_sum_of_weighted_factors_less_nice() -> None:
    waiting = job(age=500, user="u", account="a", nodes=5, qos="urgent", partition="fast", nice=7)
    assert priority(waiting) == 500 + 3000 + 100 + 300 + 40 - 7


def test_the_default_partition_and_the_normal_qos_count_for_who_names_none() -> None:
    assert priority(job(nodes=10)) == 200 + 150 + 10


def test_age_counts_up_to_its_bound_and_never_below_zero() -> None:
    assert priority(job(age=5000, nodes=10)) - priority(job(age=0, nodes=10)) == 1000
    assert priority(job(age=-5000, nodes=10)) == priority(job(age=0, nodes=10))


def test_small_jobs_may_be_favoured() -> None:
    small = Site(weights=Weights(age=0, size=100, favor_small=True))
    assert priority(job(nodes=1), small) == 90
    assert priority(job(nodes=50), small) == 0


def test_without_nodes_the_size_counts_nothing() -> None:
    assert float(priorities([job()], Site(weights=Weights(age=0, size=100)), {}, NOW, 0)[0]) == 0


def test_factors_of_fair_share_know_everyone_who_waits() -> None:
    found = factors(SITE, {("a", "u"): 5.0}, [job(user="new", account="a")])
    assert found["a", "new"] > found["a", "u"]
    assert factors(Site(), {("a", "u"): 5.0}, []) == {}


@given(
    st.lists(
        st.builds(
            job,
            age=st.floats(-100, 3000),
            user=st.sampled_from(["u", "v"]),
            account=st.sampled_from(["", "a"]),
            nodes=st.integers(1, 20),
            qos=st.sampled_from(["", "urgent", "gone"]),
            partition=st.sampled_from(["", "fast", "gone"]),
            nice=st.integers(-100, 100),
        ),
        max_size=8,
    )
)
def test_the_summands_add_up_to_the_priority_of_each_job(jobs: list[Job]) -> None:
    fair = {("a", "u"): 0.75, ("", "v"): 0.5}
    found = priorities(jobs, SITE, fair, NOW, 10)
    for waiting, figure in zip(jobs, found, strict=True):
        summands = factors_of(waiting, SITE, fair, NOW, 10)
        assert abs(sum(item.product for item in summands) - figure) < 1e-6
        assert all(0 <= item.factor <= 1 for item in summands if item.name != "nice")
