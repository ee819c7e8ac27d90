"""The machines that tests run on: NUMA layouts of the test bed (its README names them), and the tests for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Guest:
    """`machine`: options of the test bed's run.sh. `tests`: paths as pytest takes them. `agent`: lines of its settings.

    `limit_s`: then it is given up. `extra`: runs when it is named only.
    """

    name: str
    machine: tuple[str, ...]
    tests: tuple[str, ...]
    agent: tuple[str, ...] = ()
    limit_s: int = 600
    extra: bool = False


PLACEMENT = "tests/numa/test_placement.py"
TASKS = "tests/numa/test_tasks.py"
LIMITS = "tests/numa/test_limits.py"
GPUS = "tests/numa/test_gpus.py"
HUGE_PAGES = "tests/numa/test_hugepages.py"
PARTITION = "tests/numa/test_partition.py"
RESTARTS = "tests/numa/test_restarts.py"
SYSTEMD = "tests/numa/test_systemd.py"
MEMORY_ONLY = "tests/numa/test_memory_only_node.py"
FREEZER = "tests/numa/test_freezer.py"
WORKERS = "tests/numa/test_workers.py"
BENCH = "tests/numa/test_bench.py"
CONTRACT = "tests/contract/test_runtime.py"


def _each(option: str, values: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for value in values for word in (option, value))


SOME_PLACEMENT = tuple(
    f"{PLACEMENT}::{name}"
    for name in (
        "test_the_node_offers_the_numa_nodes_that_the_kernel_has",
        "test_a_job_spread_over_the_nodes_has_as_many_cores_of_each",
        "test_a_job_that_needs_the_memory_of_two_nodes_takes_the_nearest_beside_its_own",
    )
)
"""Those for which the layout matters most: emulated machines are slow."""
THREE_GPUS = ("--gpu", "0", "--gpu", "1", "--gpu", "1")
TWO_POOLS = ("--hugepages", "0:16,1:16")
ISOLATED, ROOT = 'cpu_partition = "isolated"', 'cpu_partition = "root"'

FOUR = ("0-1:768M", "2-3:512M", "4-5:512M", "6-7:512M")
DISTANCES = ("0,1,12", "0,2,32", "0,3,32", "1,2,32", "1,3,32", "2,3,12")
EIGHT = ("0-1:768M", *(f"{first}-{first + 1}:384M" for first in range(2, 16, 2)))
"""With room for the tests themselves: the kernel kills the largest process that uses a full NUMA node, whoever filled it."""

GUESTS = (
    Guest("systemd", ("--topo", "2n", "--systemd", *THREE_GPUS), (SYSTEMD, RESTARTS, PARTITION), (ROOT, "reserved_cores = 1")),
    Guest(
        "2n+mem",
        ("--topo", "2n+mem", *THREE_GPUS, *TWO_POOLS),
        (MEMORY_ONLY, GPUS, HUGE_PAGES, LIMITS),
        ("pids_limit = 100",),
    ),
    Guest(
        "4n",
        ("--smp", "2,2,2", *_each("--node", FOUR), *_each("--dist", DISTANCES)),
        (PLACEMENT, TASKS, WORKERS, PARTITION),
        (ISOLATED,),
    ),
    Guest("8n", ("--smp", "2,8,1", *_each("--node", EIGHT)), SOME_PLACEMENT),
    Guest("2n-inter", ("--topo", "2n-inter"), (*SOME_PLACEMENT, FREEZER)),
    Guest("bench", ("--topo", "2n"), (BENCH,), limit_s=1200),
    Guest("contract", ("--topo", "2n"), (CONTRACT,), limit_s=1500, extra=True),
)
