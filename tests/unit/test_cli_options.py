"""How a call and a script become a JobSpec."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from hpcsched.cli.context import Context
from hpcsched.cli.main import cli, invoke
from hpcsched.cli.resources import PLACE_OPTIONS, resource_request
from hpcsched.cli.script import read_script, script_options
from hpcsched.errors import InvalidValue
from hpcsched.model.container import Mount
from hpcsched.model.job import JobSpec, ResourceRequest, TaskBind
from hpcsched.model.units import parse_duration
from hpcsched.testing.client import FakeClient


def spec_of(*args: str) -> JobSpec:
    client = FakeClient()
    assert invoke(["submit", *args], Context(connect=lambda address: client)) == 0  # type: ignore[arg-type,return-value]
    return client.specs[0]


def refusal(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    """What is said of a wrong call, which reaches no controller."""
    client = FakeClient()
    assert invoke(["submit", *args], Context(connect=lambda address: client)) == 2  # type: ignore[arg-type,return-value]
    assert client.specs == []
    said = capsys.readouterr().err
    assert said.startswith("hpcsched: ")
    assert said.count("\n") == 1
    return said


def test_without_options_the_spec_has_the_defaults() -> None:
    spec = spec_of("--", "hostname")
    assert spec == JobSpec(command=("hostname",), user=spec.user)
    assert spec.user


def test_every_option_reaches_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "yes=no")
    text = (
        "-N 2 -t 1:30:00 -c 4 --cores-per-node 2 --mem-per-node 64G --image rocky9 --runtime baremetal --priority -3 "
        "-J solve -D /scratch -o /scratch/%j.out --env A=1 --env MINE --mount /data --mount /a:/b:rw --hold --keep --grace 5 "
        "--output-cap 1M"
    )
    spec = spec_of(*text.split(), "--", "./a.out", "--help", "-N", "9")
    assert spec == JobSpec(
        command=("./a.out", "--help", "-N", "9"),
        name="solve",
        user=spec.user,
        nodes=2,
        resources=ResourceRequest(4, 2, 64 << 30),
        image="rocky9",
        runtime="baremetal",
        time_limit_s=5400,
        grace_s=5,
        priority=-3,
        workdir="/scratch",
        stdout="/scratch/%j.out",
        output_cap=1 << 20,
        env=(("A", "1"), ("MINE", "yes=no")),
        mounts=(Mount("/data", "/data"), Mount("/a", "/b", False)),
        keep=True,
        hold=True,
    )


def test_placement_inside_the_node_reaches_its_fields() -> None:
    text = (
        "--gpus-per-node 0 --numa 0,2-3 --hugepages 2M:512 --hugepages 1G:4 --hint nomultithread --ntasks-per-node 8 "
        "--cpus-per-task 4 --bind l3 --tuning hpc"
    )
    assert spec_of(*text.split(), "--", "x").resources == ResourceRequest(
        threads_per_core=1,
        gpus_per_node=0,
        numa="0,2-3",
        hugepages=((2 << 20, 512), (1 << 30, 4)),
        ntasks_per_node=8,
        cpus_per_task=4,
        bind=TaskBind.L3,
        tuning="hpc",
    )


def test_the_place_in_the_queue_reaches_its_fields() -> None:
    text = (
        "-N 2-8 -p big -A bio -q low -C epyc&ib -a 0-99%8 -d afterok:7,after:8 --begin 2030-05-01T16:00:00Z --deadline "
        "2030-05-02T16:00:00Z --reservation course --priority 3 --nice -5 --requeue "
        "--equal-speed stream.triad"
    )
    spec = spec_of(*text.split(), "--", "x")
    assert spec == JobSpec(
        command=("x",),
        user=spec.user,
        nodes=2,
        max_nodes=8,
        partition="big",
        account="bio",
        qos="low",
        constraint="epyc&ib",
        equal_speed="stream.triad",
        array="0-99%8",
        dependency="afterok:7,after:8",
        begin_time=1_903_881_600.0,
        deadline=1_903_968_000.0,
        reservation="course",
        priority=3,
        nice=-5,
        requeue=True,
    )


def test_a_range_of_one_number_is_that_number() -> None:
    assert (spec_of("-N", "4-4", "--", "x").nodes, spec_of("-N", "4-4", "--", "x").max_nodes) == (4, 0)


def test_the_command_line_takes_back_what_a_script_lets_happen(tmp_path: Path) -> None:
    path = tmp_path / "job.sh"
    path.write_text("#!/bin/sh\n#HPCSCHED --requeue -N 2-4\n")
    assert spec_of(str(path)).requeue
    spec = spec_of("--no-requeue", "-N", "3", str(path))
    assert (spec.requeue, spec.nodes, spec.max_nodes) == (False, 3, 0)


def test_the_last_count_of_a_page_size_holds(tmp_path: Path) -> None:
    path = tmp_path / "job.sh"
    path.write_text("#!/bin/sh\n#HPCSCHED --hugepages 2M:1\n#HPCSCHED --hugepages 1G:2 --hint nomultithread\n")
    asked = spec_of("--hugepages", "2M:8", "--threads-per-core", "2", str(path)).resources
    assert (asked.hugepages, asked.threads_per_core) == (((2 << 20, 8), (1 << 30, 2)), 2)


def test_a_benchmark_takes_the_same_placement() -> None:
    asked = {option.name: None for option in PLACE_OPTIONS} | {"hint": "nomultithread", "hugepages": ()}
    assert resource_request(asked) == ResourceRequest(threads_per_core=1)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("--numa", ["pack", "spread"]),
        ("--bind", ["cores", "l3", "numa", "none"]),
        ("--hint", ["nomultithread"]),
        ("--runtime", ["lxc", "baremetal"]),
    ],
)
def test_a_shell_is_offered_the_choices_of_an_option(typed: str, offered: list[str]) -> None:
    found = ShellComplete(cli, {}, "hpcsched", "_HPCSCHED_COMPLETE").get_completions(["submit", typed], "")
    assert [item.value for item in found] == offered


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["-N", "5-2", "--", "x"], "write 2-5"),
        (["-N", "2-", "--", "x"], "'2-'"),
        (["-N", "0", "--", "x"], "1 to 100000"),
        (["-N", "-1", "--", "x"], "'-1'"),
        (["-N", "9" * 5000, "--", "x"], "1 to 100000"),
        (["--begin", "soon", "--", "x"], "'soon'"),
        (["--begin", "25:00", "--", "x"], "'25:00'"),
        (["--deadline", "2026-02-30", "--", "x"], "'2026-02-30'"),
        (["--nice", "x", "--", "x"], "--nice"),
        (["-c", "0", "--", "x"], "1<=x<=65536"),
        (["-c", "two", "--", "x"], "'two'"),
        (["-t", "0", "--", "x"], "outside"),
        (["-t", "soon", "--", "x"], "'soon'"),
        (["--mem-per-node", "-1G", "--", "x"], "'-1G'"),
        (["--mem-per-node", "999999P", "--", "x"], "largest"),
        (["--priority", "99999999999", "--", "x"], "99999999999"),
        (["--env", "=x", "--", "x"], "'=x'"),
        (["--env", "HPCSCHED_NOT_SET_HERE", "--", "x"], "not set here"),
        (["--mount", "data", "--", "x"], "absolute"),
        (["--mount", "/a:/b:/c:rw", "--", "x"], "bad mount"),
        (["--mount", "/a:/b:rx", "--", "x"], "bad mount"),
        (["--mount", "/a/../b", "--", "x"], "'..'"),
        (["-c", "99999999999", "--", "x"], "99999999999"),
        (["--gpus-per-node", "-1", "--", "x"], "-1"),
        (["--gpus-per-node", "1025", "--", "x"], "1025"),
        (["--threads-per-core", "0", "--", "x"], "0 is not in the range"),
        (["--threads-per-core", "2", "--hint", "nomultithread", "--", "x"], "--hint nomultithread means --threads-per-core 1"),
        (["--hint", "compute_bound", "--", "x"], "compute_bound"),
        (["--numa", "near", "--", "x"], "'near'"),
        (["--numa", "", "--", "x"], "''"),
        (["--numa", "3-1", "--", "x"], "'3-1'"),
        (["--numa", "0-" + "9" * 5000, "--", "x"], "bad numa"),
        (["--hugepages", "512", "--", "x"], "2M:512"),
        (["--hugepages", "2M:", "--", "x"], "2M:512"),
        (["--hugepages", "2M:0", "--", "x"], "huge pages of 2M: 0"),
        (["--hugepages", "2M:-1", "--", "x"], "'2M:-1'"),
        (["--hugepages", "3M:1", "--", "x"], "3145728"),
        (["--hugepages", "2M:" + "9" * 5000, "--", "x"], "bad huge pages"),
        (["--hugepages", "1G:99999999999", "--", "x"], "99999999999"),
        (["--ntasks-per-node", "0", "--", "x"], "0 is not in the range"),
        (["--ntasks-per-node", "65537", "--", "x"], "65537"),
        (["--bind", "socket", "--", "x"], "'socket'"),
        (["--gpus", "1", "--", "x"], "No such option '--gpus'"),
        ([], "Missing argument"),
        (["--"], "Missing argument"),
        (["--", "\udcff"], "UTF-8"),
        (["/no/such/script"], "No such file"),
        (["/"], "directory"),
    ],
)
def test_a_wrong_call_is_refused_in_one_line(args: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert word in refusal(capsys, *args)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "job.sh"
    path.write_text(
        "#!/bin/bash\n"
        "# a job\n"
        "#HPCSCHED -N 2 -t 30   # half an hour\n"
        "\n"
        '#HPCSCHED --name "two words" --env A=1\n'
        "echo hello\n"
        "#HPCSCHED -N 9\n"
    )
    return path


def test_a_script_brings_its_options_and_arguments(script: Path) -> None:
    spec = spec_of(str(script), "input.dat", "--verbose", "-N", "7")
    assert spec.script == script.read_bytes()
    assert spec.command == ("input.dat", "--verbose", "-N", "7")
    assert (spec.nodes, spec.time_limit_s, spec.name, spec.env) == (2, 1800, "two words", (("A", "1"),))


def test_the_command_line_wins_over_the_script_and_adds_to_its_variables(script: Path) -> None:
    spec = spec_of("-N", "4", "--env", "A=2", "--env", "B=3", str(script))
    assert (spec.nodes, spec.time_limit_s, spec.env) == (4, 1800, (("A", "2"), ("B", "3")))


def test_a_script_without_a_name_is_called_like_its_file(tmp_path: Path) -> None:
    path = tmp_path / "solve.py"
    path.write_text("#!/usr/bin/python3\n")
    assert spec_of(str(path)).name == "solve.py"


def test_after_dashes_a_script_is_a_command(script: Path) -> None:
    spec = spec_of("--", str(script))
    assert (spec.command, spec.script, spec.nodes) == ((str(script),), b"", 1)


def test_dashes_after_the_script_are_its_own(script: Path) -> None:
    assert spec_of(str(script), "--", "-x").command == ("--", "-x")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("#HPCSCHED --gpus 4", "No such option '--gpus'"),
        ("#HPCSCHED -N 4-2", "write 2-4"),
        ("#HPCSCHED --begin soon", "'soon'"),
        ("#HPCSCHED --hint nomultithread --threads-per-core 2", "nomultithread"),
        ("#HPCSCHED --hugepages 2M", "'2M'"),
        ("#HPCSCHED stray", "unexpected extra argument"),
        ('#HPCSCHED -J "open', "No closing quotation"),
        ("#HPCSCHED -t", "requires an argument"),
        ("#HPCSCHED --wait", "No such option '--wait'"),
    ],
)
def test_a_wrong_line_of_a_script_is_named(line: str, word: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        script_options(f"#!/bin/sh\n#HPCSCHED -N 2\n{line}\n".encode(), "job.sh")
    assert str(caught.value).startswith("job.sh:3: ")
    assert word in str(caught.value)


@pytest.mark.parametrize("line", ["#HPCSCHEDULE -N 9", "##HPCSCHED -N 9", "# HPCSCHED -N 9", "echo #HPCSCHED -N 9"])
def test_other_comments_are_no_options(line: str) -> None:
    assert script_options(f"#!/bin/sh\n{line}\n".encode(), "job.sh") == {}


def test_a_script_of_bytes_is_read_as_far_as_it_is_comments() -> None:
    assert script_options(b"#!/bin/sh\n#HPCSCHED -N 2\n\x00\xff\xfe", "job.sh") == {"nodes": (2, 2)}


def test_a_file_without_an_interpreter_is_no_script(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"\x7fELF")
    with pytest.raises(InvalidValue, match="does not begin with `#!`"):
        read_script(path)


def test_a_script_of_more_than_a_megabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"#!/bin/sh\n" + b"#" * (1 << 20))
    with pytest.raises(InvalidValue, match="larger than 1M"):
        read_script(path)


@pytest.mark.parametrize("text", ["99999999999", "9999999999999d", "9" * 18 + "-0", "0"])
def test_a_time_limit_beyond_all_bounds_is_told_the_bounds(text: str) -> None:
    with pytest.raises(InvalidValue, match="outside 1 second to 10 years"):
        parse_duration(text)
