"""One small cluster in fixed figures, for listings."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.allocation import Allocation, Binding, HugePages, NodeBinding, TaskBinding
from hpcsched.model.canary import CanaryFigure, NodeCanaries, Stand
from hpcsched.model.container import (
    ContainerStatus,
    EndCause,
    Mount,
    Observed,
    ObservedTask,
    OpenedDevice,
    Phase,
    Rlimit,
    Sampled,
    TunedSetting,
    Usage,
)
from hpcsched.model.device import Device, DeviceKind
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, JobState, Reason, ResourceRequest, TaskBind
from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.record import Record
from hpcsched.model.reservation import Repeat, Reservation
from hpcsched.model.topology import Cache, Core, NumaNode, Topology
from hpcsched.model.units import GIB, MIB

START = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""
NOW = START + 3725


def topology() -> Topology:
    """Two packages with one NUMA node each, of two cores with two threads (PUs n and n+4)."""
    cores = tuple(Core(number, number // 2, number // 2, IdSet.of((number, number + 4))) for number in range(4))
    numa = (
        NumaNode(0, 32 * GIB, IdSet.parse("0-1,4-5"), ((0, 10), (1, 21))),
        NumaNode(1, 32 * GIB, IdSet.parse("2-3,6-7"), ((0, 21), (1, 10))),
    )
    caches = (Cache(3, 32 << 20, IdSet.parse("0-1,4-5")), Cache(3, 32 << 20, IdSet.parse("2-3,6-7")))
    return Topology(cores, numa, caches, "Example CPU @ 2 GHz")


def node(name: str = "n1", job_id: int | None = None, drain_reason: str = "", connected: bool = True) -> Node:
    offer = NodeOffer(name, topology(), IdSet.parse("0-7"), 62 * GIB, "0.1.0", "0d3c5a7e-boot")
    return Node(offer, connected, job_id=job_id, drain_reason=drain_reason, since=START)


def equipped(name: str = "n1", job_id: int | None = None) -> Node:
    """With a GPU at each NUMA node, a NIC, huge pages and a tuning."""
    gpus = tuple(
        Device(f"0000:{bus}:00.0", DeviceKind.GPU, "nvidia", numa, near, numa, "H100 80GB", names=(f"nvidia{numa}",))
        for numa, bus, near in ((0, "65", IdSet.parse("0-1,4-5")), (1, "ca", IdSet.parse("2-3,6-7")))
    )
    nic = Device("0000:17:00.0", DeviceKind.NIC, "rdma", 0, IdSet.parse("0-1,4-5"), 0, "MT4129", names=("mlx5_0",))
    pages = (HugePages(0, 2 * MIB, 512), HugePages(1, 2 * MIB, 256), HugePages(0, GIB, 4))
    bare = node(name, job_id)
    offer = replace(bare.offer, devices=(*gpus, nic), hugepages=pages, tunings=("hpc",), machine="9f86d081")
    return replace(bare, offer=offer)


def bound() -> Binding:
    """A whole NUMA node of `equipped`, shared by two tasks."""
    zero, gpu = IdSet.parse("0"), ("0000:65:00.0",)
    tasks = tuple(TaskBinding(IdSet.parse(cpus), zero, gpu) for cpus in ("0,4", "1,5"))
    pages = (HugePages(0, 2 * MIB, 128),)
    return Binding(IdSet.parse("0-1,4-5"), zero, 8 * GIB, gpu, ("0000:17:00.0",), ((0, 8 * GIB),), pages, tasks)


def observed_bound() -> Observed:
    return replace(
        observed(),
        partition="root",
        partition_asked="root",
        pids_max=32768,
        hugepages=((2 * MIB, 256 * MIB),),
        opened=(OpenedDevice("/dev/nvidia0", True, "ok"), OpenedDevice("/dev/nvidia1", False, "EPERM")),
        drivers=(("nvidia", "550.54.15"),),
        tuning=(TunedSetting("governor", "powersave", "performance", "performance"),),
        tasks=tuple(ObservedTask(IdSet.parse(cpus), "prefer (many):0") for cpus in ("0,4", "1,5")),
        lacks=("cgroup hugetlb: no reservation limit",),
    )


def observed() -> Observed:
    return Observed(
        runtime="lxc",
        cpus=IdSet.parse("0-1,4-5"),
        mems=IdSet.parse("0"),
        memory=8 * GIB,
        cfs_quota=False,
        cgroup="/hpcsched/job2",
        pid=4242,
        root="overlay",
        rlimits=(Rlimit("memlock", -1, -1),),
        devices=("/dev/null", "/dev/zero"),
        namespaces=("ipc", "mnt", "pid", "uts"),
        capabilities="00000000000425fb",
        seccomp="0",
        speculation="vulnerable",
        kernel="6.1.0",
        clock_source="tsc",
        thp="madvise",
        governor="performance",
        numa_balancing="0",
    )


def allocation(name: str = "n1") -> Allocation:
    return Allocation((NodeBinding(name, Binding(IdSet.parse("0-1,4-5"), IdSet.parse("0"), 8 * GIB)),))


def waiting() -> Job:
    spec = JobSpec(command=("./xhpl", "-n", "two words"), user="ada", nodes=2, time_limit_s=5400)
    told = "waits for 2 free nodes, 1 is free"
    return Job(3, spec, "req-3", JobState.PENDING, START + 60, Reason.RESOURCES, told, multifactor=10_062.5)


def running() -> Job:
    spec = JobSpec(command=("/opt/stream",), name="bandwidth", user="ben", resources=ResourceRequest(cores_per_node=2))
    part = ContainerStatus(2, Phase.RUNNING, observed(), start_time=START + 125)
    return Job(2, spec, "req-2", JobState.RUNNING, START, start_time=START + 125, allocation=allocation(), parts=(part,))


def failed() -> Job:
    """Every field that can be set is set."""
    spec = JobSpec(
        command=("input.dat",),
        script=b"#!/bin/sh\nexit 3\n",
        name="solve",
        user="ada",
        resources=ResourceRequest(4, 2, 8 * GIB, 2, 1, "pack", ((2 * MIB, 128),), 2, 2, TaskBind.L3, "hpc"),
        time_limit_s=3600,
        priority=5,
        workdir="/scratch",
        stdout="/scratch/out.%j",
        env=(("OMP_NUM_THREADS", "4"),),
        mounts=(Mount("/data", "/input"), Mount("/scratch", "/scratch", False)),
        keep=True,
        hold=True,
    )
    usage, sampled = Usage(7.25, 512 << 20, 0), Sampled(2, 0.004, 3, -1, 0.0, 0.02)
    part = ContainerStatus(1, Phase.EXITED, observed_bound(), EndCause.EXIT, 3, None, "", usage, START + 5, START + 9.5, sampled)
    return Job(
        id=1,
        spec=spec,
        request_id="req-1",
        state=JobState.FAILED,
        submit_time=START,
        reason=Reason.NON_ZERO_EXIT,
        message="",
        start_time=START + 5,
        end_time=START + 9.5,
        allocation=Allocation((NodeBinding("n2", bound()),)),
        parts=(part,),
        cause=EndCause.EXIT,
        exit_code=3,
    )


def record() -> Record:
    return Record(failed(), 5.0, 4.5, Usage(7.25, 512 << 20, 0))


def reservations() -> list[Reservation]:
    """One that holds n1 now, and one that comes every week."""
    talk = Reservation("talk", NOW - 600, NOW + 6600, ("n1",), users=("ann", "bob"), comment="visitors", made=START)
    works = Reservation("works", NOW + 86400, NOW + 100800, ("n1", "n2"), maintenance=True, repeat=Repeat.WEEKLY, made=START)
    return [talk, works]


def canaries() -> list[NodeCanaries]:
    """One node that is well, one that is drained as slow, and one that was never measured."""
    well = CanaryFigure("stream.triad", 19.1, "GB/s", 19.0, -0.005, 0.9, -0.4, 0.002, 48, 19.05, 0.0026)
    slow = CanaryFigure("stream.triad", 18.2, "GB/s", 19.0, 0.042, -6.3, 0.1, 0.002, 48, 18.43, -0.03)
    told = "slow: stream.triad 18.22 GB/s, 4.1% below its median of 19 (z -6.3 in 5 retests; its class +0.2%)"
    return [
        NodeCanaries("n1", Stand.OK, "3eb6c7fb588f", 0.0, START, START + 3600, figures=(well,)),
        NodeCanaries("n2", Stand.SLOW, "3eb6c7fb588f", START, START, START + 3600, told, (slow,)),
        NodeCanaries("n3", Stand.LEARNING, "3eb6c7fb588f", 0.0, 0.0, 0.0),
    ]
