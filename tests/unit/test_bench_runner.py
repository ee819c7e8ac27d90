"""The harness against jobs that end at once, with figures whose truth is known."""

from __future__ import annotations

import dataclasses
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.bench.about import Size
from hpcsched.bench.closing import Closing
from hpcsched.bench.handicap import busy, cores
from hpcsched.bench.plan import Arm, Schedule, Wanted, blocks, budget_s, expected, fits, look_at, planned
from hpcsched.bench.result import Result
from hpcsched.bench.runner import Progress, run
from hpcsched.bench.verdict import Verdict
from hpcsched.errors import DeadlineExceeded, InvalidValue, NotFound, Unreachable
from hpcsched.model.container import Observed
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, JobState, Reason, ResourceRequest
from hpcsched.model.node import Node
from hpcsched.testing.jobs import FakeJobs, Model, rebound, with_field


def measure(jobs: FakeJobs, *names: str, pairs: int = 8, seed: int = 1, **options: Any) -> Result:
    return run(jobs, names or ("dgemm",), pairs=pairs, seed=seed, clock=jobs.clock, **options)


def verdicts(result: Result) -> set[Verdict]:
    return {comparison.verdict for comparison in result.comparisons}


@given(st.integers(0, 1 << 31), st.integers(1, 30))
def test_every_block_holds_each_arm_of_each_benchmark_once(seed: int, pairs: int) -> None:
    for block in blocks(seed, ("a", "b"), Wanted(pairs)):
        assert Counter((step.benchmark, step.arm) for step in block) == {(name, arm): 1 for name in ("a", "b") for arm in Arm}
        assert [step.benchmark for step in block] in (["a"] * 3 + ["b"] * 3, ["b"] * 3 + ["a"] * 3)


@given(st.integers(0, 1 << 31))
def test_six_blocks_use_all_orders_of_the_arms_once(seed: int) -> None:
    for warmups in (0, 1, 3):
        taken = blocks(seed, ("a",), Wanted(6, warmups=warmups))
        orders = [tuple(step.arm for step in block) for block in taken if not block[0].warmup]
        assert sorted(orders) == sorted(permutations(Arm))


def test_the_order_follows_from_the_seed_alone() -> None:
    plan = [list(blocks(seed, ("a", "b"), Wanted(20))) for seed in (1, 1, 2)]
    assert plan[0] == plan[1]
    assert plan[0] != plan[2]


@pytest.mark.parametrize(("measured", "elapsed", "stop"), [(6, 95.0, True), (6, 90.0, False), (5, 500.0, False), (0, 0.0, False)])
def test_a_budget_stops_before_the_block_that_would_pass_it_but_not_before_the_least(
    measured: int, elapsed: float, stop: bool
) -> None:
    assert fits(measured, Wanted(10, least=6, budget_s=100.0), elapsed, 10.0) is not stop


def test_the_forecast_is_what_fits_in_the_budget() -> None:
    wanted = Wanted(50, least=6, budget_s=100.0)
    assert expected(4, wanted, 40.0, 10.0) == 10
    assert expected(0, wanted, 0.0, 1000.0) == 6
    assert expected(4, Wanted(50), 40.0, 10.0) == 50


class TwoNodes(FakeJobs):
    """A job that names no node runs on the one where the job before it did not."""

    def _job(self, job_id: int) -> Job:
        node = next(iter(self._spec(job_id).nodelist), f"n{1 + job_id % 2}")
        job = super()._job(job_id)
        assert job.allocation
        binding = dataclasses.replace(job.allocation.bindings[0], node=node)
        return dataclasses.replace(job, allocation=dataclasses.replace(job.allocation, bindings=(binding,)))


@pytest.mark.parametrize("nodelist", [(), ("n2", "n3")])
def test_a_run_stays_on_the_node_where_it_began(nodelist: tuple[str, ...]) -> None:
    result = measure(TwoNodes(), "dgemm", "stream", nodelist=nodelist)
    assert {sample.node for sample in result.samples} == {"n2"}
    assert verdicts(result) == {Verdict.EQUIVALENT}


def test_a_run_does_not_stay_where_its_first_job_failed() -> None:
    result = measure(TwoNodes(fails=lambda order, spec: "no compiler" if order == 1 else ""), "dgemm", "stream")
    assert result.failed.keys() == {"dgemm"}
    assert {sample.node for sample in result.samples} == {"n1"}


def test_the_samples_of_one_benchmark_differ_in_the_runtime_alone() -> None:
    jobs = FakeJobs()
    measure(jobs, resources=ResourceRequest(cores_per_node=2))
    samples = [spec for spec in jobs.specs if "--prepare" not in spec.command]
    assert {spec.runtime for spec in samples} == {"lxc", "baremetal"}
    assert len({dataclasses.replace(spec, runtime="") for spec in samples}) == 1
    assert samples[0].resources.cores_per_node == 2


def test_an_equal_container_is_equivalent() -> None:
    assert verdicts(measure(FakeJobs(Model(noise=0.001)), "stream", "dgemm", pairs=15)) == {Verdict.EQUIVALENT}


def test_a_planted_slowdown_is_found_and_named() -> None:
    result = measure(FakeJobs(Model(container=0.95, noise=0.005)), pairs=15)
    assert verdicts(result) == {Verdict.DIFFERENT}
    assert "worse than bare metal" in result.comparisons[0].sentence


def test_a_noisy_machine_shows_nothing_and_says_what_it_would_take() -> None:
    comparison = measure(FakeJobs(Model(noise=0.1)), pairs=15).comparisons[0]
    assert comparison.verdict is Verdict.NOT_SHOWN
    assert comparison.pairs_needed > 1000
    assert f"about {comparison.pairs_needed:,} pairs" in comparison.sentence


def test_bare_metal_that_differs_from_itself_forbids_any_verdict() -> None:
    """The second and each later bare sample of a block is the slow one."""
    jobs = FakeJobs(Model(noise=0.001))
    seen: Counter[int] = Counter()

    def slow_control(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        number = len(jobs.specs) - 2
        arm = order[number] if number >= 0 else Arm.BARE
        seen[number] += 1
        factor = 0.9 if arm is Arm.CONTROL else 1.0
        return {**answer, "metrics": {"gflops": {"value": 100.0 * factor * (1 + number % 3 / 1e4)}}}

    order = [step.arm for block in blocks(1, ("dgemm",), Wanted(8)) for step in block]
    jobs.edit = lambda spec, answer: answer if "--prepare" in spec.command else slow_control(spec, answer)
    comparison = measure(jobs).comparisons[0]
    assert comparison.verdict is Verdict.NOT_SHOWN
    assert "bare metal differed from itself" in comparison.sentence
    assert comparison.allowance == pytest.approx(1 / 0.9 - 1, abs=0.001)


def test_warm_up_samples_are_kept_and_do_not_count() -> None:
    jobs = FakeJobs()
    jobs.edit = lambda spec, answer: (
        {**answer, "metrics": {"gflops": {"value": 1.0}}} if "metrics" in answer and len(jobs.specs) <= 4 else answer
    )
    result = measure(jobs)
    assert [sample.values["gflops"] for sample in result.samples if sample.warmup] == [1.0, 1.0, 1.0]
    assert result.comparisons[0].ratio.pairs == 8
    assert result.comparisons[0].bare == pytest.approx(100.0, rel=0.01)


def test_one_failed_sample_voids_the_comparison_and_is_kept_by_name() -> None:
    jobs = FakeJobs(fails=lambda order, spec: "the wheels came off" if order == 9 else "")
    result = measure(jobs)
    assert verdicts(result) == {Verdict.VOID}
    assert "1 of 24 samples failed" in result.comparisons[0].sentence
    assert "the wheels came off" in next(sample.error for sample in result.samples if sample.error)


def test_another_binding_in_the_container_voids_the_comparison() -> None:
    def one_core_less(spec: JobSpec, seen: Observed) -> Observed:
        return rebound(spec, seen, "0")

    comparison = measure(FakeJobs(Model(container=0.5), bound=one_core_less)).comparisons[0]
    assert comparison.verdict is Verdict.VOID
    assert "cpus bound differs: bare metal 0-1, container 0" in comparison.sentence


def test_a_binding_that_was_not_read_back_voids_the_comparison() -> None:
    unread = FakeJobs(bound=lambda spec, seen: dataclasses.replace(seen, mems=IdSet()))
    assert "not read back for 3 of 3" in measure(unread).comparisons[0].sentence


@pytest.mark.parametrize(("part", "name"), [("environment", "libc"), ("environment", "thp"), ("config", "program")])
def test_another_library_or_machine_setting_in_one_arm_voids_the_comparison(part: str, name: str) -> None:
    jobs = FakeJobs(edit=lambda spec, answer: with_field(spec, answer, part, name, "other"))
    comparison = measure(jobs).comparisons[0]
    assert comparison.verdict is Verdict.VOID
    assert f"{name} differs: bare metal (none), container other" in comparison.sentence


def test_what_the_container_itself_brings_is_part_of_what_is_measured() -> None:
    jobs = FakeJobs(edit=lambda spec, answer: with_field(spec, answer, "environment", "seccomp", "2"))
    assert verdicts(measure(jobs)) == {Verdict.EQUIVALENT}


def test_a_result_that_was_not_verified_has_no_speed() -> None:
    jobs = FakeJobs(edit=lambda spec, answer: {**answer, "verified": False})
    result = measure(jobs)
    assert not any(sample.values for sample in result.samples)
    assert all("not verified" in sample.error for sample in result.samples)


def test_a_speed_that_is_no_positive_number_is_a_failure() -> None:
    jobs = FakeJobs(edit=lambda spec, answer: {**answer, "metrics": {"gflops": {"value": float("nan")}}})
    assert all(sample.error for sample in measure(jobs).samples)


def test_a_benchmark_that_keeps_failing_is_given_up_and_the_other_goes_on() -> None:
    jobs = FakeJobs(fails=lambda order, spec: "broken" if spec.name == "bench-dgemm" and order > 2 else "")
    result = measure(jobs, "stream", "dgemm")
    assert "given up after 3 failed samples in a row" in result.failed["dgemm"]
    assert sum(sample.benchmark == "dgemm" for sample in result.samples) == 3
    assert {comparison.benchmark for comparison in result.comparisons} == {"stream"}


def test_a_benchmark_that_keeps_failing_in_one_arm_is_given_up_too() -> None:
    jobs = FakeJobs(fails=lambda order, spec: "not there" if spec.runtime == "lxc" else "")
    result = measure(jobs)
    assert result.failed["dgemm"].startswith("given up after 3 failed samples in a row (container): job")
    assert sum(sample.arm is Arm.CONTAINER for sample in result.samples) == 3


def test_a_benchmark_that_cannot_be_prepared_is_named() -> None:
    jobs = FakeJobs(fails=lambda order, spec: "no C compiler" if "--prepare" in spec.command else "")
    result = measure(jobs)
    assert result.failed == {"dgemm": "job 1 FAILED with exit code 1: no C compiler"}
    assert result.samples == ()


def test_a_budget_ends_the_run_early_and_says_so() -> None:
    result = measure(FakeJobs(Model(seconds=2.0)), pairs=1000, budget_s=60.0, precision=-1)
    assert "time budget of 60 s" in result.stopped
    assert 50.0 <= result.ended - result.started <= 60.0


def test_a_job_that_does_not_end_is_cancelled_and_counts_as_failed() -> None:
    class Stuck(FakeJobs):
        def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
            if job_id == 6:
                raise DeadlineExceeded("job 6 did not end")
            return FakeJobs.wait(self, job_id, timeout_s)

    jobs = Stuck()
    result = measure(jobs)
    assert jobs.cancelled == [6]
    assert [sample.error for sample in result.samples if sample.error] == ["job 6 has not ended within 3665 s"]


def test_a_sample_waits_behind_other_jobs_but_not_for_a_node_that_is_out_of_service() -> None:
    class Drained(FakeJobs):
        def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
            if job_id >= 6:
                self.now += timeout_s or 0.0
                raise DeadlineExceeded("still pending")
            return FakeJobs.wait(self, job_id, timeout_s)

        def job(self, job_id: int) -> Job:
            reason = Reason.PRIORITY if self.now < began + 200 else Reason.REQ_NODE_NOT_AVAIL
            return dataclasses.replace(FakeJobs.job(self, job_id), state=JobState.PENDING, reason=reason, message="n1 is drained")

    jobs = Drained()
    began = jobs.now
    result = measure(jobs)
    assert jobs.cancelled == [6, 7, 8]
    assert 200 < result.ended - began < 500
    assert "put one into service with `hpcsched resume NAME`" in result.failed["dgemm"]


def test_an_interrupt_cancels_the_running_job_and_keeps_what_was_measured() -> None:
    class Interrupted(FakeJobs):
        def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
            if job_id == 20:
                raise KeyboardInterrupt
            return FakeJobs.wait(self, job_id, timeout_s)

    jobs = Interrupted()
    result = measure(jobs)
    assert jobs.cancelled == [20]
    assert result.stopped == "interrupted"
    assert len(result.samples) == 18


def test_what_was_measured_is_kept_when_the_controller_has_gone() -> None:
    class Gone(FakeJobs):
        def submit(self, spec: JobSpec, request_id: str | None = None) -> int:
            if len(self.specs) >= 20:
                raise Unreachable("no controller")
            return FakeJobs.submit(self, spec, request_id)

        def nodes(self) -> list[Node]:
            if len(self.specs) >= 20:
                raise Unreachable("no controller")
            return FakeJobs.nodes(self)

    result = measure(Gone())
    assert [node.name for node in result.nodes] == ["n1"]
    assert len([sample for sample in result.samples if not sample.error]) == 19


def test_a_controller_that_does_not_answer_ends_the_run_before_it_begins() -> None:
    class Silent(FakeJobs):
        def submit(self, spec: JobSpec, request_id: str | None = None) -> int:
            raise Unreachable("no controller")

    with pytest.raises(Unreachable):
        measure(Silent())


def test_progress_is_told_before_each_sample() -> None:
    told: list[Progress] = []
    result = measure(FakeJobs(), progress=told.append)
    assert [one.done for one in told] == list(range(len(result.samples)))
    assert {one.planned for one in told} == {27}


def test_a_report_reads_back_as_it_was_written(tmp_path: Path) -> None:
    result = measure(FakeJobs(fails=lambda order, spec: "oops" if order == 5 else ""), "stream", "dgemm", pairs=2)
    assert Result.from_json(result.to_json()) == result
    nothing = measure(FakeJobs(fails=lambda order, spec: "oops"))
    assert Result.from_json(nothing.to_json()) == nothing


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff\xfe", b'{"schema": 99}', b'{"schema": 1}'])
def test_a_file_that_is_no_report_is_refused_in_one_line(body: bytes, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(body)
    with pytest.raises(InvalidValue, match=r"report\.json: this is no benchmark report") as refused:
        Result.read(file)
    assert "\n" not in str(refused.value)


def test_unknown_names_and_sizes_are_refused_before_anything_runs() -> None:
    jobs = FakeJobs()
    with pytest.raises(NotFound, match=r"there are: .*dgemm, .*stream"):
        measure(jobs, "linpack")
    with pytest.raises(InvalidValue, match="quick, normal, full"):
        run(jobs, size="huge")
    with pytest.raises(InvalidValue, match="0 pairs"):
        run(jobs, pairs=0)
    assert jobs.specs == []


def test_a_benchmark_takes_no_tasks() -> None:
    with pytest.raises(InvalidValue, match="leave out --ntasks-per-node"):
        run(FakeJobs(), ("dgemm",), resources=ResourceRequest(ntasks_per_node=2))


def test_a_benchmark_for_which_a_node_has_nothing_is_named_and_not_failed() -> None:
    jobs = FakeJobs(edit=lambda spec, answer: {"absent": "no GPU here"} if "--prepare" in spec.command else answer)
    result = measure(jobs)
    assert (result.absent, result.failed, result.samples) == ({"dgemm": "no GPU here"}, {}, ())


def test_a_node_may_have_metrics_of_its_own_with_margins_and_limits() -> None:
    found = {
        "metrics": [{"name": "gflops", "unit": "GFLOP/s", "margin": 0.2}],
        "limits": {"gflops": {"value": 150.0, "source": "2 cores"}},
        "lacks": ["no second package"],
    }
    result = measure(FakeJobs(edit=lambda spec, answer: found if "--prepare" in spec.command else answer))
    assert [(one.metric.name, one.margin) for one in result.comparisons] == [("gflops", 0.2)]
    assert result.limits["dgemm"]["gflops"].value == 150.0
    assert result.lacks == {"dgemm": ("no second package",)}
    assert Result.from_json(result.to_json()) == result


def test_a_benchmark_whose_intervals_are_narrow_ends_early_while_another_goes_on() -> None:
    def noisy_stream(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        if spec.name != "bench-stream" or "metrics" not in answer:
            return answer
        loud = {name: {"value": metric["value"] ** 20} for name, metric in answer["metrics"].items()}
        return {**answer, "metrics": loud}

    result = measure(FakeJobs(Model(noise=0.001), edit=noisy_stream), "stream", "dgemm", pairs=20)
    taken = Counter(sample.benchmark for sample in result.samples if sample.arm is Arm.BARE and not sample.warmup)
    assert taken == {"dgemm": 8, "stream": 20}
    assert "when all intervals were narrow enough" in result.ends["dgemm"]
    assert result.ends["stream"] == "after all 20 pairs"
    assert result.stopped == ""


def test_a_precision_below_zero_takes_all_pairs() -> None:
    assert measure(FakeJobs(Model(noise=0.0001)), pairs=12, precision=-1).comparisons[0].ratio.pairs == 12


def test_a_precision_may_be_named() -> None:
    wide, narrow = (measure(FakeJobs(Model(noise=0.01)), pairs=200, precision=share) for share in (0.02, 0.004))
    assert wide.comparisons[0].ratio.pairs < narrow.comparisons[0].ratio.pairs < 200
    assert narrow.comparisons[0].wanted == 0.004


@pytest.mark.parametrize("precision", [-2, 0.6, float("nan")])
def test_a_precision_that_is_none_is_refused(precision: float) -> None:
    with pytest.raises(InvalidValue, match="precision"):
        measure(FakeJobs(), precision=precision)


def closed(container: float) -> list[tuple[Closing, ...]]:
    """As told during a run whose container is that much slower, always with the same noise."""
    told: list[Progress] = []
    measure(FakeJobs(Model(container=container, noise=0.01)), pairs=60, progress=told.append)
    return [progress.closing for progress in told]


def test_when_a_benchmark_ends_does_not_depend_on_how_fast_the_container_is() -> None:
    equal, slow = closed(1.0), closed(0.5)
    assert 8 * 3 < len(equal) == len(slow) < 60 * 3
    assert equal[-1][0].half_width == pytest.approx(slow[-1][0].half_width)


def test_progress_says_how_far_each_interval_has_come() -> None:
    told = [closing for closing in closed(1.0) if closing]
    first, last = told[0][0], told[-1][0]
    assert (first.benchmark, first.metric.name, first.pairs, first.wanted) == ("dgemm", "gflops", 6, 0.005)
    assert first.half_width is not None
    assert last.half_width is not None
    assert last.half_width < first.half_width
    assert last.ratio.narrow is not None
    assert last.planned >= last.pairs


def test_the_number_of_planned_samples_follows_the_intervals() -> None:
    told: list[Progress] = []
    result = measure(FakeJobs(Model(noise=0.01)), pairs=500, progress=told.append)
    assert told[0].planned == 501 * 3
    assert abs(told[-1].planned - len(result.samples)) < 30


def test_the_width_is_looked_at_ever_more_seldom() -> None:
    looked = [pairs for pairs in range(1, 200) if look_at(pairs, 8)]
    assert looked[:4] == [8, 9, 10, 11]
    assert len([pairs for pairs in looked if pairs > 100]) < 9


def test_twice_the_width_takes_four_times_the_pairs() -> None:
    assert planned(10, 0.01, 0.005) == 40
    assert planned(10, 0.001, 0.005) == 1


def test_the_orders_of_a_benchmark_do_not_depend_on_the_others() -> None:
    both, alone = Schedule(5, ("a", "b")), Schedule(5, ("a",))
    for number in range(12):
        block = both.block(number, ("a", "b") if number < 4 else ("a",), warmup=number < 1)
        orders = [step.arm for step in block if step.benchmark == "a"]
        assert orders == [step.arm for step in alone.block(number, ("a",), warmup=number < 1)]


def test_a_budget_that_nobody_names_is_that_of_the_size() -> None:
    assert [budget_s(size, 13) for size in Size] == [780.0, 11_700.0, 0.0]
    result = measure(FakeJobs(Model(seconds=2.0)), pairs=1000, budget_s=None, precision=-1)
    assert "time budget of 60 s" in result.stopped
    assert "when the time budget was used up" in result.ends["dgemm"]


def test_arms_that_are_not_alike_are_not_measured_any_longer() -> None:
    jobs = FakeJobs(edit=lambda spec, answer: with_field(spec, answer, "environment", "governor", "powersave"))
    result = measure(jobs, "stream", "dgemm")
    assert len(result.samples) == 6
    assert "governor differs" in result.ends["dgemm"]
    assert verdicts(result) == {Verdict.VOID}
    assert len(result.comparisons) == 5


def test_long_lists_are_told_by_what_they_do_not_share() -> None:
    flags = " ".join(f"flag{number}" for number in range(40))

    def with_flags(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        more = " ssbd" if spec.runtime == "lxc" else ""
        return {**answer, "environment": {**answer.get("environment", {}), "cpu_flags": flags + more}}

    sentence = measure(FakeJobs(edit=with_flags)).comparisons[0].sentence
    assert "cpu_flags differs: bare metal … (nothing more), container … ssbd" in sentence


def test_a_slow_container_under_another_speculation_control_is_given_that_as_its_cause() -> None:
    name = "speculation_store_bypass"
    edit = lambda spec, answer: with_field(spec, answer, "environment", name, "thread mitigated")  # noqa: E731
    slow = measure(FakeJobs(Model(container=0.9, noise=0.002), edit=edit)).comparisons[0]
    assert slow.verdict is Verdict.DIFFERENT
    assert f"a likely cause: {name}: bare metal (none), container thread mitigated" in slow.sentence
    equal = measure(FakeJobs(Model(noise=0.001), edit=edit)).comparisons[0]
    assert equal.verdict is Verdict.EQUIVALENT
    assert name not in equal.sentence
    assert equal.causes


def test_a_sample_beyond_the_physical_limit_voids_the_comparison() -> None:
    limits = {"gflops": {"value": 100.05, "source": "2 cores at 3 GHz"}}
    jobs = FakeJobs(edit=lambda spec, answer: {**answer, "limits": limits} if "--prepare" in spec.command else answer)
    comparison = measure(jobs).comparisons[0]
    assert comparison.verdict is Verdict.VOID
    count = len(comparison.checks.beyond)
    assert f"{count} samples of gflops lie beyond the physical limit of 100.05 GFLOP/s (2 cores at 3 GHz)" in comparison.sentence


def test_a_single_sample_beyond_the_limit_is_enough() -> None:
    def one_too_fast(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        if "--prepare" in spec.command:
            return {**answer, "limits": {"gflops": {"value": 150.0, "source": "2 cores"}}}
        return {**answer, "metrics": {"gflops": {"value": 200.0}}} if len(jobs.specs) == 20 else answer

    jobs = FakeJobs(edit=one_too_fast)
    assert "1 sample of gflops lies beyond the physical limit" in measure(jobs).comparisons[0].sentence


def test_outliers_count_and_are_named() -> None:
    def one_slow(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        late = "metrics" in answer and len(jobs.specs) == 20
        return {**answer, "metrics": {"gflops": {"value": 60.0}}} if late else answer

    jobs = FakeJobs(edit=one_slow)
    result = measure(jobs)
    assert result.comparisons[0].checks.outliers == (18,)
    assert result.comparisons[0].ratio.pairs == 8
    assert any("counted like them: sample 18" in note for note in result.comparisons[0].notes)


def test_a_machine_that_drifts_is_said_to_and_pairs_cancel_it() -> None:
    def warming(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        if "metrics" not in answer:
            return answer
        slower = {name: {"value": metric["value"] * 0.999 ** len(jobs.specs)} for name, metric in answer["metrics"].items()}
        return {**answer, "metrics": slower}

    jobs = FakeJobs(Model(noise=0.001), edit=warming)
    comparison = measure(jobs, pairs=15).comparisons[0]
    assert comparison.verdict is Verdict.EQUIVALENT
    assert comparison.checks.bare.noted
    assert comparison.checks.bare.change == pytest.approx(0.999**30 - 1, abs=0.02)
    assert any("Bare metal itself fell by" in note for note in comparison.notes)


def test_a_difference_among_many_metrics_needs_a_smaller_p() -> None:
    result = measure(FakeJobs(Model(container=0.99, noise=0.01)), "stream", "dgemm", pairs=10)
    p = [comparison.p for comparison in result.comparisons]
    assert {one.family for one in p} == {5}
    assert all(one.different_adjusted >= one.different for one in p if one.different and one.different_adjusted)
    assert min(one.different_adjusted / one.different for one in p if one.different and one.different_adjusted) >= 1.0
    assert max(one.different_adjusted / one.different for one in p if one.different and one.different_adjusted) > 1.5


def test_the_summary_is_a_geometric_mean_with_its_interval() -> None:
    summary = measure(FakeJobs(Model(container=0.9, noise=0.002)), "stream", "dgemm").summary
    assert summary is not None
    assert summary.ratio == pytest.approx(0.9, abs=0.005)
    assert summary.interval.holds(summary.ratio)
    assert sorted(summary.benchmarks) == ["dgemm", "stream"]


def test_a_handicap_burdens_the_container_alone_and_is_named() -> None:
    jobs = FakeJobs()
    result = measure(jobs, handicap=busy(0.5))
    wrapped = [spec for spec in jobs.specs if "hpcsched.bench.handicap" in spec.command]
    assert {spec.runtime for spec in wrapped} == {"lxc"}
    assert len(wrapped) == 9
    assert wrapped[0].command[1:6] == ("-m", "hpcsched.bench.handicap", "busy", "0.5", "--")
    assert wrapped[0].command[6:] in {spec.command for spec in jobs.specs if spec.runtime == "baremetal"}
    assert result.handicap == "50.0% of each CPU wanted by a busy loop"


def test_fewer_cores_for_the_container_are_measured_and_named() -> None:
    def rebind(spec: JobSpec, seen: Observed) -> Observed:
        return dataclasses.replace(seen, cpus=IdSet.parse("0" if spec.resources.cores_per_node == 1 else "0-1"))

    comparison = measure(FakeJobs(Model(container=0.5), bound=rebind), handicap=cores(1)).comparisons[0]
    assert comparison.verdict is Verdict.VOID
    assert comparison.reason.startswith("cpus bound differs: bare metal 0-1, container 0")
    assert comparison.ratio.estimate == pytest.approx(0.5, abs=0.01)
