"""What makes a node unfit for another job, over made-up trees of /proc, /sys and /dev, and over this node's own."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hpcsched.agent.book import Page
from hpcsched.agent.health import Health
from hpcsched.agent.reconcile import Stage
from hpcsched.config import AgentConfig
from hpcsched.errors import ConfigError
from hpcsched.hardware import counters, fitness
from hpcsched.hardware.remains import EndedJob, remains
from hpcsched.model.allocation import Binding, HugePages
from hpcsched.model.container import ContainerSpec, ContainerStatus, DesiredContainer, EndCause, Observed, Phase
from hpcsched.model.device import Device, DeviceKind
from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import Topology
from tests.integration.daemons import eventually

MIB = 1 << 20
NO_CPUS = IdSet()
SEGMENTS = (
    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
    "      atime      dtime      ctime                   rss                  swap\n"
)


class Node:
    """`root` is empty but for what a test writes; the state folder is on a real disk."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.root, self.state = folder / "root", folder / "state"
        self.root.mkdir()
        self.state.mkdir()
        self.config = dataclasses.replace(AgentConfig(state_dir=str(self.state), disk_free="1M"), **settings)  # type: ignore[arg-type]
        self.offer = NodeOffer("n1", Topology((), ()), NO_CPUS, 0, "0", "boot")
        self.changes, self.changed = 0, asyncio.Event()
        self.strangers: set[str] = set()
        self.broken: tuple[str, ...] = ()
        self.idle = True

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def health(self) -> Health:
        return Health(
            self.config, self.offer, self._count, lambda: self.strangers, self.root, lambda: self.idle, lambda: self.broken
        )

    def _count(self) -> None:
        self.changes += 1
        self.changed.set()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def page(runtime: str = "baremetal", started: float = 0.0, init: int = 0, env: tuple[tuple[str, str], ...] = ()) -> Page:
    container = ContainerSpec("job7-x", "host", Binding(NO_CPUS, NO_CPUS), "n1", env=env)
    observed = Observed(runtime, NO_CPUS, NO_CPUS, 0, False, "", init, "")
    status = ContainerStatus(7, Phase.EXITED, observed, start_time=started)
    return Page("job7-x", DesiredContainer(7, runtime, container, None), Stage.ENDED, status, "boot")


async def faults(health: Health, ended: Page | None = None, thorough: bool = False) -> tuple[str, ...]:
    await health.check(ended, thorough)
    return health.faults


async def test_a_node_that_lacks_nothing_has_no_faults_and_tells_nobody(node: Node) -> None:
    assert await faults(node.health(), page(started=time.time()), thorough=True) == ()
    assert node.changes == 0


async def test_a_disk_with_less_room_than_asked_for_is_a_fault(tmp_path: Path) -> None:
    node = Node(tmp_path, disk_free="1P")
    (told,) = await faults(node.health())
    assert "free, less than 1P ([agent] disk_free)" in told
    assert str(node.state) in told
    assert node.changes == 1


def test_auto_asks_for_one_per_cent_of_the_disk_and_a_gibibyte_at_most() -> None:
    assert fitness.wanted_room("auto", 100 * MIB) == MIB
    assert fitness.wanted_room("auto", 1 << 50) == 1 << 30
    assert fitness.wanted_room("2M", 1 << 50) == 2 * MIB


def test_a_room_that_is_no_size_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[agent\] disk_free: bad size 'plenty'"):
        Node(tmp_path, disk_free="plenty").health()


async def test_a_state_folder_that_is_gone_is_a_fault_and_not_a_crash(node: Node) -> None:
    health = node.health()
    node.state.rmdir()
    (told,) = await faults(health)
    assert told.startswith("the health check failed: [Errno 2]")


def test_a_read_only_file_system_is_seen() -> None:
    read_only = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[3].startswith("ro,")]
    if not read_only:
        pytest.skip("no file system is mounted read-only here")
    assert fitness.is_read_only(Path(read_only[0]))


async def test_huge_pages_that_do_not_come_back_are_named_by_numa_node(node: Node) -> None:
    node.offer = dataclasses.replace(node.offer, hugepages=(HugePages(0, 2 * MIB, 8), HugePages(1, 2 * MIB, 8)))
    node.write("sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "8\n")
    node.write("sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "5\n")
    health = node.health()
    assert await faults(health) == ("NUMA node 1 has 5 free huge pages of 2M, it should have 8",)
    node.write("sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "8\n")
    assert await faults(health) == ()
    assert node.changes == 2


async def test_huge_pages_that_a_running_job_has_are_no_fault_and_those_of_one_that_is_gone_are(node: Node) -> None:
    node.offer = dataclasses.replace(node.offer, hugepages=(HugePages(0, 2 * MIB, 8),))
    node.write("sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "5\n")
    health, node.idle = node.health(), False
    assert await faults(health, thorough=True) == ()
    assert await faults(health, page()) == ("NUMA node 0 has 5 free huge pages of 2M, it should have 8",)


def test_a_kernel_without_numa_has_one_pool_of_huge_pages(node: Node) -> None:
    node.write("sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n")
    told = list(fitness.missing_pages([HugePages(0, 1 << 30, 2)], node.root))
    assert told == ["NUMA node 0 has 1 free huge pages of 1G, it should have 2"]


async def test_memory_errors_count_from_the_agents_start_on(node: Node) -> None:
    node.write("sys/devices/system/edac/mc/mc0/ue_count", "3\n")
    node.write("proc/meminfo", "MemTotal: 1 kB\nHardwareCorrupted:     0 kB\n")
    health = node.health()
    assert await faults(health) == ()
    node.write("sys/devices/system/edac/mc/mc0/ue_count", "5\n")
    node.write("proc/meminfo", "MemTotal: 1 kB\nHardwareCorrupted:     4 kB\n")
    assert set(await faults(health)) == {
        "2 uncorrected errors of memory controller mc0 since the agent started",
        "4 kB of memory that the kernel gave up since the agent started",
    }


async def test_machine_checks_are_counted_over_all_cpus_when_there_is_time(node: Node) -> None:
    node.write(
        "proc/interrupts",
        "           CPU0       CPU1\nNMI:   5   5   Non-maskable\nMCE:          0          1   Machine check exceptions\n",
    )
    health = node.health()
    assert await faults(health, thorough=True) == ()
    node.write(
        "proc/interrupts",
        "           CPU0       CPU1\nNMI:   9   9   Non-maskable\nMCE:          2          1   Machine check exceptions\n",
    )
    assert await faults(health) == ()
    assert await faults(health, thorough=True) == ("2 machine check exceptions since the agent started",)
    assert await faults(health) == ("2 machine check exceptions since the agent started",)


async def test_errors_of_the_nodes_gpus_count_from_the_agents_start_on(node: Node) -> None:
    gpu = Device("0000:65:00.0", DeviceKind.GPU, "amd", pci="0000:65:00.0")
    node.offer = dataclasses.replace(node.offer, devices=(gpu,))
    folder = "sys/bus/pci/devices/0000:65:00.0"
    for block, count in (("umc", 0), ("gfx", 1)):
        node.write(f"{folder}/ras/{block}_err_count", f"ue: {count}\nce: 7\n")
    node.write(f"{folder}/aer_dev_fatal", "Undefined 0\nDLP 0\nTOTAL_ERR_FATAL 0\n")
    health = node.health()
    assert await faults(health, thorough=True) == ()
    node.write(f"{folder}/ras/umc_err_count", "ue: 2\nce: 7\n")
    node.write(f"{folder}/aer_dev_fatal", "Undefined 0\nDLP 1\nTOTAL_ERR_FATAL 1\n")
    assert set(await faults(health, thorough=True)) == {
        "1 fatal PCI errors of 0000:65:00.0 since the agent started",
        "2 uncorrected errors of GPU 0000:65:00.0 since the agent started",
    }


def test_what_nvidia_smi_says_is_read_and_a_gpu_without_ecc_left_out() -> None:
    said = ("printf", "00000000:65:00.0, 4\n00000000:CA:00.0, [N/A]\n")
    assert counters.nvidia_errors(said) == {"uncorrected errors of GPU 00000000:65:00.0": 4}
    assert counters.nvidia_errors(("no-such-tool",)) == {}


def test_a_driver_that_does_not_answer_is_given_up() -> None:
    with pytest.raises(TimeoutError, match=r"sleep did not answer within 0\.05 s"):
        counters.nvidia_errors(("sleep", "10"), deadline_s=0.05)


async def test_a_clock_that_must_be_right_is_looked_at_and_another_is_not(tmp_path: Path) -> None:
    node = Node(tmp_path, require_clock_sync=True)
    told = () if fitness.is_clock_synchronised() else ("the clock is not synchronised ([agent] require_clock_sync)",)
    assert await faults(node.health()) == told
    node.config = dataclasses.replace(node.config, require_clock_sync=False)
    assert await faults(node.health()) == ()


async def test_a_container_that_nobody_knows_is_a_fault_until_it_is_gone(node: Node) -> None:
    node.strangers = {"job3-x"}
    health = node.health()
    assert await faults(health, thorough=True) == ("a container that nobody knows: job3-x",)
    assert await faults(health) == ("a container that nobody knows: job3-x",)
    node.strangers = set()
    assert await faults(health, thorough=True) == ()


async def test_a_device_that_no_job_could_be_given_is_a_fault_until_it_is_mended(node: Node) -> None:
    health = node.health()
    node.broken = ("device node /dev/nvidia0 is missing",)
    assert await faults(health) == ()
    assert await faults(health, thorough=True) == node.broken
    assert await faults(health, page()) == ("device node /dev/nvidia0 is missing",)
    node.broken = ()
    assert await health.faults_now() == ()


async def test_a_job_that_could_not_be_started_has_the_devices_looked_at_at_once(node: Node) -> None:
    health = node.health()
    node.broken = ("the NVIDIA kernel module is not loaded",)
    node.idle = False
    watching = asyncio.create_task(health.watch())
    ended = page()
    await health.check(dataclasses.replace(ended, status=dataclasses.replace(ended.status, cause=EndCause.LAUNCH_FAILED)))
    await asyncio.wait_for(node.changed.wait(), 10)
    watching.cancel()
    assert health.faults == node.broken


async def test_files_that_a_job_on_bare_metal_left_are_a_fault_until_they_are_gone(node: Node) -> None:
    node.write("dev/shm/old", "")
    health = node.health()
    started = (node.root / "dev/shm/old").stat().st_ctime + 0.1
    mine = node.root / "dev/shm/sem.mine"
    eventually(lambda: mine.write_text("") == 0 and mine.stat().st_ctime >= started, "the clock has moved on")
    assert await faults(health, page(started=started)) == (f"job 7 left {node.root}/dev/shm/sem.mine",)
    assert await faults(health, thorough=True) == (f"job 7 left {node.root}/dev/shm/sem.mine",)
    (node.root / "dev/shm/sem.mine").unlink()
    assert await faults(health, thorough=True) == ()


async def test_names_that_are_not_utf8_are_told_in_a_form_that_can_be_sent(node: Node) -> None:
    node.write("dev/shm/\udcff", "")
    node.write("proc/61/environ", "HPCSCHED_JOB_ID=7\0")
    node.write("proc/loadavg", "0.1 0.1 0.1 1/100 70\n")
    (node.root / "proc/61/comm").write_bytes(b"\xffx\n")
    ended = page(started=1.0, init=50, env=(("HPCSCHED_JOB_ID", "7"),))
    assert await faults(node.health(), ended) == (f"job 7 left process 61 (\ufffdx), {node.root}/dev/shm/\\udcff",)


async def test_files_are_nobodys_while_a_job_of_another_agent_lives(node: Node) -> None:
    node.write("dev/shm/some", "")
    node.write("proc/61/cgroup", "3:cpuset:/hpcsched/job8-other.mark/payload\n")
    health = node.health()
    assert await faults(health, page(started=1.0)) == ()
    node.write("proc/61/cgroup", "3:cpuset:/\n")
    assert await faults(health, page(started=1.0)) == (f"job 7 left {node.root}/dev/shm/some",)


async def test_what_was_mended_since_the_last_check_is_not_told_again(node: Node) -> None:
    health = node.health()
    node.write("dev/shm/some", "")
    assert len(await faults(health, page(started=1.0))) == 1
    assert len(await health.faults_now()) == 1
    (node.root / "dev/shm/some").unlink()
    assert await health.faults_now() == ()


async def test_an_unwell_node_is_looked_at_again_by_itself_and_an_idle_one_too(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpcsched.agent.health.EVERY_S", 0.001)
    monkeypatch.setattr("hpcsched.agent.health.UNWELL_EVERY_S", 0.001)
    health = node.health()
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        watching = tasks.create_task(health.watch())
        node.strangers = {"job3-x"}
        await node.changed.wait()
        assert health.faults == ("a container that nobody knows: job3-x",)
        node.idle, node.strangers = False, set()
        node.changed.clear()
        await node.changed.wait()
        assert health.faults == ()
        watching.cancel()


async def test_a_container_and_a_job_that_never_started_leave_nothing(node: Node) -> None:
    node.write("dev/shm/some", "")
    assert await faults(node.health(), page("lxc", started=1.0)) == ()
    assert await faults(node.health(), page(started=0.0)) == ()
    assert len(await faults(node.health(), page(started=1.0))) == 1


async def test_many_files_are_counted_and_three_named(node: Node) -> None:
    for number in range(5):
        node.write(f"dev/shm/f{number}", "")
    (told,) = await faults(node.health(), page(started=1.0))
    assert told.startswith("job 7 left ")
    assert told.endswith("f2, 2 more")


def test_a_file_that_a_living_process_has_open_or_mapped_is_not_the_jobs(node: Node) -> None:
    for name in ("open", "mapped", "left"):
        node.write(f"dev/shm/{name}", "")
    node.write("proc/50/maps", f"7f00-7f01 rw-s 00000000 00:18 5    {node.root}/dev/shm/mapped\n")
    (node.root / "proc/50/fd").mkdir()
    (node.root / "proc/50/fd/3").symlink_to(node.root / "dev/shm/open")
    told = [item.told for item in remains(EndedJob(7, (), 0, 1.0), node.root)]
    assert told == [f"{node.root}/dev/shm/left"]


def test_a_dead_process_of_another_job_that_nobody_waited_for_yet_makes_no_doubt_of_a_file(node: Node) -> None:
    node.write("dev/shm/left", "")
    node.write("proc/61/cgroup", "3:cpuset:/hpcsched/job8-other.mark/payload\n")
    node.write("proc/61/stat", "61 (a (Z) b) S 1 61\n")
    assert remains(EndedJob(7, (), 0, 1.0), node.root) == []
    node.write("proc/61/stat", "61 (a (S) b) Z 1 61\n")
    assert [item.told for item in remains(EndedJob(7, (), 0, 1.0), node.root)] == [f"{node.root}/dev/shm/left"]


def test_shared_memory_segments_of_the_jobs_time_that_nobody_uses_are_its(node: Node) -> None:
    row = "{key:>10} {shmid:>10}   600  4096  11  11  {nattch}  0 0 0 0  0 0 {ctime}  0 0\n"
    old, used, left = (
        row.format(key=0, shmid=shmid, nattch=nattch, ctime=ctime)
        for shmid, nattch, ctime in ((1, 0, 99), (2, 1, 101), (3, 0, 100))
    )
    node.write("proc/sysvipc/shm", SEGMENTS + old + used + left)
    found = remains(EndedJob(7, (), 0, 100.9), node.root)
    assert [item.told for item in found] == ["shared memory segment 3"]


@contextmanager
def process(**env: str) -> Iterator[int]:
    """A living one that has exactly these variables."""
    with subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], env=env, stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child.pid
        child.kill()


MARKS = (("HPCSCHED_JOB_ID", "7"), ("HPCSCHED_NODEID", "0"))


def test_a_process_with_the_jobs_variables_that_left_its_control_group_is_its() -> None:
    with process(HPCSCHED_JOB_ID="7", HPCSCHED_NODEID="0", HOME="/") as pid:
        found = remains(EndedJob(7, (*MARKS, ("HOME", "/root")), os.getpid(), time.time()))
        assert [item.told for item in found if item.kind == "process"] == [f"process {pid} (python)"]


def test_a_process_of_a_task_that_has_cpus_and_gpus_of_its_own_is_its() -> None:
    of_the_job = (*MARKS, ("HPCSCHED_CPUS", "0-1"), ("HPCSCHED_GPUS", "a,b"))
    with process(HPCSCHED_JOB_ID="7", HPCSCHED_NODEID="0", HPCSCHED_CPUS="1", HPCSCHED_GPUS="b") as pid:
        found = remains(EndedJob(7, of_the_job, os.getpid(), time.time()))
        assert [item.told for item in found if item.kind == "process"] == [f"process {pid} (python)"]


def test_a_process_of_another_node_or_job_is_not_its() -> None:
    with process(HPCSCHED_JOB_ID="7", HPCSCHED_NODEID="1"):
        found = remains(EndedJob(7, MARKS, os.getpid(), time.time()))
        assert [item for item in found if item.kind == "process"] == []


def test_a_process_in_a_control_group_of_ours_is_of_a_job_that_lives(node: Node) -> None:
    for pid, group in ((60, "/hpcsched/job7-y.abc/payload"), (61, "/")):
        node.write(f"proc/{pid}/environ", "HPCSCHED_JOB_ID=7\0HPCSCHED_NODEID=0\0")
        node.write(f"proc/{pid}/cgroup", f"3:cpuset:{group}\n")
        node.write(f"proc/{pid}/comm", "solver\n")
    node.write("proc/loadavg", "0.1 0.1 0.1 1/100 70\n")
    assert [item.told for item in remains(EndedJob(7, MARKS, 50, 1.0), node.root)] == ["process 61 (solver)"]


@pytest.mark.parametrize(
    ("init", "last", "found"),
    [(50, 70, True), (65, 70, False), (90, 70, True), (59, 60, False), (60, 59, True), (62, 61, True), (62, 60, False)],
)
def test_only_pids_given_out_since_the_job_began_are_looked_at(node: Node, init: int, last: int, found: bool) -> None:
    node.write("proc/61/environ", "HPCSCHED_JOB_ID=7\0HPCSCHED_NODEID=0\0")
    node.write("proc/loadavg", f"0.1 0.1 0.1 1/100 {last}\n")
    seen = remains(EndedJob(7, MARKS, init, 1.0), node.root)
    assert bool(seen) == found


async def test_a_check_that_hangs_is_a_fault_and_keeps_nobody_waiting(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpcsched.agent.health.DEADLINE_S", 0.05)
    (node.root / "proc").mkdir()
    os.mkfifo(node.root / "proc/meminfo")
    health = node.health()
    told = await faults(health)
    (node.root / "proc/meminfo").open("w").close()
    assert told == ("the health check did not end within 0.05 s: a disk or a driver hangs",)
    (node.root / "proc/meminfo").unlink()
    assert await faults(health) == ()
