"""Which node of a job a caller means, and whether the job ever wrote anything there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.controller.channels import NAMED_NODES, never_ran, node_of
from hpcsched.errors import NotFound
from hpcsched.model.allocation import Allocation
from hpcsched.model.container import ContainerStatus, EndCause, Phase
from hpcsched.model.job import Job
from hpcsched.testing import nouns


def job_on(*names: str, parts: tuple[ContainerStatus | None, ...] = ()) -> Job:
    bindings = tuple(nouns.allocation(name).bindings[0] for name in names)
    return replace(nouns.running(), allocation=Allocation(bindings), parts=parts or (None,) * len(names))


def ended(cause: EndCause, start_time: float = 0.0) -> ContainerStatus:
    return ContainerStatus(2, Phase.EXITED, cause=cause, start_time=start_time)


def test_a_node_is_the_one_of_that_name_and_without_a_name_the_first() -> None:
    job = job_on("n4", "n3")
    assert [node_of(job, asked) for asked in ("n3", "n4", "")] == ["n3", "n4", "n4"]


def test_a_node_that_the_job_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(NotFound, match=r"^job 2 has no node 'n9': it has n4, n3$"):
        node_of(job_on("n4", "n3"), "n9")


def test_of_a_large_job_only_some_nodes_are_named() -> None:
    with pytest.raises(NotFound, match=rf"n{NAMED_NODES - 1} and 4 more$"):
        node_of(job_on(*(f"n{number}" for number in range(NAMED_NODES + 4))), "x")


def test_a_job_that_waits_has_no_node_to_name() -> None:
    with pytest.raises(NotFound, match=r"^job 3 has no node 'n1': it has none$"):
        node_of(nouns.waiting(), "n1")


@pytest.mark.parametrize(
    ("part", "never"),
    [
        (None, False),
        (ContainerStatus(2, Phase.RUNNING), False),
        (ended(EndCause.EXIT, 1.0), False),
        (ended(EndCause.LOST), False),
        (ended(EndCause.STOPPED, 1.0), False),
        (ended(EndCause.STOPPED), True),
        (ended(EndCause.LAUNCH_FAILED), True),
        (ended(EndCause.BINDING_MISMATCH, 1.0), True),
    ],
)
def test_each_node_has_output_unless_its_own_part_never_ran(part: ContainerStatus | None, never: bool) -> None:
    job = replace(job_on("n4", "n3", parts=(ended(EndCause.EXIT, 1.0), part)), cause=EndCause.LAUNCH_FAILED)
    assert (never_ran(job, "n4"), never_ran(job, "n3")) == (False, never)
