"""Tab completion asks the controller for what there is."""

from dataclasses import replace
from typing import Any

import pytest
from click.shell_completion import ShellComplete

from hpcsched.cli.context import Context
from hpcsched.cli.main import cli
from hpcsched.errors import Unreachable
from hpcsched.model.reservation import Reservation
from hpcsched.model.site import Partition, Qos
from hpcsched.model.site_use import PartitionUse, QosUse, Share
from hpcsched.testing.client import FakeClient
from hpcsched.testing.nouns import node, waiting

CLIENT = FakeClient(
    known=[replace(waiting(), id=job_id) for job_id in (7, 71, 8)],
    cluster=[replace(node("n1"), offer=replace(node("n1").offer, features=("epyc", "ib"))), node("m1")],
    reserved=[Reservation("talk", 1.0, 2.0, ("n1",))],
    parted=[PartitionUse(Partition(name), (), 0, 0, 0, 0) for name in ("gpu", "batch")],
    served=[QosUse(Qos(name), 0, 0, 0, 0.0) for name in ("normal", "urgent")],
    shared=[Share("physics", user, 1, 1, 1.0, 0.0, 0.0, None, 0.0) for user in ("", "ada")],
)


def offered(words: list[str], incomplete: str, connect: Any = lambda address: CLIENT) -> list[str]:
    found = ShellComplete(cli, {"obj": Context(connect=connect)}, "hpcsched", "_X").get_completions(words, incomplete)
    return [item.value for item in found]


@pytest.mark.parametrize(
    ("words", "incomplete", "names"),
    [
        (["submit", "-p"], "", ["gpu", "batch"]),
        (["run", "-q"], "u", ["urgent"]),
        (["submit", "-A"], "", ["physics"]),
        (["update", "7", "--reservation"], "t", ["talk"]),
        (["reservation", "show"], "", ["talk"]),
        (["reservation", "delete"], "", ["talk"]),
        (["explain"], "7", ["7", "71"]),
        (["cancel", "7"], "8", ["8"]),
        (["logs", "7", "--node"], "n", ["n1"]),
        (["drain"], "m", ["m1"]),
        (["resume"], "", ["n1", "m1"]),
        (["node"], "n", ["n1"]),
        (["submit", "-w"], "m1,n", ["m1,n1"]),
        (["submit", "-C"], "", ["epyc", "ib"]),
        (["submit", "-C"], "epyc&!i", ["epyc&!ib"]),
        (["reservation", "create", "x", "--nodes"], "m", ["m1"]),
    ],
)
def test_names_that_there_are_and_that_begin_so_are_offered(words: list[str], incomplete: str, names: list[str]) -> None:
    assert offered(words, incomplete) == names
    assert CLIENT.timeout_s <= 1


def test_without_a_controller_nothing_is_offered_and_nothing_said(capsys: pytest.CaptureFixture[str]) -> None:
    def connect(_address: str) -> FakeClient:
        raise Unreachable("no controller")

    assert offered(["explain"], "", connect) == []
    assert capsys.readouterr() == ("", "")
