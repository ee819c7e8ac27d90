"""Reading workload traces: the Standard Workload Format with all that real files have, and our own accounting."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.cli.fields import plain_data
from hpcsched.errors import InvalidValue, NotFound
from hpcsched.model.array import ArrayProgress
from hpcsched.model.job import JobState
from hpcsched.sim.accounting import read_trace
from hpcsched.sim.swf import read_swf
from hpcsched.sim.trace import denser, exact_estimates, first_jobs, fitting, machine_size
from hpcsched.testing import nouns


def line(
    number: int = 1, submit: int = 0, run: int = 100, used: int = 4, asked: int = -1, estimate: int = 200, user: int = 7
) -> str:
    return f"{number} {submit} -1 {run} {used} -1 -1 {asked} {estimate} -1 1 7 3 -1 2 -1 -1 -1"


def write(folder: Path, *lines: str, name: str = "trace.swf") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_job_has_what_its_columns_say(tmp_path: Path) -> None:
    (job,) = read_swf(write(tmp_path, line(9, 50, 100, 4, 8, 200))).jobs
    assert (job.id, job.submit, job.run, job.processors, job.estimate) == (9, 50, 100, 8, 200)
    assert (job.user, job.account, job.partition) == ("u7", "g3", "q2")


def test_processors_asked_for_count_and_those_used_where_nothing_was_asked(tmp_path: Path) -> None:
    jobs = read_swf(write(tmp_path, line(1, used=4, asked=8), line(2, used=4, asked=-1), line(3, used=4, asked=0))).jobs
    assert [job.processors for job in jobs] == [8, 4, 4]


def test_a_run_is_cut_to_what_was_asked_for(tmp_path: Path) -> None:
    (job,) = read_swf(write(tmp_path, line(run=300, estimate=200))).jobs
    assert (job.run, job.estimate, job.cut) == (200, 200, True)


def test_a_job_without_a_requested_time_is_taken_to_know_its_run_time(tmp_path: Path) -> None:
    trace = read_swf(write(tmp_path, line(run=300, estimate=-1), line(2, run=0, estimate=-1)))
    assert [(job.estimate, job.cut) for job in trace.jobs] == [(300, False), (1, False)]
    assert trace.no_estimate == 2


def test_jobs_come_in_the_order_of_submission_and_those_of_one_time_as_they_stand(tmp_path: Path) -> None:
    jobs = read_swf(write(tmp_path, line(5, 30), line(4, 10), line(9, 10), line(2, 10))).jobs
    assert [job.id for job in jobs] == [4, 9, 2, 5]


def test_tabs_blank_lines_more_columns_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "odd.swf"
    path.write_bytes(b"\r\n\n" + line().replace(" ", "\t").encode() + b"\t0\t99\r\n" + line(2).encode())
    assert [job.id for job in read_swf(path).jobs] == [1, 2]


def test_a_packed_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "trace.swf"
    path.write_bytes(gzip.compress(line().encode()))
    assert len(read_swf(path).jobs) == 1


@pytest.mark.parametrize(
    ("header", "processors"),
    [
        (("; MaxProcs: 128", "; MaxNodes: 16"), 128),
        (("; MaxNodes: 256",), 256),
        ((";MaxProcs:   100 (of 120)",), 100),
        (("; MaxProcs: many",), 0),
        (("; MaxProcs: -1", "; MaxNodes: 99999999999999999999"), 0),
        ((), 0),
    ],
)
def test_the_machine_is_as_large_as_the_header_says(tmp_path: Path, header: tuple[str, ...], processors: int) -> None:
    assert read_swf(write(tmp_path, *header, line())).processors == processors


def test_a_machine_without_a_header_is_as_large_as_its_largest_job(tmp_path: Path) -> None:
    assert machine_size(read_swf(write(tmp_path, line(used=4), line(2, used=32)))) == 32


def test_the_start_of_the_clock_is_read(tmp_path: Path) -> None:
    assert read_swf(write(tmp_path, "; UnixStartTime: 843480031", line())).origin == 843480031


def test_lines_that_are_no_jobs_are_skipped_counted_and_shown(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        line(1),
        "hello",
        "1 2 3",
        line(2).replace("100", "1e999"),
        line(3).replace("100", "nan"),
        line(4, run=-1),
        line(5, submit=-1),
        line(6, used=-1),
        line(7, used=10_000_000),
        line(8).replace("100", "abc"),
        line(9),
    )
    trace = read_swf(path)
    assert [job.id for job in trace.jobs] == [1, 9]
    assert dict(trace.skipped) == {
        "fewer than 18 columns": 2,
        "a number is out of bounds": 2,
        "no run time": 1,
        "no time of submission": 1,
        "no number of processors": 1,
        "more than 65536 processors": 1,
        "a column is no number": 1,
    }
    assert trace.samples[0] == "line 2, fewer than 18 columns: 'hello'"
    assert len(trace.samples) == 5


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "is empty, or has comments alone"),
        (b"; MaxProcs: 100\n", "is empty, or has comments alone"),
        (b"just a text\n", "line 1, fewer than 18 columns: 'just a text'"),
        (bytes(range(256)) * 100, "has no job in the Standard Workload Format"),
        (gzip.compress(b"x" * 100_000)[:-20], "is damaged"),
        (b"\x1f\x8bnothing", "is damaged"),
        (b"[1, 2", "is no JSON"),
        (b"[]", "is empty: no job has ended yet"),
        (b'[{"job": 1}, 2, null, {}]', "record 1, not a record of an ended job"),
        (b"[" * 100_000, "is no JSON"),
    ],
)
def test_what_is_no_trace_is_refused_in_one_line(tmp_path: Path, body: bytes, told: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(body)
    with pytest.raises(InvalidValue, match=r"\A[^\n]*\Z") as caught:
        read_trace(path)
    assert told in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no trace file .*nothing"):
        read_trace(tmp_path / "nothing")
    with pytest.raises(NotFound, match="it is a folder"):
        read_trace(tmp_path)


@given(st.binary(max_size=2000))
def test_no_file_makes_the_reader_stumble(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(line().encode() + b"\n" + body)
    try:
        assert read_trace(path).jobs
    except InvalidValue:
        assert body.lstrip()[:1] == b"["


def test_jobs_larger_than_the_machine_are_left_out_and_counted(tmp_path: Path) -> None:
    trace = fitting(read_swf(write(tmp_path, line(1, used=4), line(2, used=32))), 16)
    assert [job.id for job in trace.jobs] == [1]
    assert trace.skipped == (("larger than 16 processors", 1),)


@pytest.mark.parametrize(("processors", "told"), [(0, "outside 1 to"), (-3, "outside 1 to"), (3, "at least --processors 4")])
def test_a_machine_that_can_run_nothing_is_refused(tmp_path: Path, processors: int, told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        fitting(read_swf(write(tmp_path, line(used=4), line(2, used=32))), processors)


def test_a_denser_trace_has_the_same_jobs_in_less_time(tmp_path: Path) -> None:
    trace = denser(read_swf(write(tmp_path, line(1, 100), line(2, 300), line(3, 700))), 2.0)
    assert [job.submit for job in trace.jobs] == [100, 200, 400]
    assert [job.run for job in first_jobs(trace, 2).jobs] == [100, 100]


def test_exact_estimates_are_the_run_times(tmp_path: Path) -> None:
    trace = exact_estimates(read_swf(write(tmp_path, line(run=100, estimate=999), line(2, run=0))))
    assert [job.estimate for job in trace.jobs] == [100, 1]


def records(*changes: dict[str, object]) -> str:
    made = [replace(nouns.record(), job=replace(nouns.record().job, **change)) for change in changes]  # type: ignore[arg-type]
    return json.dumps(plain_data(made))


def test_our_own_accounting_is_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text(records({"id": 5, "state": JobState.COMPLETED}, {"id": 6, "start_time": 0.0}))
    trace = read_trace(path)
    (job,) = trace.jobs
    assert (job.id, job.user, job.processors, job.run, job.estimate) == (5, "ada", 1, 4.5, 3600)
    assert trace.own
    assert trace.skipped == (("it never started", 1),)


def test_an_array_of_our_own_accounting_is_an_array_whose_tasks_share_its_time_on_nodes(tmp_path: Path) -> None:
    array = ArrayProgress(10, next=10, done=7, failed=1, cancelled=2, nodes=("n1", "n2", "n5"), node_s=40.0)
    path = tmp_path / "records.json"
    path.write_text(records({"id": 5, "array": array}, {"id": 6, "array": replace(array, node_s=0.0)}))
    trace = read_trace(path)
    assert [(job.tasks, job.run, job.processors, job.width, job.throttled) for job in trace.jobs] == [
        (8, 5.0, 1, 3, False),
        (8, 3 * 4.5 / 8, 1, 3, False),
    ]
    assert (trace.guessed, machine_size(trace)) == (1, 3)


def test_an_array_of_very_many_tasks_is_simulated_in_as_many_parts_as_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text(records({"id": 5, "array": ArrayProgress(50_000, next=50_000, done=50_000, nodes=("n1",), node_s=5e4)}))
    (job,) = read_trace(path).jobs
    assert (job.tasks, job.run) == (1000, 50.0)


def test_jobs_that_shared_a_container_are_one_job_from_the_first_start_to_the_last_end(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    begin = nouns.record().job.start_time
    late = {"id": 7, "worker": 3, "start_time": begin + 2, "end_time": begin + 20}
    path.write_text(records({"id": 6, "worker": 3}, late, {"id": 8}))
    trace = read_trace(path)
    assert [(job.id, job.processors, job.run, job.estimate) for job in trace.jobs] == [(8, 1, 4.5, 3600), (6, 1, 20, 3602)]
    assert trace.shared == 2


def test_a_line_that_does_not_end_is_one_line_and_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "long.swf"
    path.write_bytes(b"x" * 50_000_000 + b"\n" + line(2).encode() + b"\n" + line(3).encode() + b" 9" * 3000)
    trace = read_swf(path)
    assert [job.id for job in trace.jobs] == [2]
    assert (trace.skipped, len(trace.samples)) == ((("more than 4096 characters", 2),), 2)
    assert max(map(len, trace.samples)) < 120


def test_clocks_that_jump_spoil_no_record_but_their_own(tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    good: dict[str, object] = {"id": 1}
    bad: list[dict[str, object]] = [{"start_time": 1.0}, {"end_time": -5.0}, {"submit_time": 1e300}, {"end_time": float("inf")}]
    path.write_text(records(good, *bad))
    trace = read_trace(path)
    assert [job.id for job in trace.jobs] == [1]
    assert sum(count for _, count in trace.skipped) == 4
