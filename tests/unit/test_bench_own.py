"""A user's own program: what is read from its output, what is refused, and what a container needs to see it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from hpcsched.bench import capture as capturing
from hpcsched.bench.capture import capture
from hpcsched.bench.own import OPTION, entry, measure, prepare
from hpcsched.bench.own_program import Own, Reading, checked, reading, values, with_units
from hpcsched.bench.result import Result
from hpcsched.bench.runner import run
from hpcsched.bench.verdict import Verdict
from hpcsched.errors import InvalidValue, NotFound, WrongResult
from hpcsched.testing.jobs import FakeJobs, Model
from tests.integration.daemons import eventually, runs

ROOT = "22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"


def read(*texts: str) -> tuple[Reading, ...]:
    return tuple(map(reading, texts))


def own(*words: str, **fields: Any) -> Own:
    return Own(words or ("app",), **fields)


def program(folder: Path, script: str, name: str = "app") -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def measured(folder: Path, script: str, **fields: Any) -> dict[str, float]:
    program(folder, script)
    return measure(prepare(own("./app", workdir=str(folder), **fields), ROOT).settings).values


@pytest.mark.parametrize(
    ("text", "name", "pattern"),
    [
        ("Rate: ([0-9.]+)", "value", "Rate: ([0-9.]+)"),
        ("triad=Triad: +([0-9.]+)", "triad", "Triad: +([0-9.]+)"),
        ("Rate: (?P<rate>[0-9.]+)", "rate", "Rate: (?P<rate>[0-9.]+)"),
        ("best=Rate: (?P<rate>[0-9.]+)", "best", "Rate: (?P<rate>[0-9.]+)"),
        ("a b=([0-9]+)", "value", "a b=([0-9]+)"),
    ],
)
def test_a_metric_has_the_name_before_its_pattern_or_that_of_the_group(text: str, name: str, pattern: str) -> None:
    assert (reading(text).name, reading(text).pattern) == (name, pattern)


@pytest.mark.parametrize(
    ("text", "why"), [("Rate: [0-9]+", "no group"), ("(", "bad pattern"), ("(" + "a" * 1000 + ")", "at most")]
)
def test_a_pattern_that_cannot_find_a_number_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidValue, match=why):
        reading(text)


def test_the_last_match_counts() -> None:
    output = "rate: 1.5\nrate: 2.5e3 GB/s\nend\n"
    assert values(own(readings=read("rate: ([0-9.e]+)")), output) == {"value": 2500.0}
    assert values(own(readings=read("rate: (?P<a>[0-9.]+)", "b=^(r)?ate: (?P<x>[0-9.]+)e")), "rate: 1\nate: 7e") == {
        "a": 1.0,
        "b": 7.0,
    }


def test_an_output_without_a_match_has_no_speed_and_its_last_line_is_told() -> None:
    with pytest.raises(WrongResult, match=r"no line of its output matches 'rate: \(.*its last line: 'out of memory'"):
        values(own(readings=read("rate: ([0-9.]+)")), "begin\nout of memory\n")


@pytest.mark.parametrize("text", ["0", "-3", "nan", "inf", "1,5", ""])
def test_what_is_no_positive_number_is_no_speed(text: str) -> None:
    with pytest.raises(WrongResult, match="no positive number"):
        values(own(readings=read("rate: (.*)$")), f"rate: {text}\n")


def test_a_name_that_also_stands_in_the_output_is_refused_where_the_two_readings_differ() -> None:
    output = "time=12\nsteps 900\n"
    with pytest.raises(WrongResult, match=r"as the metric time it is 900, behind time= in the output stands 12"):
        values(own(readings=read(r"time=(\d+)")), output)
    assert values(own(readings=read(r"time=time=(\d+)")), output) == {"time": 12.0}
    assert values(own(readings=read(r"time=(\d+)")), "time=12\n") == {"time": 12.0}


def test_a_check_that_does_not_match_has_no_speed() -> None:
    asked = own(readings=read("rate: ([0-9]+)"), check="PASSED$")
    assert values(asked, "PASSED\nrate: 3\n") == {"value": 3.0}
    with pytest.raises(WrongResult, match="--check"):
        values(asked, "FAILED\nrate: 3\n")


def test_units_and_directions_go_to_all_metrics_or_to_one() -> None:
    found = with_units(read("a=([0-9])", "b=x([0-9])"), ["GB/s", "b=s"], ["b"])
    assert [(one.unit, one.higher_is_better) for one in found] == [("GB/s", True), ("s", False)]
    assert not any(one.higher_is_better for one in with_units(found, [], [""]))
    with pytest.raises(InvalidValue, match="no metric 'c'; there are: a, b"):
        with_units(found, ["c=s"], [])


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (Own(()), "command is empty"),
        (own(margin=0.0), "margin"),
        (own(margin=float("nan")), "margin"),
        (own(check="("), "bad pattern"),
        (own(readings=read("([0-9])", "x([0-9])")), "two metrics are called 'value'"),
        (own(readings=tuple(Reading(f"m{number}", "(.)") for number in range(33))), "33 metrics, at most 32"),
    ],
)
def test_a_program_out_of_bounds_is_refused(broken: Own, why: str) -> None:
    with pytest.raises(InvalidValue, match=why):
        checked(broken)


def test_a_definition_reads_back_as_it_was_written() -> None:
    asked = own("./a b", "in.dat", readings=read("x=([0-9])"), check="ok", mounts=("/data",), limit_s=5, workdir="/w")
    assert Own.from_json(asked.to_json()) == asked
    with pytest.raises(InvalidValue, match="defines no program"):
        Own.from_json("{}")


@pytest.mark.parametrize(
    ("word", "name"), [("./xhpl", "xhpl"), ("/opt/a b/ü.out", "out"), ("...", "program"), ("x" * 99, "x" * 32)]
)
def test_it_has_the_name_of_its_program_in_letters_that_a_job_may_have(word: str, name: str) -> None:
    assert own(word).name == name


def test_without_a_metric_the_wall_time_is_measured(tmp_path: Path) -> None:
    assert 0 < measured(tmp_path, "echo done")["seconds"] < 60
    assert not own().metrics[0].higher_is_better


def test_it_runs_in_its_folder_with_its_arguments_and_no_shell(tmp_path: Path) -> None:
    program(tmp_path, 'pwd; echo "$# $1"; echo rate: 5')
    asked = own("./app", "$HOME; ls", workdir=str(tmp_path), readings=read(r"rate: (\d+)"), check=r"^1 \$HOME; ls$")
    assert measure(prepare(asked, ROOT).settings).values == {"value": 5.0}


def test_an_exit_code_makes_a_wrong_result_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(WrongResult, match=r"\./app ended with exit code 4 \(no input\): this run has no speed"):
        measured(tmp_path, "echo rate: 3; echo no input >&2; exit 4", readings=read(r"rate: (\d+)"))
    with pytest.raises(WrongResult, match="by signal 9"):
        measured(tmp_path, "kill -9 $$")


def test_a_program_that_does_not_end_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path}/pid; wait"
    with pytest.raises(WrongResult, match=r"did not end within 3 s: give it more with --time"):
        measured(tmp_path, script, limit_s=3)
    child = int((tmp_path / "pid").read_text())
    eventually(lambda: not runs(child), "its child is dead")


def test_of_a_long_output_the_end_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturing, "KEPT", 4 * capturing.CHUNK)
    file = program(tmp_path, "echo first; yes | head -c 3000000; echo last")
    done = capture(["app"], 60.0, program=str(file))
    assert done.out.endswith("\nlast\n")
    assert "first" not in done.out
    assert len(done.out) <= 4 * capturing.CHUNK


def test_wall_time_ends_with_the_program_and_not_with_the_next_look_at_it() -> None:
    """A wait with a limit that looks again and again would see this end at 0.21 s."""
    assert 0.17 <= min(capture(["sleep", "0.17"], 60.0).seconds for _ in range(5)) < 0.2


def test_a_program_or_folder_that_the_node_has_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no program '\./app' in .* on this node: build it"):
        prepare(own("./app", workdir=str(tmp_path)), ROOT)
    with pytest.raises(NotFound, match="no program 'no-such-app'"):
        prepare(own("no-such-app", workdir=str(tmp_path)), ROOT)
    with pytest.raises(NotFound, match="no folder /nowhere on this node: name another with --workdir"):
        prepare(own("true", workdir="/nowhere"), ROOT)
    with pytest.raises(NotFound, match="which --mount names"):
        prepare(own("true", mounts=("/nowhere",)), ROOT)
    with pytest.raises(InvalidValue, match="--mount / is too much"):
        prepare(own("true", mounts=("/",)), ROOT)


def test_what_lies_on_a_disk_of_the_node_needs_no_mount(tmp_path: Path) -> None:
    program(tmp_path, "true")
    disk = f"{ROOT}23 22 254:1 / {tmp_path} rw - xfs /dev/vdb rw\n"
    assert prepare(own("./app", workdir=str(tmp_path)), ROOT).mounts == ()
    assert prepare(own("./app", workdir=str(tmp_path)), disk).mounts == ()


def test_what_lies_in_memory_is_mounted_because_a_container_does_not_show_it(tmp_path: Path) -> None:
    memory = f"{ROOT}23 22 0:30 / {tmp_path} rw - tmpfs tmpfs rw\n"
    inner = tmp_path / "bin"
    inner.mkdir()
    program(inner, "true")
    assert prepare(own("bin/app", workdir=str(tmp_path)), memory).mounts == (str(inner), str(tmp_path))
    assert prepare(own("bin/app", workdir=str(tmp_path), mounts=(str(tmp_path),)), memory).mounts == (str(tmp_path),)


def test_a_program_that_is_not_there_inside_is_told_with_what_to_do(tmp_path: Path) -> None:
    settings = prepare(own(str(program(tmp_path, "true"))), ROOT).settings
    os.unlink(tmp_path / "app")
    with pytest.raises(WrongResult, match=r"is not there inside.*name its folder with --mount"):
        measure(settings)


def test_programs_that_the_command_names_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    program(tmp_path, "true", "other")
    (tmp_path / "in.dat").write_text("1")
    file = program(tmp_path, "true")
    found = prepare(own("./app", "other", "in.dat", workdir=str(tmp_path)), ROOT).settings
    assert (found["program"], found["file 1"]) == (str(file), str(tmp_path / "other"))
    assert "file 2" not in found


@pytest.mark.parametrize(
    ("check", "said"), [("", "exit code 0 is all that was asked for (--check"), ("ok", "a match of 'ok' is all")]
)
def test_the_report_says_that_nobody_checked_its_result(check: str, said: str) -> None:
    assert said in prepare(own("true", check=check), ROOT).lacks[0]


def measured_by_harness(jobs: FakeJobs, asked: Own, **options: Any) -> Result:
    return run(jobs, entries=(entry(asked),), pairs=8, seed=1, clock=jobs.clock, **options)


def test_it_is_measured_by_the_same_method_as_the_suite() -> None:
    asked = own("./app", readings=with_units(read("rate: ([0-9.]+)"), ["GB/s"], []), margin=0.02)
    jobs = FakeJobs(Model(container=0.9))
    comparison = measured_by_harness(jobs, asked).comparisons[0]
    assert (comparison.benchmark, comparison.metric.name, comparison.metric.unit) == ("app", "value", "GB/s")
    assert (comparison.margin, comparison.verdict) == (0.02, Verdict.DIFFERENT)
    assert {spec.runtime for spec in jobs.specs[1:]} == {"lxc", "baremetal"}
    assert json.loads(jobs.specs[0].command[jobs.specs[0].command.index(OPTION) + 1])["words"] == ["./app"]


def test_its_variables_are_those_of_every_arm() -> None:
    jobs = FakeJobs()
    measured_by_harness(jobs, own(), env=(("OMP_NUM_THREADS", "3"),))
    assert all(("OMP_NUM_THREADS", "3") in spec.env for spec in jobs.specs)
