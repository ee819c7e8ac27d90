"""The calls that change jobs in mid-life."""

from __future__ import annotations

import pytest

from hpcsched.cli.context import Context
from hpcsched.cli.main import invoke
from hpcsched.errors import Conflict
from hpcsched.model.change import JobChange
from hpcsched.testing import nouns
from hpcsched.testing.client import FakeClient


def call(client: FakeClient, *args: str) -> int:
    return invoke(list(args), Context(connect=lambda _: client, now=lambda: 1_000_000.0))


def told(client: FakeClient, verb: str) -> list[tuple[object, ...]]:
    return [entry[1:] for entry in client.calls if entry[0] == verb]


@pytest.mark.parametrize("verb", ["requeue", "suspend"])
def test_each_job_is_told_and_one_that_fails_is_named(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient(refuses={2: Conflict("job 2 is PENDING")})
    assert call(client, verb, "1", "2", "3") == 1
    assert told(client, verb) == [(1,), (2,), (3,)]
    assert capsys.readouterr().err == "hpcsched: job 2 is PENDING\n"


def test_resume_takes_a_number_for_a_job_unless_a_node_has_that_name() -> None:
    client = FakeClient(cluster=[nouns.node("n1"), nouns.node("7")])
    assert call(client, "resume", "n1", "7", "8") == 0
    assert told(client, "resume") == [("n1",), ("7",)]
    assert told(client, "resume_job") == [(8,)]


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (["--time", "2:00:00"], JobChange(time_limit_s=7200)),
        (["--nodes", "4"], JobChange(nodes=4)),
        (["--nodes", "2-4"], JobChange(nodes=2, max_nodes=4)),
        (
            ["-p", "long", "-A", "chem", "-q", "low", "-C", "ib"],
            JobChange(partition="long", account="chem", qos="low", constraint="ib"),
        ),
        (["--after", ""], JobChange(dependency="")),
        (["--begin", "", "--deadline", ""], JobChange(begin_time=0.0, deadline=0.0)),
        (["--no-requeue", "--nice", "-5"], JobChange(requeue=False, nice=-5)),
        (["--begin", "now+1m", "--name", "x"], JobChange(begin_time=1_000_060.0, name="x")),
    ],
)
def test_update_sends_what_is_named_and_nothing_else(options: list[str], change: JobChange) -> None:
    client = FakeClient(known=[nouns.waiting()])
    number = str(client.known[0].id)
    assert call(client, "update", number, *options) == 0
    assert told(client, "update") == [(int(number), change)]


def test_update_without_a_change_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(FakeClient(), "update", "1") == 2
    assert "nothing to change" in capsys.readouterr().err
