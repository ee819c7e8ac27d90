"""Huge pages of a made-up /sys, and what a node that owns a part of the machine has of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hpcsched.agent.offer import share_of_pools
from hpcsched.hardware.hugepages import read_pools
from hpcsched.model.allocation import HugePages
from hpcsched.model.units import GIB, MIB
from hpcsched.sched.shares import restrict, share
from hpcsched.testing.topologies import grid


def pool(folder: Path, kib: int, count: str, surplus: int = 0) -> None:
    place = folder / f"hugepages/hugepages-{kib}kB"
    place.mkdir(parents=True)
    (place / "nr_hugepages").write_text(count)
    (place / "surplus_hugepages").write_text(f"{surplus}\n")


def test_pools_are_read_by_numa_node_and_size(tmp_path: Path) -> None:
    nodes = tmp_path / "sys/devices/system/node"
    pool(nodes / "node10", 2048, "7\n")
    pool(nodes / "node2", 1048576, "1\n")
    pool(nodes / "node2", 2048, "512\n", surplus=9)
    pool(nodes / "node0", 2048, "0\n")
    assert read_pools(tmp_path) == (HugePages(2, 2 * MIB, 512), HugePages(2, GIB, 1), HugePages(10, 2 * MIB, 7))


def test_without_numa_all_pages_count_on_node_0(tmp_path: Path) -> None:
    pool(tmp_path / "sys/kernel/mm", 2048, "33\n")
    assert read_pools(tmp_path) == (HugePages(0, 2 * MIB, 33),)
    (tmp_path / "sys/devices/system/node/node0").mkdir(parents=True)
    assert read_pools(tmp_path) == (HugePages(0, 2 * MIB, 33),)


def test_pools_of_the_machine_are_not_counted_beside_those_of_its_nodes(tmp_path: Path) -> None:
    pool(tmp_path / "sys/kernel/mm", 2048, "33\n")
    pool(tmp_path / "sys/devices/system/node/node0", 2048, "33\n")
    assert read_pools(tmp_path) == (HugePages(0, 2 * MIB, 33),)


def test_a_kernel_without_huge_pages_and_figures_that_are_none_give_no_pool(tmp_path: Path) -> None:
    assert read_pools(tmp_path) == ()
    nodes = tmp_path / "sys/devices/system/node"
    for index, text in enumerate(("", "-1", "many", "\u0663", "9" * 40)):
        pool(nodes / f"node{index}", 2048, text)
    pool(nodes / "node9x", 2048, "5")
    assert read_pools(tmp_path) == ()


def test_this_node_says_what_its_kernel_says() -> None:
    files = Path("/sys/devices/system/node").glob("node*/hugepages/hugepages-*/nr_hugepages")
    assert sum(pool.count for pool in read_pools()) == sum(int(file.read_text()) for file in files)


MACHINE = grid(packages=2, cores=6, pus=1, memory=8 * GIB)
POOLS = (HugePages(0, 2 * MIB, 7), HugePages(0, GIB, 1), HugePages(1, 2 * MIB, 4))


def test_a_node_that_is_the_whole_machine_has_all_pools() -> None:
    assert share_of_pools(POOLS, MACHINE, MACHINE) == POOLS


def test_a_node_has_pages_where_it_has_memory() -> None:
    left = restrict(MACHINE, share(MACHINE, 2)[0])
    assert share_of_pools(POOLS, MACHINE, left) == POOLS[:2]
    assert share_of_pools(POOLS, replace(MACHINE, numa_nodes=()), left) == ()


@given(st.integers(1, 12), st.lists(st.integers(0, 9), min_size=2, max_size=2))
def test_the_nodes_of_a_machine_have_no_more_pages_than_it_has(count: int, pages: list[int]) -> None:
    pools = tuple(HugePages(numa, 2 * MIB, number) for numa, number in enumerate(pages) if number)
    parts = [share_of_pools(pools, MACHINE, restrict(MACHINE, cpus)) for cpus in share(MACHINE, count)]
    for whole in pools:
        given_out = sum(mine.count for part in parts for mine in part if mine.numa == whole.numa)
        assert whole.count - len(parts) < given_out <= whole.count
