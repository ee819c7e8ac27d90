"""What `hpcsched explain` and `submit --dry-run` print."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hpcsched.cli.context import Context
from hpcsched.cli.explain_text import expected, text
from hpcsched.cli.main import invoke
from hpcsched.cli.output import FORMS
from hpcsched.cli.timeline import drawn
from hpcsched.controller.explain import without_id
from hpcsched.model.explanation import Ahead, Blocker, Change, Explanation, Factor, NodeGroup, Planned
from hpcsched.model.job import JobSpec, JobState, Reason
from hpcsched.testing.client import FakeClient

GOLDEN = Path(__file__).parents[1] / "golden" / "cli"
NOW = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""
WAITING = Explanation(
    job_id=17,
    state=JobState.PENDING,
    summary="waits for 4 free nodes that fit: 1 of 8 nodes in service are free",
    blockers=(
        Blocker(Reason.DEPENDENCY, "afterok:12: job 12 (mesh) is RUNNING"),
        Blocker(Reason.RESOURCES, "waits for 4 free nodes that fit: 1 of 8 nodes in service are free"),
    ),
    position=3,
    waiting=40,
    ahead=(Ahead(13, "xhpl", "ada", 8, 7200, 40.0, Reason.RESOURCES), Ahead(15, "lmp", "ben", 1, 0, 30.5, Reason.QOS_JOBS)),
    priority=17.0,
    factors=(Factor("age", 0.02, 1000, 20.0), Factor("size", 0.5, 0, 0.0), Factor("nice", 3.0, -1, -3.0)),
    node_groups=(
        NodeGroup("free", 1, ("n1",), usable=True),
        NodeGroup("busy", 6, ("n2", "n3", "n4", "n5", "n6")),
        NodeGroup("too small: 2 for 4 cores", 1, ("n8",)),
    ),
    earliest=NOW + 1800,
    latest=NOW + 7200,
    fraction=0.4,
    changes=(Change("-t 30:00", NOW), Change("--nodes 2-4", NOW + 3600)),
    timeline=(
        Planned(12, "mesh", "ben", 4, NOW - 600, NOW + 3600, True),
        Planned(13, "xhpl", "ada", 8, NOW + 3600, NOW + 7200),
        Planned(14, "grid", "ada", 1, NOW + 3600, NOW + 9000, tasks=100),
        Planned(17, "solve", "ada", 4, NOW + 7200, NOW + 9000),
    ),
    notes=("the replay leaves fair share as it is now",),
)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def asking(client: FakeClient) -> Context:
    return Context(connect=lambda address: client, now=lambda: NOW)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("form", FORMS)
def test_an_explanation_prints_what_it_did(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = invoke(["explain", "17", "--output", form], asking(FakeClient(told=WAITING)))
    printed = capsys.readouterr()
    golden = GOLDEN / f"explain.{form}.txt"
    if os.environ.get("HPCSCHED_UPDATE_GOLDEN"):
        golden.write_text(printed.out)
    assert (code, printed.err) == (0, "")
    assert printed.out == golden.read_text()


def test_a_job_that_is_not_submitted_is_marked_in_the_plan() -> None:
    assert any(line.startswith("  > it solve ") for line in text(without_id(WAITING), NOW))


def test_of_an_array_that_runs_the_start_is_that_of_its_next_node() -> None:
    lines = list(text(replace(WAITING, state=JobState.RUNNING), NOW))
    assert lines[1].startswith("Another node is expected between ")


def test_a_dry_run_asks_about_the_spec_and_submits_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient(told=replace(WAITING, job_id=0))
    assert invoke(["submit", "--dry-run", "-N", "4", "--", "./solve"], asking(client)) == 0
    (call,) = [call for call in client.calls if call[0] == "explain"]
    assert isinstance(call[1], JobSpec)
    assert (call[1].nodes, client.specs) == (4, [])
    printed = capsys.readouterr().out
    assert printed.startswith("It would wait: waits for 4 free nodes")
    assert "With -t 30:00 it would start now." in printed


def test_a_supposed_job_that_would_start_says_so() -> None:
    told = Explanation(0, JobState.PENDING, "starts now on n1", earliest=NOW, latest=NOW)
    assert list(text(told, NOW))[:2] == ["It would not wait: starts now on n1", "Expected to start now."]


def test_a_running_job_says_where_why_and_until_when() -> None:
    told = Explanation(2, JobState.RUNNING, "it runs on n1: the first free node that fits", end_by=NOW + 3600)
    assert list(text(told, NOW)) == [
        "Job 2 is RUNNING: it runs on n1: the first free node that fits",
        "It ends by 23:13, its time limit.",
    ]


@pytest.mark.parametrize(
    ("earliest", "latest", "after", "words"),
    [
        (NOW, NOW, 0.0, "now"),
        (NOW + 1800, NOW + 7200, 0.0, "between 22:43 and 2023-11-15 00:13"),
        (NOW + 60, NOW + 60, 0.0, "at 22:14:20"),
        (NOW + 1800, 0.0, NOW + 90, "not before 22:43"),
        (0.0, 0.0, NOW + 3000, "later than 23:03"),
        (0.0, 0.0, 0.0, ""),
    ],
)
def test_the_expected_start_is_as_exact_as_it_is_known(earliest: float, latest: float, after: float, words: str) -> None:
    assert expected(replace(WAITING, earliest=earliest, latest=latest, after=after), NOW) == words


def test_a_job_without_an_end_runs_off_the_edge_of_the_drawing() -> None:
    lines = drawn(
        [Planned(1, "endless", "ada", 1, NOW - 5, 0.0, True), Planned(2, "next", "ada", 1, NOW + 60, NOW + 120)], 2, NOW
    )
    assert "→" in lines[1]
    assert "→" not in lines[2]
    assert lines[2].startswith("> 2 next")


def test_who_gives_way_says_until_when_it_has_its_nodes() -> None:
    lines = drawn(
        [
            Planned(1, "low", "ada", 1, NOW - 5, NOW + 7, True, gives_way=True),
            Planned(2, "mid", "ada", 1, NOW + 20, NOW + 50, gives_way=True),
        ],
        2,
        NOW,
    )
    assert lines[1].endswith("gives its nodes up by 22:13:27")
    assert lines[2].endswith("starts 22:13:40, gives its nodes up by 22:14:10")


def test_a_change_that_leaves_something_out_is_said_so() -> None:
    told = replace(WAITING, changes=(Change("without --constraint", NOW + 60), Change("-t 30:00", NOW + 120)))
    lines = list(text(told, NOW))
    assert "Without --constraint it would start at 22:14:20." in lines
    assert "With -t 30:00 it would start at 22:15:20." in lines


def test_a_plan_of_nothing_draws_nothing() -> None:
    assert drawn([], 1, NOW) == []


def test_what_an_explanation_says_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = replace(WAITING, ahead=(Ahead(1, "\x1b[2J\nx", "ada", 1, 0, 0.0),))
    invoke(["explain", "17"], asking(FakeClient(told=evil)))
    assert "\x1b" not in capsys.readouterr().out
