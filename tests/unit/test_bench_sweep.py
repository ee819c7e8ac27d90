"""Sweeps against jobs that end at once: every combination once, kept, gone on with, and told in one table."""

from __future__ import annotations

import csv
import io
import json
import math
import random
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.bench.own_program import Own, reading
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Result
from hpcsched.bench.sweep import Ahead, Axis, Case, Sweep, Swept, axis, expand, run_sweep
from hpcsched.bench.sweep_folder import DEFINITION, TABLE, opened
from hpcsched.bench.sweep_table import COLUMNS, median_interval
from hpcsched.cli.bench_sweep_values import applied
from hpcsched.errors import Conflict, HpcschedError, InvalidValue, Unreachable
from hpcsched.model.job import Job, JobSpec, ResourceRequest
from hpcsched.testing.jobs import FakeJobs, Model, with_field

BASE = Case(names=("dgemm",), pairs=6, precision=-1)


def sweep_of(*axes: str, base: Case = BASE, seed: int | None = 1) -> Sweep:
    swept = tuple(map(axis, axes))
    return Sweep(base, swept, expand(base, swept, applied), seed)


def swept(jobs: FakeJobs, sweep: Sweep, out: Path | None = None, **options: Any) -> Swept:
    if out is None:
        return run_sweep(jobs, sweep, clock=jobs.clock, **options)
    with opened(out) as folder:
        return run_sweep(jobs, sweep, folder, clock=jobs.clock, **options)


def reports(out: Path) -> list[Path]:
    return sorted(out.glob("0*.json"))


def samples(jobs: FakeJobs) -> int:
    return sum("--prepare" not in spec.command for spec in jobs.specs)


PER_COMBINATION = (6 + 1) * 3


class Interrupting(FakeJobs):
    """Ctrl-C comes with that job."""

    at = 30

    def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
        if job_id == self.at:
            raise KeyboardInterrupt
        return FakeJobs.wait(self, job_id, timeout_s)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("threads=1,2,4", Axis("threads", ("1", "2", "4"))),
        (r"env:OMP_PLACES={0}\,{1},{0}", Axis("env:OMP_PLACES", ("{0},{1}", "{0}"))),
        ("env:A=b=c", Axis("env:A", ("b=c",))),
    ],
)
def test_an_axis_is_a_name_and_its_values(text: str, found: Axis) -> None:
    assert axis(text) == found


@pytest.mark.parametrize("text", ["threads", "=1", "threads=", "threads=1,,2", "threads=1,1", "threads=1\0"])
def test_an_axis_without_a_name_or_values_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="sweep"):
        axis(text)


@given(st.lists(st.integers(1, 5), min_size=0, max_size=4))
def test_every_combination_comes_once_the_last_axis_fastest(sizes: list[int]) -> None:
    axes = tuple(Axis(f"env:A{place}", tuple(map(str, range(size)))) for place, size in enumerate(sizes))
    cases = expand(BASE, axes, applied)
    found = [tuple(int(value) for _, value in case.parameters) for case in cases]
    assert found == sorted(set(found))
    assert len(found) == math.prod(sizes)
    assert len({case.digest for case in cases}) == len(cases)


def test_more_than_a_thousand_combinations_are_refused() -> None:
    axes = [axis(f"env:{name}=" + ",".join(map(str, range(11)))) for name in "ABC"]
    with pytest.raises(InvalidValue, match="1,331 combinations of 3 parameters, at most 1,000"):
        expand(BASE, axes, applied)


def test_a_parameter_is_swept_once() -> None:
    with pytest.raises(InvalidValue, match="swept twice"):
        expand(BASE, [axis("size=quick"), axis("size=normal")], applied)


def test_each_combination_runs_with_its_own_parameters_and_nothing_else_changes() -> None:
    jobs = FakeJobs()
    swept(jobs, sweep_of("threads=1,2", "size=quick,normal", "env:OMP_PROC_BIND=close,spread"))
    kinds = {
        (
            spec.resources.cores_per_node,
            spec.command[spec.command.index("--size") + 1],
            dict(spec.env)["OMP_PROC_BIND"],
        )
        for spec in jobs.specs
    }
    assert kinds == {(cores, size, bind) for cores in (1, 2) for size in ("quick", "normal") for bind in ("close", "spread")}
    assert {spec.resources.threads_per_core for spec in jobs.specs} == {1}
    own = {"resources": ResourceRequest(), "env": (), "command": (), "runtime": "", "time_limit_s": 0, "nodelist": ()}
    assert len({replace(spec, **own) for spec in jobs.specs}) == 1
    assert samples(jobs) == 8 * PER_COMBINATION


def test_an_argument_takes_its_place_in_the_command() -> None:
    base = Case(own=Own(("./app", "-n{n}", "{print}"), (reading("r: (.)"),)), pairs=6)
    jobs = FakeJobs()
    found = swept(jobs, sweep_of("arg:n=100,200", base=base))
    words = {tuple(json.loads(spec.command[4])["words"]) for spec in jobs.specs}
    assert words == {("./app", "-n100", "{print}"), ("./app", "-n200", "{print}")}
    assert {row.parameters for row in found.rows} == {(("arg:n", "100"),), (("arg:n", "200"),)}


def test_the_table_has_a_row_for_each_combination_metric_and_arm() -> None:
    found = swept(FakeJobs(Model(container=0.9)), sweep_of("threads=1,2"))
    assert [(dict(row.parameters)["threads"], row.metric, row.arm) for row in found.rows] == [
        (threads, "gflops", arm) for threads in "12" for arm in ("bare", "container", "control")
    ]
    bare, container, control = found.rows[:3]
    assert (bare.ratio, bare.verdict) == (None, "")
    assert container.ratio == pytest.approx(0.9, abs=0.01)
    assert (container.verdict, container.pairs, container.samples) == ("different", 6, 6)
    assert control.verdict != "different"
    assert bare.low is not None
    assert bare.high is not None
    assert bare.median is not None
    assert bare.low <= bare.median <= bare.high


def test_without_a_comparison_only_containers_run_and_there_is_no_verdict() -> None:
    jobs = FakeJobs()
    found = swept(jobs, sweep_of("threads=1,2", base=replace(BASE, arms=(Arm.CONTAINER,))))
    assert {spec.runtime for spec in jobs.specs if "--prepare" not in spec.command} == {"lxc"}
    assert samples(jobs) == 2 * 7
    assert [(row.arm, row.samples, row.ratio, row.verdict) for row in found.rows] == [("container", 6, None, "")] * 2


def test_combinations_come_in_an_order_that_follows_from_the_seed() -> None:
    def order(seed: int) -> list[str]:
        told: list[str] = []
        sweep = sweep_of("env:A=" + ",".join(map(str, range(9))), seed=seed)
        swept(FakeJobs(), sweep, tell=lambda now: told.append(now.case.title) if now.sample is None else None)
        return told

    assert order(1) == order(1)
    assert sorted(order(1)) == sorted(order(2))
    assert order(1) != order(2) != sorted(order(2))


def test_the_folder_holds_a_report_for_each_combination_and_the_table(tmp_path: Path) -> None:
    found = swept(FakeJobs(), sweep_of("threads=1,2"), tmp_path / "out")
    kept = [Result.read(file) for file in reports(tmp_path / "out")]
    assert [len(result.samples) for result in kept] == [PER_COMBINATION] * 2
    table = list(csv.reader(io.StringIO((tmp_path / "out" / TABLE).read_text())))
    assert table[0] == ["threads", *COLUMNS]
    assert table[1:] == [row.cells(["threads"]) for row in found.rows]
    assert float(table[2][table[0].index("median")]) == found.rows[1].median
    titles = [one["title"] for one in json.loads((tmp_path / "out" / DEFINITION).read_text())["combinations"]]
    assert titles == ["threads=1", "threads=2"]


def test_an_interrupted_sweep_goes_on_where_it_stopped(tmp_path: Path) -> None:
    sweep, first, second = sweep_of("threads=1,2", "size=quick,normal"), Interrupting(), FakeJobs()
    found = swept(first, sweep, tmp_path)
    assert (found.interrupted, found.done, found.total) == (True, 1, 4)
    assert first.cancelled == [30]
    assert len(reports(tmp_path)) == 1
    rest = swept(second, sweep, tmp_path)
    assert (rest.interrupted, rest.done) == (False, 4)
    assert samples(second) == 3 * PER_COMBINATION
    assert rest.rows[:3] != []
    assert set(found.rows) < set(rest.rows)


def test_a_finished_sweep_measures_nothing_again_and_shows_its_table(tmp_path: Path) -> None:
    sweep, again = sweep_of("threads=1,2"), FakeJobs()
    found = swept(FakeJobs(), sweep, tmp_path)
    assert swept(again, sweep, tmp_path) == found
    assert again.specs == []


def test_a_resumed_sweep_has_the_seed_that_it_began_with(tmp_path: Path) -> None:
    sweep = sweep_of("threads=1,2", seed=None)
    swept(Interrupting(), sweep, tmp_path)
    seed = json.loads((tmp_path / DEFINITION).read_text())["seed"]
    assert swept(FakeJobs(), sweep, tmp_path).done == 2
    assert json.loads((tmp_path / DEFINITION).read_text())["seed"] == seed
    with pytest.raises(InvalidValue, match=f"--seed was {seed} and this call says"):
        swept(FakeJobs(), replace(sweep, seed=seed + 1), tmp_path)


def changed() -> dict[str, Sweep]:
    own = Case(own=Own(("./app",)), pairs=6)
    return {
        r"pairs was 6 and this call says 7": sweep_of("threads=1,2", base=replace(BASE, pairs=7)),
        r"--sweep threads was 1,2 and this call says 1,2,4": sweep_of("threads=1,2,4"),
        r"--sweep size was nothing and this call says quick": sweep_of("threads=1,2", "size=quick"),
        r'names was \["dgemm"\] and this call says \["stream"\]': sweep_of("threads=1,2", base=replace(BASE, names=("stream",))),
        r"resources.mem_per_node was 0 and": sweep_of(
            "threads=1,2", base=replace(BASE, resources=ResourceRequest(mem_per_node=1))
        ),
        r"env was \[\] and": sweep_of("threads=1,2", base=replace(BASE, env=(("A", "b"),))),
        r"names was .* and": sweep_of("threads=1,2", base=own),
    }


@pytest.mark.parametrize("why", changed())
def test_another_definition_is_refused_in_one_line_and_nothing_is_measured(why: str, tmp_path: Path) -> None:
    swept(FakeJobs(), sweep_of("threads=1,2"), tmp_path)
    before, jobs = {file: file.read_bytes() for file in reports(tmp_path)}, FakeJobs()
    with pytest.raises(InvalidValue, match=f"holds another sweep: {why}.*choose another --out") as refused:
        swept(jobs, changed()[why], tmp_path)
    assert "\n" not in str(refused.value)
    assert jobs.specs == []
    assert {file: file.read_bytes() for file in reports(tmp_path)} == before


def test_a_combination_that_failed_is_told_in_the_table_and_measured_again(tmp_path: Path) -> None:
    def too_many(order: int, spec: JobSpec) -> str:
        return "no such cores" if spec.resources.cores_per_node == 2 else ""

    sweep, again = sweep_of("threads=1,2"), FakeJobs()
    found = swept(FakeJobs(fails=too_many), sweep, tmp_path)
    assert (found.failed, found.done) == (1, 1)
    assert [row.note for row in found.rows if not row.metric] == ["job 23 FAILED with exit code 1: no such cores"]
    assert "no such cores" in (tmp_path / TABLE).read_text()
    rest = swept(again, sweep, tmp_path)
    assert (rest.failed, rest.done, samples(again)) == (0, 2, PER_COMBINATION)


def test_a_combination_whose_arms_are_not_alike_has_failed_and_the_table_says_in_what() -> None:
    found = swept(
        FakeJobs(edit=lambda spec, answer: with_field(spec, answer, "environment", "libc", "2.40")), sweep_of("threads=1,2")
    )
    assert (found.failed, found.done) == (2, 0)
    assert all("libc differs" in row.note for row in found.rows)
    assert [row.benchmark for row in found.rows] == ["dgemm", "dgemm"]


def test_a_controller_that_goes_away_ends_the_sweep_and_what_is_finished_stays(tmp_path: Path) -> None:
    class Silent(FakeJobs):
        def submit(self, spec: JobSpec, request_id: str | None = None) -> int:
            if len(self.specs) > PER_COMBINATION:
                raise Unreachable("no controller")
            return FakeJobs.submit(self, spec, request_id)

    with pytest.raises(Unreachable):
        swept(Silent(), sweep_of("threads=1,2"), tmp_path)
    assert len(reports(tmp_path)) == 1


def test_two_sweeps_do_not_work_in_one_folder(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(Conflict, match="another sweep is at work"), opened(tmp_path):
        pass
    with opened(tmp_path):
        pass


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InvalidValue, match=r"has other files \(thesis.tex\)"), opened(tmp_path):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_write_that_is_cut_short_leaves_no_half_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(self: Path, target: Path) -> None:
        if target.name.startswith("0"):
            raise OSError(28, "No space left on device")
        moved(self, target)

    moved, sweep = Path.replace, sweep_of("threads=1,2")
    monkeypatch.setattr(Path, "replace", cut)
    with pytest.raises(HpcschedError, match=r"cannot write .*No space left"):
        swept(FakeJobs(), sweep, tmp_path)
    assert reports(tmp_path) == []
    assert list(tmp_path.glob("*.new")) != []
    monkeypatch.undo()
    assert swept(FakeJobs(), sweep, tmp_path).done == 2
    assert list(tmp_path.glob("*.new")) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'{"definition": {}, "seed": 1, "combinations": [], "schema": 99}'])
def test_a_damaged_definition_is_refused_in_one_line(body: bytes, tmp_path: Path) -> None:
    (tmp_path / DEFINITION).write_bytes(body)
    with pytest.raises(InvalidValue, match=r"sweep\.json .*choose another --out"):
        swept(FakeJobs(), sweep_of("threads=1,2"), tmp_path)


def test_the_expected_time_comes_from_what_is_done_and_falls_to_nothing(tmp_path: Path) -> None:
    told: list[Ahead] = []
    jobs = FakeJobs(Model(seconds=2.0))
    swept(jobs, sweep_of("env:A=1,2,3,4"), tell=told.append)
    whole = 2.0 * (PER_COMBINATION + 1)
    begins = [now.left_s for now in told if now.sample is None]
    assert begins == [None, pytest.approx(3 * whole), pytest.approx(2 * whole), pytest.approx(whole)]
    first = [now.left_s for now in told if now.sample][5]
    assert first == pytest.approx(4 * whole, rel=0.2)
    assert [now.done for now in told if now.sample is None] == [0, 1, 2, 3]


@given(st.integers(6, 60), st.integers(0, 1 << 30))
def test_the_interval_of_a_median_is_made_of_two_of_its_values_around_it(count: int, seed: int) -> None:
    chance = random.Random(seed)
    figures = [chance.lognormvariate(0, 1) for _ in range(count)]
    span = median_interval(figures)
    assert span is not None
    assert span.low in figures
    assert span.high in figures
    assert span.low <= median(figures) <= span.high


def test_the_interval_of_a_median_holds_it_in_95_of_100_cases_and_is_no_wider_than_that_takes() -> None:
    chance = random.Random(7)
    assert median_interval([1.0] * 5) is None
    for count, least, most in ((6, 0.95, 0.985), (15, 0.95, 0.975), (40, 0.95, 0.98)):
        spans = [median_interval([chance.expovariate(1.0) for _ in range(count)]) for _ in range(4000)]
        held = sum(span is not None and span.low <= math.log(2) <= span.high for span in spans) / len(spans)
        assert least - 0.01 <= held <= most + 0.01
