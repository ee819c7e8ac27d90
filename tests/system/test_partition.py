"""cpuset partitions of containers, in the folder that agents of one node share; cgroup v2 alone."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from hpcsched.hardware.cgroup_layout import FOLDER, MONITORS, read, read_layout
from hpcsched.hardware.cgroup_partition import unified_cpuset
from hpcsched.model.allocation import Binding
from hpcsched.model.idset import IdSet
from hpcsched.plugins import load
from tests.containers import MEMS, MIB, Shell, a_spec, eventually, opened

pytestmark = pytest.mark.system


@pytest.fixture(scope="module", autouse=True)
def root():
    """The hierarchy's mount."""
    hierarchy = unified_cpuset(read_layout(Path("/proc/self/mountinfo").read_text()))
    if hierarchy is None:
        pytest.skip("cgroup v1 has no cpuset partitions")
    return hierarchy.mount


@pytest.fixture
def cpus(root):
    """Those of the node, one by one."""
    free = list(IdSet.parse((root / "cpuset.cpus.effective").read_text()))
    if len(free) < 4:
        pytest.skip(f"{len(free)} CPUs are too few for two partitions beside the node's own")
    return [IdSet.of([cpu]) for cpu in free]


@pytest.fixture(params=["lxc", "baremetal"])
async def make(request, tmp_path):
    """Agents of one node, by their name."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(name, partition):
            runtime = load("runtimes", request.param)(tmp_path / name, tmp_path / "images", partition=partition)
            return await stack.enter_async_context(opened(runtime))

        yield make


def pinned(name, cpus):
    return replace(a_spec(name), binding=Binding(cpus, MEMS, 128 * MIB))


def effective(folder):
    return IdSet.parse((folder / "cpuset.cpus.effective").read_text())


def shown(folder):
    return tuple((folder / file).read_text().strip() for file in ("cpuset.cpus", "cpuset.cpus.partition"))


@pytest.mark.parametrize("kind", ["root", "isolated"])
async def test_a_container_is_a_partition_and_leaves_the_node_as_it_was(make, root, cpus, kind):
    everything = effective(root)
    agent = await make("one", kind)
    await agent.start(pinned("job1", cpus[2] | cpus[3]))
    seen = agent.observe("job1")
    assert (seen.partition_asked, seen.partition, seen.lacks) == (kind, kind, ())
    assert seen.cpus == cpus[2] | cpus[3]
    assert effective(root) == everything - seen.cpus
    await agent.remove("job1")
    assert effective(root) == everything
    assert shown(root / FOLDER) == ("", "member")


async def test_agents_share_the_folder_without_harm_to_each_others_containers(make, root, cpus, tmp_path):
    first, second, third = await make("one", "isolated"), await make("two", "root"), await make("three", "member")
    await first.start(pinned("job1", cpus[1]))
    await third.start(pinned("job3", cpus[3]))
    await second.start(pinned("job2", cpus[2]))
    assert shown(root / FOLDER) == (str(cpus[1] | cpus[2] | cpus[3]), "root")
    assert [agent.observe(f"job{n}").partition for n, agent in enumerate((first, second, third), 1)] == [
        "isolated",
        "root",
        "member",
    ]
    await second.remove("job2")
    assert first.observe("job1").partition == "isolated"
    assert third.observe("job3").cpus == cpus[3]
    await first.remove("job1")
    assert shown(root / FOLDER)[1] == "member"
    assert third.observe("job3").cpus == cpus[3]
    await third.remove("job3")
    assert shown(root / FOLDER) == ("", "member")


async def test_an_affinity_that_a_job_has_chosen_outlives_what_other_agents_do(make, root, cpus, tmp_path):
    first, second = await make("one", "root"), await make("two", "root")
    await first.start(pinned("job1", cpus[1] | cpus[2]))
    shell = await Shell.open(first, "job1", tmp_path)
    await shell.spawn("taskset", "-c", str(cpus[2]), "sleep", "987")
    mine = await eventually(lambda: affinity_of(first, cpus[2]), "it has bound itself")
    await second.start(pinned("job2", cpus[3]))
    await second.remove("job2")
    assert affinity_of(first, cpus[2]) == mine
    await first.remove("job1")
    await shell.close()


def affinity_of(runtime, cpus):
    """Pids of the container that run on those alone."""
    status = {pid: read(Path(f"/proc/{pid}/status")) for pid in runtime.group("job1").pids()}
    return {pid for pid, text in status.items() if f"Cpus_allowed_list:\t{cpus}\n" in text}


async def test_a_partition_that_the_kernel_refuses_is_named_and_the_container_runs(make, root, cpus):
    agent, other = await make("one", "isolated"), await make("two", "member")
    await other.start(pinned("job2", cpus[2] | cpus[3]))
    await agent.start(pinned("job1", cpus[3]))
    seen = agent.observe("job1")
    assert seen.partition.startswith("isolated invalid (")
    assert f"isolated was asked for, the kernel shows {seen.partition}" in " ".join(seen.lacks)
    assert seen.cpus == cpus[3]
    await agent.remove("job1")
    await other.remove("job2")
    assert shown(root / FOLDER) == ("", "member")


async def test_all_cpus_of_the_node_are_no_partition_but_the_container_runs(make, root):
    agent, everything = await make("one", "root"), effective(root)
    await agent.start(pinned("job1", everything))
    seen = agent.observe("job1")
    assert "invalid" in seen.partition
    assert FOLDER in seen.partition
    assert seen.cpus == everything
    await agent.remove("job1")
    assert shown(root / FOLDER) == ("", "member")
    assert effective(root) == everything


async def test_the_folder_beside_goes_with_the_runtime(make, root, cpus):
    agent = await make("one", "root")
    await agent.start(pinned("job1", cpus[2]))
    assert agent.existing() == ("job1",)
    await agent.remove("job1")
    await agent.close()
    assert not (root / MONITORS).exists()
    assert not (root / FOLDER).exists()
    await agent.open()
