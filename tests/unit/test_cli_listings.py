"""What the listings print, byte for byte, in every form. After a wanted change: HPCSCHED_UPDATE_GOLDEN=1 pytest."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hpcsched.cli.context import Context
from hpcsched.cli.drawing import draw_topology
from hpcsched.cli.main import invoke
from hpcsched.cli.output import FORMS
from hpcsched.hardware.lstopo import read, synthetic
from hpcsched.model.array import ArrayProgress
from hpcsched.model.canary import CanaryFigure, NodeCanaries, Stand
from hpcsched.model.idset import IdSet
from hpcsched.testing import nouns, sites
from hpcsched.testing.client import FakeClient

GOLDEN = Path(__file__).parents[1] / "golden" / "cli"
CALLS = {
    "jobs": ["jobs"],
    "jobs-all": ["jobs", "--all"],
    "job-waiting": ["job", "3"],
    "job-failed": ["job", "1"],
    "nodes": ["nodes"],
    "node": ["node", "n1"],
    "node-equipped": ["node", "n2"],
    "canaries": ["canaries"],
    "records": ["records"],
    "receipt": ["receipt", "1"],
    "topology": ["topology", "n1"],
    "partitions": ["partitions"],
    "qos": ["qos"],
    "shares": ["shares"],
    "reservations": ["reservation", "list"],
    "reservation": ["reservation", "show", "talk"],
}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def context() -> Context:
    nodes = [nouns.node("n1", job_id=2), replace(nouns.equipped("n2"), drain_reason="new memory")]
    jobs = [nouns.waiting(), nouns.running(), nouns.failed()]
    site = {"parted": sites.partitions(), "served": sites.qos(), "shared": sites.shares()}
    client = FakeClient(jobs, nodes, [nouns.record()], reserved=nouns.reservations(), measured=nouns.canaries(), **site)  # type: ignore[arg-type]
    return Context(connect=lambda address: client, now=lambda: nouns.NOW)  # type: ignore[arg-type,return-value]


DRAWN = ("receipt", "topology")
"""Their tables hold drawings."""


@pytest.mark.parametrize(
    ("name", "form"), [(name, form) for name in CALLS for form in FORMS if not (name in DRAWN and form == "table")]
)
def test_a_listing_prints_what_it_did(name: str, form: str, context: Context, capsys: pytest.CaptureFixture[str]) -> None:
    code = invoke([*CALLS[name], "--output", form], context)
    printed = capsys.readouterr()
    golden = GOLDEN / f"{name}.{form}.txt"
    if os.environ.get("HPCSCHED_UPDATE_GOLDEN"):
        golden.write_text(printed.out)
    assert (code, printed.err) == (0, "")
    assert printed.out == golden.read_text()


@pytest.mark.parametrize("call", ["jobs", "nodes", "records"])
def test_an_empty_listing_is_an_empty_array_and_no_plain_line(call: str, capsys: pytest.CaptureFixture[str]) -> None:
    context = Context(connect=lambda address: FakeClient())  # type: ignore[arg-type,return-value]
    invoke([call, "--output", "json"], context)
    assert json.loads(capsys.readouterr().out) == []
    invoke([call, "--output", "plain"], context)
    assert capsys.readouterr().out == ""


def test_a_piped_table_is_cut_at_no_width(capsys: pytest.CaptureFixture[str]) -> None:
    context = Context(connect=lambda address: FakeClient(cluster=[nouns.node(drain_reason="x" * 500)]))  # type: ignore[arg-type,return-value]
    invoke(["nodes"], context)
    assert capsys.readouterr().out.splitlines()[1].endswith(" " + "x" * 500)


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = nouns.node("n1", drain_reason="\x1b[2J\tgone\nn9")
    context = Context(connect=lambda address: FakeClient(cluster=[evil]))  # type: ignore[arg-type,return-value]
    for form in ("table", "plain"):
        invoke(["nodes", "--output", form], context)
        printed = capsys.readouterr().out
        assert "\x1b" not in printed
        assert printed.count("\t") == (9 if form == "plain" else 0)
        assert printed.count("\n") == (1 if form == "plain" else 2)


def test_a_node_says_that_its_baseline_is_being_learnt_and_nothing_of_canaries_where_there_are_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    learning = CanaryFigure("stream.triad", 19.1, "GB/s", figures=5, median=19.2)
    found = NodeCanaries("n1", Stand.LEARNING, "3eb6c7fb588f", 0.0, nouns.START, nouns.NOW, figures=(learning,))
    client = FakeClient(cluster=[nouns.node("n1"), nouns.node("n2")], measured=[found])
    for name in ("n1", "n2"):
        assert invoke(["node", name], Context(connect=lambda address: client)) == 0  # type: ignore[arg-type,return-value]
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("canary")]
    assert line.endswith("median 19.2 GB/s, its baseline is being learnt; measured 2023-11-14 22:13:20")


@pytest.mark.parametrize("call", [["receipt", "1"], ["topology", "n1"]])
def test_a_node_is_drawn_with_the_jobs_cores_marked(
    call: list[str], context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(call, context) == 0
    printed = capsys.readouterr().out
    assert draw_topology(nouns.topology(), IdSet.parse("0-1,4-5")).plain in printed
    assert draw_topology(nouns.topology()).plain not in printed


def test_a_receipt_shows_what_was_asked_granted_and_observed(context: Context, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["receipt", "1"], context) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if " cpus " in line)
    assert "2 cores, 4 cpus" in line
    assert line.count("0-1,4-5") == 2


def test_a_job_without_a_node_has_no_receipt(context: Context, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["receipt", "3"], context) == 1
    assert capsys.readouterr().err == "hpcsched: job 3 is PENDING and has no node, so there is nothing to show\n"


def test_an_array_leaves_the_receipts_to_its_containers(capsys: pytest.CaptureFixture[str]) -> None:
    array = replace(nouns.waiting(), id=9, array=ArrayProgress(4, workers=(10,)))
    context = Context(connect=lambda _: FakeClient(known=[array]))
    assert invoke(["receipt", "9"], context) == 1
    assert "job 9 is an array: give the id of one of its containers" in capsys.readouterr().err


@pytest.mark.parametrize("call", [["receipt", "1"], ["topology", "n1"]])
def test_a_drawing_is_written_to_a_file(call: list[str], context: Context, tmp_path: Path) -> None:
    assert invoke([*call, "--svg", str(tmp_path / "node.svg")], context) == 0
    assert (tmp_path / "node.svg").read_text().startswith("<svg ")


def test_a_topology_that_was_written_elsewhere_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "n7.xml").write_bytes(read(synthetic("pack:1 numa:2 core:1 pu:2"), 10.0))
    assert invoke(["topology", "--xml", str(tmp_path / "n7.xml"), "--output", "plain"]) == 0
    assert capsys.readouterr().out == "0\t0\t0\t0-1\n1\t0\t1\t2-3\n"


def test_a_topology_is_of_a_node_or_of_a_file(context: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["topology", "n1", "--xml", str(tmp_path / "n7.xml")], context) == 2
    assert "give a node or --xml, not both" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_named(context: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["topology", "n1", "--svg", str(tmp_path / "no" / "node.svg")], context) == 1
    assert capsys.readouterr().err == f"hpcsched: {tmp_path}/no/node.svg: No such file or directory\n"
