"""What is seen of a running job: the kernel's formats, and how readings become one result."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hpcsched.agent.others import share_of_others
from hpcsched.agent.sampling import Reading, Sampler, Sampling, sampled
from hpcsched.hardware import disturbance
from hpcsched.hardware.disturbance import CpuTimes
from hpcsched.model.allocation import Binding
from hpcsched.model.container import Observed, Sampled
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Topology

V1 = """total=40 N0=20 N1=20
file=30 N0=5 N1=25
anon=10 N0=10 N1=0
unevictable=0 N0=0 N1=0
hierarchical_total=60 N0=30 N1=30
hierarchical_file=20 N0=0 N1=20
hierarchical_anon=40 N0=30 N1=10
hierarchical_unevictable=0 N0=0 N1=0
"""
V2 = """anon N0=4096 N1=12288
file N0=0 N1=999424
kernel_stack N0=0 N1=0
anon_thp N0=0 N1=0
"""
MEMS = IdSet.parse("0")


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.mark.parametrize(
    ("text", "mems", "share"), [(V1, "0", 0.25), (V1, "1", 0.75), (V1, "0-1", 0.0), (V2, "0", 0.75), (V2, "2", 1.0)]
)
def test_memory_on_other_nodes_is_a_share_of_the_anonymous_pages_of_the_group_and_all_below(
    tmp_path: Path, text: str, mems: str, share: float
) -> None:
    write(tmp_path, "memory.numa_stat", text)
    assert disturbance.misplaced(tmp_path, IdSet.parse(mems)) == share


def test_a_group_without_memory_has_none_far_away_and_a_kernel_without_the_file_says_nothing(tmp_path: Path) -> None:
    assert disturbance.misplaced(tmp_path, MEMS) is None
    write(tmp_path, "memory.numa_stat", "anon N0=0 N1=0\n")
    assert disturbance.misplaced(tmp_path, MEMS) == 0.0


def test_migrations_are_counted_for_every_thread_of_every_process(tmp_path: Path) -> None:
    for pid, tid, count in ((10, 10, 3), (10, 11, 4), (20, 20, 0)):
        write(
            tmp_path,
            f"proc/{pid}/task/{tid}/sched",
            f"solver (10, #threads: 2)\n---\nse.exec_start : 1.5\nse.nr_migrations     :    {count}\n",
        )
    assert disturbance.migrations([10, 20, 99], tmp_path) is None
    write(tmp_path, "proc/self/sched", "")
    assert disturbance.migrations([10, 20, 99], tmp_path) == {"10/10": 3, "10/11": 4, "20/20": 0}


def test_heat_is_counted_by_core_and_once_for_each_package(tmp_path: Path) -> None:
    for cpu, package, core, all_cores in ((0, 0, 2, 5), (1, 0, 1, 5), (8, 1, 0, 7)):
        folder = f"sys/devices/system/cpu/cpu{cpu}"
        write(tmp_path, f"{folder}/thermal_throttle/core_throttle_count", f"{core}\n")
        write(tmp_path, f"{folder}/thermal_throttle/package_throttle_count", f"{all_cores}\n")
        write(tmp_path, f"{folder}/topology/physical_package_id", f"{package}\n")
    assert disturbance.heat_throttles([0, 1, 8], tmp_path) == 3 + 5 + 7
    assert disturbance.heat_throttles([0, 2], tmp_path) is None


def test_quotas_of_the_groups_above_count_too(tmp_path: Path) -> None:
    write(tmp_path, "a/cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 5\n")
    write(tmp_path, "a/b/cpu.stat", "usage_usec 4\nnr_periods 9\nnr_throttled 3\n")
    assert disturbance.quota_throttles(tmp_path / "a/b", tmp_path) == 5
    assert disturbance.quota_throttles(tmp_path, tmp_path) is None


def test_steal_is_of_the_jobs_cpus_and_guests_are_not_counted_twice(tmp_path: Path) -> None:
    write(
        tmp_path,
        "proc/stat",
        "cpu  1 1 1 1 1 1 1 1 1 1\ncpu0 10 0 10 70 0 0 0 10 9 9\ncpu1 5 5 5 5 5 5 5 5 0 0\ncpu11 9 9 9 9 9 9 9 9 9 9\nintr 5\n",
    )
    assert disturbance.cpu_times(IdSet.parse("0"), tmp_path) == CpuTimes(cpus=1, busy=20, steal=10, total=100)
    assert disturbance.cpu_times(IdSet.parse("0-1"), tmp_path) == CpuTimes(cpus=2, busy=45, steal=15, total=140)
    assert disturbance.cpu_times(IdSet.parse("5"), tmp_path) is None


def test_readings_become_the_worst_share_the_last_counts_and_what_has_risen() -> None:
    seen = [
        Reading(0.0, {"1/1": 1}, 10, CpuTimes(1, 500, 100, 1000), 2.0),
        Reading(0.5, {"1/1": 3, "2/2": 4}, 11, CpuTimes(1, 950, 110, 1500), 4.0),
        Reading(0.1, {"2/2": 6}, 13, CpuTimes(1, 1400, 150, 2000), 9.0),
    ]
    assert sampled(seen) == Sampled(3, 0.5, 9, 3, 0.05, 0.2)


def test_what_the_kernel_does_not_say_is_minus_one() -> None:
    assert sampled([Reading(), Reading()]) == Sampled(2, -1.0, -1, -1, -1.0, -1.0)


def test_a_run_too_short_for_the_clock_has_no_steal_and_unknown_others() -> None:
    none = sampled([Reading(times=CpuTimes(1, 50, 5, 100), used_s=1.0)] * 2)
    assert (none.steal, none.others) == (0.0, -1.0)


def test_others_are_counted_while_the_control_group_of_the_job_was_there() -> None:
    gone = Reading(times=CpuTimes(1, 900, 0, 2000))
    there = [Reading(times=CpuTimes(1, busy, 0, busy), used_s=busy / 200) for busy in (100, 200)]
    assert sampled([*there, gone]).others == 0.5
    assert sampled([gone]).others == -1.0


@pytest.mark.parametrize(("cpus", "total"), [(1, 200), (2, 4000), (64, 12800)])
def test_what_the_job_did_not_use_of_busy_cpus_went_to_others(cpus: int, total: int) -> None:
    assert share_of_others(CpuTimes(cpus, total, 0, total), used_s=total / 400) == pytest.approx(0.75)
    assert share_of_others(CpuTimes(cpus, total, 0, total), used_s=total / 100) == 0.0


@pytest.mark.parametrize(("busy", "told"), [(504, 0.0), (560, 0.06)])
def test_of_cpus_that_are_busy_half_of_the_time_less_is_told(busy: int, told: float) -> None:
    """Ticks of 1000 that find a CPU busy, which is so every other time: give or take 3 x 16."""
    assert share_of_others(CpuTimes(2, busy, 0, 1000), used_s=5.0) == pytest.approx(told)


def test_a_job_that_seems_to_use_more_than_there_was_has_no_others() -> None:
    assert share_of_others(CpuTimes(2, 400, 0, 400), used_s=4.2) == 0.0
    assert share_of_others(CpuTimes(2, 410, 0, 400), used_s=0.0) == 1.0
    assert share_of_others(CpuTimes(1, -50, 0, 400), used_s=1.0) == 0.0


def test_of_a_fifth_of_a_second_nothing_is_said() -> None:
    assert share_of_others(CpuTimes(2, 39, 0, 39), used_s=0.0) == -1.0
    assert share_of_others(CpuTimes(2, 40, 0, 40), used_s=0.1) == 0.75


async def test_a_run_is_looked_at_first_and_last_and_in_between() -> None:
    looks = iter(range(1_000_000))
    third = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look() -> Reading:
        number = next(looks)
        if number == 2:
            loop.call_soon_threadsafe(third.set)
        return Reading(throttled=number)

    with ThreadPoolExecutor(1) as thread:
        sampler = Sampler(look, thread, every_s=0.001)
        async with asyncio.timeout(10):
            await third.wait()
            seen = await sampler.finish()
            await sampler.stop()
    assert seen.samples == next(looks) >= 4
    assert seen.throttled == seen.samples - 1


async def test_looking_does_not_hold_up_the_loop() -> None:
    """Each look waits for what only the loop can do."""
    went, free = [], threading.Event()

    def look() -> Reading:
        went.append(free.wait(20))
        return Reading()

    with ThreadPoolExecutor(1) as thread:
        sampler = Sampler(look, thread, every_s=10)
        asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_soon(free.set))
        await asyncio.sleep(0)
        await sampler.finish()
    assert went == [True, True]


@pytest.mark.parametrize("answered", [0, 1])
async def test_the_end_of_a_job_does_not_wait_for_a_look_that_hangs(answered: int) -> None:
    looks, begun, free = iter(range(1_000_000)), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def look() -> Reading:
        loop.call_soon_threadsafe(begun.set)
        if next(looks) >= answered:
            free.wait()
        return Reading()

    with ThreadPoolExecutor(1) as thread:
        sampler = Sampler(look, thread, every_s=10, patience_s=0.05)
        try:
            async with asyncio.timeout(30):
                await begun.wait()
                seen = await sampler.finish()
                await sampler.stop()
        finally:
            free.set()
    assert seen.samples == answered


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


def observed_here(pid: int) -> Observed:
    return Observed("baremetal", IdSet(), IdSet(), 0, False, "/nowhere", pid, "")


async def test_nothing_is_looked_at_when_the_site_does_not_want_it_or_the_container_was_not_seen() -> None:
    binding = Binding(IdSet.parse("0"), MEMS)
    async with Sampling(Topology((), ()), 0.0).of(observed_here(os.getpid()), binding) as sampler:
        assert sampler is None
    async with Sampling(Topology((), ()), 1.0).of(None, binding) as sampler:
        assert sampler is None


async def test_a_container_that_is_gone_meanwhile_is_no_trouble() -> None:
    cpus = IdSet.of(sorted(os.sched_getaffinity(0))[:1])
    async with Sampling(Topology((), ()), 1.0).of(observed_here(dead_pid()), Binding(cpus, MEMS)) as sampler:
        assert sampler is not None
        seen = await sampler.finish()
    assert seen.samples in (1, 2)
    assert seen.misplaced == -1.0
    assert seen.steal >= 0.0


async def test_looking_is_done_on_cpus_that_the_job_does_not_have() -> None:
    mine = IdSet.of(os.sched_getaffinity(0))
    if len(mine) < 2:
        pytest.skip("needs two CPUs")
    job = IdSet.of((mine.first(),))
    sampling = Sampling(Topology((), ()), 1.0)
    async with sampling.of(observed_here(os.getpid()), Binding(job, MEMS)) as sampler:
        assert sampler is not None
        await sampler.finish()
        on = await asyncio.get_running_loop().run_in_executor(sampling._thread, os.sched_getaffinity, 0)
    assert IdSet.of(on) == mine - job
    assert IdSet.of(os.sched_getaffinity(0)) == mine
