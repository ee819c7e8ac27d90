"""Small traces through the whole simulator, with every invariant looked at after every event."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.model.site import Limits, Partition, PreemptMode, Qos, Site, Weights
from hpcsched.sim.engine import Setting, Turns, simulate
from hpcsched.sim.failures import Failures
from hpcsched.sim.metrics import bounded_slowdowns, figures, queue_over_time, use_over_time
from hpcsched.sim.outcome import Outcome
from hpcsched.sim.study import UNSETTLED, arms, policy_class, run
from hpcsched.sim.trace import Trace, TraceJob, in_order

POLICIES = ("fifo", "easy", "sjbf", "conservative", "wfp")


def job(number: int, submit: float, run: float, processors: int, estimate: float = 0, user: str = "u1") -> TraceJob:
    return TraceJob(number, submit, run, processors, estimate or run, user)


def starts(policy: str, *jobs: TraceJob, processors: int = 4, **values: object) -> dict[int, float]:
    return {ran.job.id: ran.start for ran in simulated(policy, *jobs, processors=processors, **values).ran}


def simulated(policy: str, *jobs: TraceJob, processors: int = 4, **values: object) -> Outcome:
    setting = Setting(processors, **{"site": UNSETTLED, "check": True, **values})  # type: ignore[arg-type]
    return simulate(Trace("made up", in_order(jobs)), policy_class(policy)(), setting, policy)


BLOCKED = (job(1, 0, 100, 3), job(2, 1, 50, 4), job(3, 2, 99, 1, estimate=98), job(4, 3, 200, 1), job(5, 4, 10, 1))
"""Job 2 waits for job 1; job 3 ends by then; job 4 would not; job 5 would, when job 3 has ended."""


def test_first_come_is_first_served() -> None:
    assert starts("fifo", *BLOCKED[:3], BLOCKED[4]) == {1: 0, 2: 100, 3: 150, 5: 150}


def test_a_short_job_overtakes_where_it_delays_nobody() -> None:
    fits = replace(BLOCKED[2], run=98)
    assert starts("easy", *BLOCKED[:2], fits, BLOCKED[3]) == {1: 0, 2: 100, 3: 2, 4: 150}


def test_a_job_that_ends_early_lets_the_next_begin_early() -> None:
    assert starts("easy", job(1, 0, 30, 4, estimate=100), job(2, 1, 5, 4)) == {1: 0, 2: 30}


def test_jobs_of_no_length_take_their_turn() -> None:
    assert starts("easy", job(1, 0, 0, 4, 1), job(2, 0, 0, 4, 1), job(3, 0, 5, 4)) == {1: 0, 2: 0, 3: 0}


def test_a_job_gets_whole_nodes() -> None:
    assert starts("fifo", job(1, 0, 10, 3), job(2, 0, 10, 5), node_processors=4, processors=8) == {1: 0, 2: 10}


def test_a_trace_may_begin_at_any_time() -> None:
    assert starts("fifo", job(1, 1_672_529_301, 10, 4), job(2, 1_672_529_301, 10, 4)) == {1: 1672529301, 2: 1672529311}


def test_the_controller_plans_once_for_all_that_happens_at_one_time() -> None:
    pair = (job(1, 0, 10, 1), job(2, 10, 60, 2), job(3, 10, 5, 1))
    one, other = (simulated("easy", *pair, turns=turns) for turns in Turns)
    assert other.passes < one.passes
    assert len(other.ran) == len(one.ran) == 3


def test_limits_of_the_site_refuse_jobs_and_say_why() -> None:
    site = Site(partitions=(Partition("batch", default=True, limits=Limits(max_time_s=60)),))
    found = simulated("easy", job(1, 0, 50, 1), job(2, 0, 70, 1), site=site)
    assert [ran.job.id for ran in found.ran] == [1]
    ((why, count),) = found.refused
    assert count == 1
    assert "time" in why


def test_partitions_accounts_and_qos_of_a_trace_are_those_of_the_site() -> None:
    """Jobs of the one QOS go first, though they came last."""
    site = Site(qos=(Qos("normal"), Qos("high", priority=1.0)), weights=Weights(age=0, qos=1000))
    late = replace(job(3, 2, 10, 4), qos="high", account="unknown", partition="unknown")
    assert starts("fifo", job(1, 0, 10, 4), job(2, 1, 10, 4), late, site=site) == {1: 0, 3: 10, 2: 20}


def test_jobs_that_can_never_start_are_counted_with_the_reason() -> None:
    site = Site(partitions=(Partition("batch", default=True, limits=Limits(max_node_hours=0.001)),))
    found = simulated("fifo", job(1, 0, 3600, 4), job(2, 1, 60, 1), site=replace(site, half_life_s=0.0))
    assert (len(found.ran), found.stuck) == (1, 1)
    assert "batch" in found.stuck_why


def test_jobs_that_wait_for_nothing_but_time_start_when_it_comes() -> None:
    site = Site(partitions=(Partition("batch", default=True, limits=Limits(max_node_hours=1.0)),), half_life_s=86400.0)
    found = simulated("fifo", job(1, 0, 3600, 4), job(2, 1, 60, 1), site=site)
    assert found.stuck == 0
    assert found.ran[1].start >= 2 * 86400


@pytest.mark.parametrize("policy", POLICIES)
def test_failures_lose_no_job_and_come_the_same_each_time(policy: str) -> None:
    jobs = [job(number, number * 5.0, 40, 1 + number % 4) for number in range(1, 60)]
    failures = Failures(mtbf_s=400, repair_s=50, seed=3)
    found = simulated(policy, *jobs, failures=failures)
    assert len(found.ran) + found.stuck == len(jobs)
    assert found.failures > 5
    assert found.stuck == 0
    assert not any(ran.lost for ran in found.ran)
    assert simulated(policy, *jobs, failures=failures).ran == found.ran
    assert simulated(policy, *jobs, failures=replace(failures, seed=4)).ran != found.ran


small_jobs = st.builds(
    job, st.just(1), st.integers(0, 40), st.integers(0, 30), st.integers(1, 6), st.integers(30, 60), st.sampled_from(("a", "b"))
)


@settings(max_examples=60, deadline=None)
@given(st.lists(small_jobs, min_size=1, max_size=14), st.sampled_from(POLICIES), st.sampled_from(Turns), st.booleans())
def test_every_job_runs_once_on_no_more_nodes_than_there_are(jobs: list[TraceJob], policy: str, turns: Turns, fail: bool) -> None:
    numbered = [replace(each, id=number) for number, each in enumerate(jobs, 1)]
    failures = Failures(mtbf_s=100, repair_s=10) if fail else None
    found = simulated(policy, *numbered, processors=6, turns=turns, failures=failures)
    assert sorted(ran.job.id for ran in found.ran) == [each.id for each in numbered]
    for ran in found.ran:
        assert ran.start >= ran.job.submit
        assert ran.end == ran.start + ran.job.run
        there = [other.job.processors for other in found.ran if other.start <= ran.start < other.end]
        assert sum(there) <= 6


def test_a_job_that_does_not_fit_is_no_reason_to_plan_where_a_trace_decides() -> None:
    assert simulated("easy", job(1, 0, 10, 4), job(2, 1, 10, 1), job(3, 2, 10, 1)).passes == 2


def preempting(mode: PreemptMode, grace_s: int = 0) -> Site:
    low, high = Qos("low", preempt_mode=mode, grace_s=grace_s), Qos("high", priority=1.0, preempt=("low",))
    return Site(qos=(low, high), weights=Weights(age=0, qos=1000))


def low(number: int, submit: float, run: float, processors: int) -> TraceJob:
    return replace(job(number, submit, run, processors, user="low"), qos="low")


def high(number: int, submit: float, run: float, processors: int) -> TraceJob:
    return replace(job(number, submit, run, processors, user="high"), qos="high")


@pytest.mark.parametrize("turns", Turns)
def test_a_job_is_cancelled_for_another_when_its_grace_is_over(turns: Turns) -> None:
    found = simulated("easy", low(1, 0, 100, 4), high(2, 10, 50, 4), site=preempting(PreemptMode.CANCEL, 5), turns=turns)
    assert [(ran.start, ran.end, ran.lost) for ran in found.ran] == [(0, 15, True), (15, 65, False)]
    assert (found.preemptions, figures(found).lost, figures(found).wasted_hours) == (1, 1, 15 * 4 / 3600)


@pytest.mark.parametrize("turns", Turns)
def test_a_job_that_ends_within_its_grace_has_ended_well(turns: Turns) -> None:
    found = simulated("easy", low(1, 0, 12, 4), high(2, 10, 50, 4), site=preempting(PreemptMode.CANCEL, 5), turns=turns)
    assert [(ran.start, ran.end, ran.lost) for ran in found.ran] == [(0, 12, False), (12, 62, False)]


@pytest.mark.parametrize("turns", Turns)
def test_a_job_that_is_requeued_for_another_runs_again_from_its_beginning(turns: Turns) -> None:
    found = simulated("easy", low(1, 0, 100, 4), high(2, 10, 90, 4), site=preempting(PreemptMode.REQUEUE, 5), turns=turns)
    first, second = found.ran
    assert (first.start, first.end, first.lost, first.earlier) == (105, 205, False, ((0, 15),))
    assert (second.start, second.end) == (15, 105)
    assert queue_over_time(found.ran).heights.max() == 1


@pytest.mark.parametrize("turns", Turns)
def test_a_frozen_job_goes_on_where_it_was(turns: Turns) -> None:
    found = simulated("easy", low(1, 0, 100, 4), high(2, 10, 50, 2), site=preempting(PreemptMode.SUSPEND), turns=turns)
    first, second = found.ran
    assert (second.start, second.end) == (10, 60)
    assert (first.start, first.end, first.pauses, first.run_s) == (0, 150, ((10, 60),), 100)
    assert bounded_slowdowns(found.ran).tolist() == [1.5, 1.0]


def test_a_queue_of_the_trace_may_be_a_quality_of_service() -> None:
    later = replace(high(2, 10, 50, 4), qos="", partition="high")
    assert simulated("easy", low(1, 0, 100, 4), later, site=preempting(PreemptMode.CANCEL)).ran[1].start == 10


classed = st.builds(
    lambda urgent, *values: (high if urgent else low)(*values),
    st.booleans(),
    st.just(1),
    st.integers(0, 200),
    st.integers(0, 90),
    st.integers(1, 6),
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(classed, min_size=1, max_size=14),
    st.sampled_from(POLICIES),
    st.sampled_from(Turns),
    st.sampled_from((PreemptMode.CANCEL, PreemptMode.REQUEUE, PreemptMode.SUSPEND)),
    st.sampled_from((0, 7)),
    st.booleans(),
)
def test_whoever_gives_nodes_up_every_job_comes_to_its_end(
    jobs: list[TraceJob], policy: str, turns: Turns, mode: PreemptMode, grace_s: int, fail: bool
) -> None:
    numbered = [replace(each, id=number) for number, each in enumerate(jobs, 1)]
    failures = Failures(mtbf_s=300, repair_s=10) if fail else None
    site = preempting(mode, grace_s)
    found = simulated(policy, *numbered, processors=6, site=site, turns=turns, failures=failures)
    assert sorted(ran.job.id for ran in found.ran) == [each.id for each in numbered]
    assert use_over_time(found.ran).heights.max() <= 6
    for ran in found.ran:
        assert ran.job.submit <= ran.start <= ran.end
        assert ran.lost or ran.run_s == pytest.approx(ran.job.run)
        assert not ran.lost or (mode is PreemptMode.CANCEL and ran.job.qos == "low")


def array(number: int, submit: float, tasks: int, run: float, throttle: int = 0) -> TraceJob:
    return replace(job(number, submit, run, 1), tasks=tasks, width=throttle, throttled=throttle > 0)


@pytest.mark.parametrize("turns", Turns)
def test_an_array_runs_its_tasks_on_all_nodes_that_are_free_and_uses_no_more(turns: Turns) -> None:
    outcome = simulated("easy", job(1, 0, 250, 1), array(2, 1, 10, 100), turns=turns)
    ran = {one.job.id: one for one in outcome.ran}
    assert (ran[2].start, ran[2].end) == (1, 350)
    assert sorted(end - begin for begin, end in ran[2].busy()) == [100, 300, 300, 300]
    assert figures(outcome).utilisation == pytest.approx(1250 / (4 * 350))


@pytest.mark.parametrize("turns", Turns)
def test_an_array_gives_way_to_a_job_that_is_ahead_of_it_when_its_tasks_end(turns: Turns) -> None:
    site = Site(qos=(Qos("normal"), Qos("high", priority=1.0)), weights=Weights(age=0, qos=1000))
    outcome = simulated("easy", array(1, 0, 100, 50), replace(job(2, 60, 10, 4), qos="high"), turns=turns, site=site)
    ran = {one.job.id: one for one in outcome.ran}
    assert (ran[2].start, ran[1].end) == (100, 100 + 10 + 23 * 50)
    assert sum(end - begin for begin, end in ran[1].busy()) == 100 * 50


def test_a_throttled_array_has_no_more_nodes_than_it_had() -> None:
    outcome = simulated("easy", array(1, 0, 10, 100, throttle=2))
    assert outcome.ran[0].end == 500
    assert max(use_over_time(outcome.ran).heights) == 2


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.builds(array, st.integers(1, 99), st.integers(0, 300), st.integers(1, 30), st.integers(0, 90)), max_size=3),
    st.lists(st.builds(job, st.integers(100, 999), st.integers(0, 300), st.integers(0, 90), st.integers(1, 4)), max_size=8),
    st.sampled_from(POLICIES),
    st.sampled_from(Turns),
    st.booleans(),
)
def test_every_task_runs_whatever_comes_between(
    arrays: list[TraceJob], jobs: list[TraceJob], policy: str, turns: Turns, fail: bool
) -> None:
    chance = Failures(500, 100, 1) if fail else None
    if not (made := [*arrays, *jobs]):
        return
    outcome = simulated(policy, *made, turns=turns, failures=chance)
    assert (len(outcome.ran), outcome.stuck) == (len(made), 0)
    assert max(use_over_time(outcome.ran).heights) <= 4
    for ran in outcome.ran if not fail else ():
        used = sum(end - begin for begin, end in ran.busy())
        assert used == pytest.approx(ran.job.run * max(1, ran.job.tasks))


@pytest.mark.parametrize("mode", [PreemptMode.CANCEL, PreemptMode.REQUEUE, PreemptMode.SUSPEND])
def test_no_task_is_interrupted_for_another_job_whatever_the_mode(mode: PreemptMode) -> None:
    found = simulated("easy", replace(array(1, 0, 8, 100), qos="low"), high(2, 50, 30, 4), site=preempting(mode))
    assert [(ran.start, ran.end) for ran in found.ran] == [(0, 230), (100, 130)]


def test_several_policies_are_simulated_side_by_side() -> None:
    told: list[tuple[int, int]] = []
    chosen = arms(("fifo", "easy", "easy"), ())
    assert [arm.label for arm in chosen] == ["fifo", "easy", "easy 2"]
    found = run(Trace("made up", BLOCKED), chosen, Setting(4), lambda done, total: told.append((done, total)))
    assert found[1].ran == found[2].ran != found[0].ran
