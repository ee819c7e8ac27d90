"""What the command line says and does about single tasks of arrays."""

import json
from dataclasses import replace

import pytest

from hpcsched.cli.context import Context
from hpcsched.cli.main import invoke
from hpcsched.cli.task import task_of
from hpcsched.cli.waiting import far
from hpcsched.errors import InvalidValue
from hpcsched.model.array import ArrayProgress, Assigned, Following
from hpcsched.testing import nouns
from hpcsched.testing.client import FakeClient

ARRAY = replace(
    nouns.running(),
    spec=replace(nouns.running().spec, array="10-19"),
    array=ArrayProgress(
        10,
        10,
        ((4, 6),),
        b"\3",
        2,
        failed=2,
        failures=((2, "exit code 7"),),
        out=1,
        follows=(Following(5, ((8, 10),)),),
        workers=(99,),
    ),
)
WORKER = replace(nouns.running(), id=99, is_worker=True, assigned=(Assigned(ARRAY.id, ((6, 7),), ()),))


@pytest.mark.parametrize(
    ("task", "state", "message"),
    [
        (10, "COMPLETED", ""),
        (12, "FAILED", "exit code 7"),
        (13, "ENDED", "it failed or was cancelled"),
        (15, "PENDING", ""),
        (16, "RUNNING", "runs, or is next in its worker"),
        (18, "PENDING", "waits for task 5_18"),
    ],
)
def test_a_task_is_told_by_its_array_and_the_array_s_workers(task: int, state: str, message: str) -> None:
    found = task_of(replace(ARRAY, message=""), task, [WORKER])
    assert (found.state, found.message) == (state, message)


def test_a_task_that_is_none_of_the_failed_ones_was_cancelled() -> None:
    assert task_of(replace(ARRAY, array=replace(ARRAY.array, failed=1)), 13, ()).state == "CANCELLED"  # type: ignore[type-var]


def test_how_far_an_array_is_fits_on_one_line() -> None:
    assert ARRAY.array is not None
    assert far(ARRAY, ARRAY.array) == f"job {ARRAY.id}  {'━' * 12}{' ' * 18} 4/10 tasks, 2 failed"


def test_a_task_that_there_is_not_is_refused() -> None:
    for job, task in ((ARRAY, 9), (nouns.waiting(), 0)):
        with pytest.raises(InvalidValue):
            task_of(job, task, ())


def call(client: FakeClient, *args: str) -> int:
    return invoke(list(args), Context(connect=lambda _: client, now=lambda: 1_000_000.0))


def test_job_with_a_task_tells_of_that_one(capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient(known=[ARRAY, WORKER])
    assert call(client, "job", f"{ARRAY.id}_16") == 0
    assert f"id       {ARRAY.id}_16\nstate    RUNNING\n" in capsys.readouterr().out
    assert call(client, "job", f"{ARRAY.id}_12", "--output", "json") == 0
    assert json.loads(capsys.readouterr().out)["message"] == "exit code 7"


def test_cancel_names_jobs_and_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient(known=[ARRAY])
    number = str(ARRAY.id)
    assert call(client, "cancel", number, f"{number}_3", f"{number}_[3-5,9]") == 0
    assert [entry for entry in client.calls if entry[0].startswith("cancel")] == [
        ("cancel", ARRAY.id),
        ("cancel 3", ARRAY.id),
        ("cancel 3-5,9", ARRAY.id),
    ]
    assert call(client, "cancel", f"{number}_x") == 2
    assert "behind _ stand ids of tasks" in capsys.readouterr().err


def test_jobs_lists_workers_on_request_and_says_that_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient(known=[ARRAY, WORKER])
    assert call(client, "jobs") == 0
    assert "99" not in capsys.readouterr().out
    assert call(client, "jobs", "--workers") == 0
    assert "(worker)" in capsys.readouterr().out.splitlines()[-1]
