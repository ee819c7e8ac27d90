"""How the tasks of a job share its part of a node."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest, TaskBind
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Cache
from hpcsched.sched.binding import bind
from hpcsched.testing.topologies import grid, offer_of, uneven
from tests.captures import XML_FILES, each, machine

GIB = 1 << 30
NODE = offer_of(grid(packages=2, nodes=2, caches=2, cores=4, pus=2))
"""Four NUMA nodes of two caches of four cores; core c has the PUs c and c+32."""
SINGLE = offer_of(grid(packages=2, caches=2, cores=4, pus=1))
"""Two NUMA nodes of two caches of four cores of one PU, numbered through."""
READABLE = [path for path in XML_FILES if path.parent.name in ("mpibind", "flux")]
"""Captures of the versions of the format that hwloc 2.9's programs read."""


def tasks(offer: NodeOffer, count: int, size: int = 0, bind_: TaskBind = TaskBind.CORES, **request: object) -> list[str]:
    asked = ResourceRequest(ntasks_per_node=count, cpus_per_task=size, bind=bind_, **request)  # type: ignore[arg-type]
    return [str(task.cpus) for task in bind(offer, asked).tasks]


def test_a_job_without_tasks_has_none() -> None:
    assert bind(NODE, ResourceRequest()).tasks == ()


def test_without_cpus_per_task_all_cpus_are_shared_out() -> None:
    assert tasks(SINGLE, 1) == ["0-15"]
    assert tasks(SINGLE, 2) == ["0-7", "8-15"]
    assert tasks(SINGLE, 4) == ["0-3", "4-7", "8-11", "12-15"]
    assert tasks(SINGLE, 3) == ["0-3", "4-7", "8-15"]
    assert tasks(SINGLE, 16) == [str(number) for number in range(16)]


def test_more_tasks_than_cores_have_threads_of_their_own() -> None:
    assert tasks(offer_of(grid(cores=2, pus=2)), 3) == ["0", "2", "1,3"]


def test_tasks_follow_a_cache_that_some_cores_share_inside_the_outermost() -> None:
    """Three L2 caches of two cores inside one L3: two tasks are not cut through the second L2."""
    topology = grid(cores=6, pus=1)
    inner = tuple(Cache(2, 1 << 20, IdSet.parse(cores)) for cores in ("0-1", "2-3", "4-5"))
    assert tasks(offer_of(replace(topology, caches=(*topology.caches, *inner))), 2) == ["0-1", "2-5"]


def test_the_tasks_take_only_what_they_ask_for_close_together() -> None:
    assert tasks(SINGLE, 2, 2) == ["0-1", "2-3"]
    assert tasks(SINGLE, 3, 4) == ["0-3", "4-7", "8-11"]
    assert str(bind(SINGLE, ResourceRequest(ntasks_per_node=2, cpus_per_task=2)).cpus) == "0-3"


def test_tasks_that_ask_for_little_are_spread_when_the_job_has_more() -> None:
    assert tasks(SINGLE, 2, 2, cpus_per_node=16) == ["0-1", "8-9"]
    assert tasks(SINGLE, 4, 1, cpus_per_node=16) == ["0", "4", "8", "12"]
    assert tasks(SINGLE, 4, 1, cores_per_node=8) == ["0", "1", "4", "5"]
    assert tasks(SINGLE, 4, 1, numa="spread") == ["0", "1", "8", "9"]


def test_each_task_is_inside_one_cache_while_there_are_enough() -> None:
    assert tasks(SINGLE, 3, 3) == ["0-2", "4-6", "8-10"]
    assert tasks(SINGLE, 3, 3, cpus_per_node=9) == ["0-2", "4-6", "8-10"]


def test_a_task_that_no_cache_has_left_is_inside_one_numa_node() -> None:
    assert tasks(offer_of(grid(caches=3, cores=4, pus=1)), 4, 3) == ["0-2", "4-6", "8-10", "3,7,11"]
    assert tasks(SINGLE, 2, 6) == ["0-5", "8-13"]


def test_a_task_larger_than_a_numa_node_lies_on_several() -> None:
    assert tasks(SINGLE, 1, 10) == ["0-9"]


def test_two_tasks_share_a_core_only_when_it_holds_both_whole() -> None:
    assert tasks(NODE, 3, 1) == ["0", "32", "1"]
    assert tasks(NODE, 2, 3) == ["0-1,32", "2-3,34"]
    assert tasks(NODE, 2, 1, threads_per_core=1) == ["0", "1"]


def test_tasks_share_cores_in_pieces_rather_than_not_running() -> None:
    assert tasks(offer_of(grid(cores=3, pus=2)), 2, 3) == ["0-1,3", "2,4-5"]


def test_tasks_are_placed_by_threads_where_cores_differ() -> None:
    topology = uneven([[[3]]], 2, lambda _: GIB)
    offer = offer_of(topology, cpus=topology.pus - IdSet.of([3]))
    assert tasks(offer, 2, 2) == ["0-1", "2,5"]


def test_tasks_of_caches_have_whole_caches() -> None:
    assert tasks(SINGLE, 2, 1, TaskBind.L3) == ["0-3", "4-7"]
    assert tasks(SINGLE, 2, 5, TaskBind.L3) == ["0-7", "8-15"]
    assert tasks(SINGLE, 3, 0, TaskBind.L3) == ["0-3", "4-7", "8-15"]


def test_tasks_of_numa_nodes_have_whole_numa_nodes() -> None:
    assert tasks(SINGLE, 2, 1, TaskBind.NUMA) == ["0-7", "8-15"]
    assert tasks(SINGLE, 2, 0, TaskBind.NUMA) == ["0-7", "8-15"]
    assert tasks(SINGLE, 1, 9, TaskBind.NUMA) == ["0-15"]


def test_more_tasks_than_caches_or_numa_nodes_have_cores_of_their_own_inside() -> None:
    assert tasks(SINGLE, 4, 2, TaskBind.NUMA) == ["0-1", "2-3", "4-5", "6-7"]
    assert tasks(SINGLE, 4, 0, TaskBind.NUMA) == ["0-3", "4-7", "8-11", "12-15"]
    assert tasks(SINGLE, 8, 0, TaskBind.L3) == ["0-1", "2-3", "4-5", "6-7", "8-9", "10-11", "12-13", "14-15"]


def test_unbound_tasks_share_all_cpus() -> None:
    assert tasks(SINGLE, 2, 3, TaskBind.NONE) == ["0-2,4-6"] * 2
    assert tasks(SINGLE, 2, 0, TaskBind.NONE, cores_per_node=3) == ["0-2"] * 2


def test_each_task_has_the_memory_of_its_own_cpus() -> None:
    binding = bind(SINGLE, ResourceRequest(ntasks_per_node=2))
    assert [str(task.mems) for task in binding.tasks] == ["0", "1"]
    assert [str(task.mems) for task in bind(SINGLE, ResourceRequest(ntasks_per_node=1)).tasks] == ["0-1"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            ResourceRequest(ntasks_per_node=16, cpus_per_task=8),
            "asks for 16 tasks of 8 cpus per node, which need 128 cpus, node n1 hands out 64",
        ),
        (
            ResourceRequest(ntasks_per_node=16, cpus_per_task=4, threads_per_core=1, numa="0-1"),
            "asks for 16 tasks of 4 cpus per node, which need 64 cpus with 1 per core on NUMA nodes 0-1, node n1 hands out 16",
        ),
        (ResourceRequest(ntasks_per_node=65), "asks for 65 tasks per node, node n1 hands out 64 cpus"),
    ],
)
def test_tasks_that_do_not_fit_are_refused_with_what_they_need(request_: ResourceRequest, message: str) -> None:
    with pytest.raises(Infeasible) as caught:
        bind(NODE, request_)
    assert str(caught.value) == message


def test_tasks_that_do_not_fit_into_what_the_job_asks_for_are_invalid() -> None:
    with pytest.raises(InvalidValue, match="asks for 4 tasks of 4 cpus per node, but for 8 cpus of node n1 only"):
        bind(NODE, ResourceRequest(cpus_per_node=8, ntasks_per_node=4, cpus_per_task=4))


def hwloc_distrib(path: Path, count: int) -> list[str]:
    done = subprocess.run(["hwloc-distrib", "-i", str(path), str(count)], capture_output=True, text=True, check=True)
    parts = [line.split(",") for line in done.stdout.split()]
    return [str(IdSet(int("".join(part[2:].rjust(8, "0") for part in line), 16))) for line in parts]


@pytest.mark.skipif(shutil.which("hwloc-distrib") is None, reason="hwloc-distrib is not installed")
@each(READABLE)
def test_all_cpus_are_shared_out_as_hwloc_distrib_does(path: Path) -> None:
    """Equal for every count of tasks up to the number of PUs that was tried, on every machine."""
    offer = offer_of(machine(path))
    for count in (1, 2, 3, 4, 5, 7, 8, 12, 16, 24, 36, 40, len(offer.topology.cores), len(offer.cpus)):
        assert tasks(offer, count) == hwloc_distrib(path, count)
