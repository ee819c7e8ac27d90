"""`hpcsched simulate` as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpcsched.cli.main import invoke

LINES = ["; MaxProcs: 4", "1 0 -1 100 3 -1 -1 3 100 -1 1 7 1 -1 1 -1 -1 -1", "2 1 -1 50 4 -1 -1 4 50 -1 1 8 1 -1 1 -1 -1 -1"]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "small.swf"
    path.write_text("\n".join([*LINES, "3 2 -1 98 1 -1 -1 1 98 -1 1 7 1 -1 1 -1 -1 -1", "garbage"]) + "\n")
    return path


def test_figures_of_two_policies_stand_side_by_side(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["simulate", str(trace), "--policy", "fifo", "--policy", "easy"]) == 0
    shown = capsys.readouterr()
    table = {line[:40].strip(): line[40:].split() for line in shown.out.splitlines()}
    assert table["wait, mean"] == ["1:22", "0:33", "0.401"]
    assert "easy / fifo" in shown.out
    assert "skipped 1 line: fewer than 18 columns" in shown.err
    assert "line 5" in shown.err


def test_json_has_every_figure_and_user(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["simulate", str(trace), "--policy", "easy", "--output", "json"]) == 0
    (figures,) = json.loads(capsys.readouterr().out)
    assert (figures["label"], figures["jobs"], figures["processors"], figures["mean_wait_s"]) == ("easy", 3, 4, 33)
    assert [user["user"] for user in figures["users"]] == ["u8", "u7"]


def test_plain_has_one_line_for_each_figure(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["simulate", str(trace), "--policy", "easy", "--output", "plain"]) == 0
    rows = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert (rows["mean_wait_s"], rows["jobs"], rows["max_wait_s"]) == ("33", "3", "99")


def test_starts_and_a_plot_are_written(trace: Path, tmp_path: Path) -> None:
    starts, picture = tmp_path / "starts.csv", tmp_path / "queue.svg"
    assert invoke(["simulate", str(trace), "--policy", "easy", "--starts", str(starts), "--plot", str(picture)]) == 0
    assert starts.read_text() == "id,submit,start,run,procs,est\n1,0,0,100,3,100\n2,1,100,50,4,50\n3,2,2,98,1,98\n"
    assert picture.read_text().startswith("<?xml")


def test_starts_of_several_policies_are_files_of_their_own(trace: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "starts.csv")
    assert invoke(["simulate", str(trace), "--policy", "easy", "--policy", "fifo", "--starts", path]) == 0
    assert {found.name for found in tmp_path.glob("starts*")} == {"starts-easy.csv", "starts-fifo.csv"}


def test_two_configurations_stand_side_by_side(trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, weight in (("small", "true"), ("large", "false")):
        (tmp_path / f"{name}.toml").write_text(f"[priority]\nage = 0\nsize = 1000\nfavor_small = {weight}\n")
    configs = [word for name in ("small", "large") for word in ("--config", str(tmp_path / f"{name}.toml"))]
    assert invoke(["simulate", str(trace), "--policy", "fifo", *configs]) == 0
    assert "large / small" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--policy", "best"], "no policy 'best'; there are: conservative, easy, fifo"),
        (["--processors", "0"], "0 processors is outside 1 to 65536"),
        (["--processors", "-3"], "-3 processors is outside 1 to 65536"),
        (["--processors", "many"], "'many' is not a valid integer"),
        (["--plot", "queue.pdf"], "cannot plot to queue.pdf"),
        (["--load", "0"], "load 0.0 is not in the range"),
        (["--load", "nan"], "load nan is not in the range"),
        (["--config", "/nothing.toml"], "cannot read /nothing.toml"),
        (["--failures", "never"], "bad duration 'never'"),
        (["--starts", "/nothing/there.csv"], "/nothing/there.csv: No such file or directory"),
        (["--plot", "/nothing/there.svg"], "/nothing/there.svg: No such file or directory"),
        (["--policy", "easy"] * 9, "9 simulations side by side, at most 8"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    trace: Path, args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["simulate", str(trace), *args]) in (1, 2)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hpcsched: ")]
    assert told in line


def test_a_partition_of_nodes_that_are_not_simulated_has_all_of_them(
    trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "site.toml"
    config.write_text('[partition.q1]\ndefault = true\nnodes = ["+ib", "rack7-*"]\n')
    assert invoke(["simulate", str(trace), "--config", str(config), "--output", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)[0]["refused"] == 0
    assert "partition q1 has all nodes: none of the simulated ones is of +ib, rack7-*" in shown.err


def test_weights_that_overflow_are_refused(trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.toml"
    path.write_text("[priority]\nage = 2000000000\nsize = 2000000000\n")
    assert invoke(["simulate", str(trace), "--config", str(path)]) == 1
    assert "[priority]" in capsys.readouterr().err


def test_a_missing_trace_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["simulate", "/nothing.swf"]) == 1
    assert capsys.readouterr().err == "hpcsched: no trace file /nothing.swf\n"


def test_a_machine_smaller_than_every_job_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "large.swf"
    path.write_text("\n".join(LINES))
    assert invoke(["simulate", str(path), "--processors", "2"]) == 2
    assert "every job of large.swf is larger than 2 processors: at least --processors 3" in capsys.readouterr().err


def test_preemptions_are_figures_of_their_own(trace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[qos.normal]\n[qos.q1]\n[qos.q2]\npriority = 1.0\npreempt = ["q1"]\n[priority]\nage = 0\nqos = 1000\n')
    urgent = "4 10 -1 20 4 -1 -1 4 20 -1 1 7 1 -1 2 -1 -1 -1"
    trace.write_text("\n".join([*LINES, urgent]) + "\n")
    assert invoke(["simulate", str(trace), "--config", str(path)]) == 0
    table = {line[:40].strip(): line[40:].split() for line in capsys.readouterr().out.splitlines()}
    assert table["jobs lost to failures or other jobs"] == ["1"]
    assert table["preemptions"] == ["1"]


def test_one_job_is_counted_as_one(trace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace.write_text("\n".join([*LINES, LINES[1].replace("3 100", "3 -1")]) + "\n")
    assert invoke(["simulate", str(trace)]) == 0
    assert "had no requested time, the run time is taken for it: 1 job\n" in capsys.readouterr().err
