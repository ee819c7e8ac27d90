"""What the listings say of arrays and of a job's place in the queue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.cli import wording
from hpcsched.cli.context import Context
from hpcsched.cli.job import facts
from hpcsched.cli.main import invoke
from hpcsched.model.array import ArrayProgress
from hpcsched.model.job import Job
from hpcsched.testing import nouns
from hpcsched.testing.client import FakeClient


def array() -> Job:
    job = nouns.waiting()
    progress = ArrayProgress(100, next=20, done=10, failed=2, failures=((3, "exit code 1"),), workers=(8, 9))
    return replace(job, id=7, spec=replace(job.spec, array="0-99%8", nodes=1), array=progress)


def test_an_array_is_one_line_with_its_ids_and_how_many_have_ended(capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient([array()])
    assert invoke(["jobs"], Context(connect=lambda address: client, now=lambda: nouns.NOW)) == 0  # type: ignore[arg-type,return-value]
    _, line = capsys.readouterr().out.splitlines()
    assert line.split()[0] == "7_[0-99%8]"
    assert "12/100" in line.split()


def test_a_long_list_of_ids_is_cut() -> None:
    job = replace(array(), spec=replace(array().spec, array=",".join(map(str, range(1000)))))
    assert wording.job_id(job) == "7_[0,1,2,3,4,5,6,7,8,9,10,11,12,13…]"[: 3 + 31] + "…]"


def test_a_range_of_nodes_is_shown_until_the_job_has_some() -> None:
    job = nouns.waiting()
    ranged = replace(job, spec=replace(job.spec, nodes=2, max_nodes=4))
    assert wording.node_count(ranged) == "2-4"
    assert wording.node_count(replace(ranged, allocation=nouns.allocation())) == "1"


def test_a_job_shows_its_place_in_the_queue() -> None:
    spec = replace(
        nouns.waiting().spec, partition="big", qos="low", constraint="ib", dependency="afterok:2", nice=3, requeue=True
    )
    spec = replace(spec, equal_speed="stream.triad")
    shown = dict(facts(replace(nouns.waiting(), spec=spec, restarts=2)))
    assert (
        shown.items()
        >= {
            "partition": "big",
            "qos": "low",
            "constraint": "ib",
            "equal_speed": "stream.triad",
            "after": "afterok:2",
            "nice": "3",
            "requeue": "yes",
            "restarts": "2",
        }.items()
    )


def test_a_job_that_asked_for_no_place_shows_none() -> None:
    assert not {"partition", "qos", "after", "begin", "requeue", "restarts"} & dict(facts(nouns.waiting())).keys()


def test_an_array_shows_how_its_tasks_fare() -> None:
    shown = dict(facts(array()))
    assert shown["tasks"] == "100: 10 done, 2 failed, 0 cancelled, 88 left"
    assert (shown["workers"], shown["failures"]) == ("8 9", "3: exit code 1")


def test_the_long_list_shows_partition_qos_and_the_place_in_the_queue(capsys: pytest.CaptureFixture[str]) -> None:
    job = nouns.waiting()
    client = FakeClient([replace(job, spec=replace(job.spec, partition="big", qos="low", nice=7, priority=5))])
    assert invoke(["jobs", "--long"], Context(connect=lambda address: client, now=lambda: nouns.NOW)) == 0  # type: ignore[arg-type,return-value]
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split()[-7:] == ["PARTITION", "ACCOUNT", "QOS", "LEVEL", "PRIORITY", "NICE", "WHERE"]
    assert line.split()[-6:] == ["big", "low", "5", "10062.50", "7", "(Resources)"]


def test_a_job_without_a_place_in_the_queue_shows_no_priority() -> None:
    assert "multifactor" not in dict(facts(replace(nouns.waiting(), multifactor=None)))
    assert dict(facts(nouns.waiting()))["multifactor"] == "10062.50"
