from dataclasses import replace

import pytest

from hpcsched.errors import InvalidValue
from hpcsched.model.container import Mount
from hpcsched.model.job import JobSpec, ResourceRequest, TaskBind
from hpcsched.sched.check import check_spec, check_specs

GOOD = JobSpec(
    command=("mpirun", "-n", "4", "./xhpl", "", "ü"),
    name="lin-pack_1.2",
    user="ada",
    image="rocky9",
    workdir="/home/ada",
    env=(("A", "1"), ("B", "")),
    mounts=(Mount("/data", "/data"), Mount("/scratch/x", "/tmp/y", False)),
    time_limit_s=60,
)


def asking(**resources: object) -> dict[str, object]:
    return {"resources": ResourceRequest(**resources)}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "asked",
    [
        asking(gpus_per_node=0),
        asking(gpus_per_node=1024, threads_per_core=1),
        asking(numa="pack"),
        asking(numa="spread"),
        asking(numa="0,2-3"),
        asking(hugepages=((64 << 10, 1), (512 << 20, 3), (16 << 30, 2))),
        asking(ntasks_per_node=65536, bind=TaskBind.NONE),
        asking(cpus_per_node=16, ntasks_per_node=4, cpus_per_task=4),
        asking(tuning="hpc"),
    ],
)
def test_a_placement_in_bounds_is_taken(asked: dict[str, object]) -> None:
    check_spec(replace(GOOD, **asked))  # type: ignore[arg-type]


def test_what_is_in_bounds_is_taken() -> None:
    check_spec(GOOD)
    check_spec(JobSpec(script=b"#!/bin/sh\nexit 1\n"))
    check_spec(replace(GOOD, image="/images/rocky9", runtime="baremetal", priority=-5))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"command": ()}, "nothing to run"),
        ({"equal_speed": "stream triad"}, "like stream.triad, or none"),
        ({"command": ("",)}, "first word is empty"),
        ({"command": ("a\0b",)}, "NUL"),
        ({"command": ("a", "\udc80")}, "UTF-8"),
        ({"command": ("a", "x" * 131072)}, "131072 bytes"),
        ({"command": ("x" * 100_000,) * 11}, "together, at most 1048576"),
        ({"script": b"echo"}, "#!"),
        ({"script": b"#!" + b"x" * (1 << 20)}, "together"),
        ({"name": "a/b"}, "job name"),
        ({"name": "a..b"}, "job name"),
        ({"name": "a b"}, "job name"),
        ({"name": ".hidden"}, "job name"),
        ({"name": "x" * 129}, "job name"),
        ({"user": "a\nb"}, "user"),
        ({"image": ""}, "image"),
        ({"image": "../etc"}, "image"),
        ({"image": "/a/../b"}, "image"),
        ({"image": "a/b"}, "image"),
        ({"runtime": ""}, "runtime"),
        ({"runtime": "LXC!"}, "runtime"),
        ({"nodes": 0}, "nodes: 0"),
        ({"nodes": 10**9}, "nodes"),
        ({"resources": ResourceRequest(cpus_per_node=-1)}, "cpus per node: -1"),
        ({"resources": ResourceRequest(cores_per_node=65537)}, "cores per node"),
        ({"resources": ResourceRequest(mem_per_node=1 << 61)}, "memory per node"),
        (asking(threads_per_core=-1), "threads per core: -1"),
        (asking(gpus_per_node=-1), "gpus per node: -1"),
        (asking(gpus_per_node=1025), "gpus per node: 1025"),
        (asking(numa="near"), "bad numa 'near'"),
        (asking(numa=" "), "bad numa ' '"),
        (asking(numa="1-"), "bad numa '1-'"),
        (asking(numa="0," * 5000), "bad numa '0,0"),
        (asking(numa="0\n1"), "bad numa"),
        (asking(numa="0-1\n"), "bad numa"),
        (asking(hugepages=((0, 1),)), "page size 0"),
        (asking(hugepages=((3 << 20, 1),)), "page size 3145728"),
        (asking(hugepages=((2048, 1),)), "page size 2048"),
        (asking(hugepages=((128 << 30, 1),)), "page size 137438953472"),
        (asking(hugepages=((2 << 20, 0),)), "2M: 0 is outside"),
        (asking(hugepages=((1 << 30, 1 << 31),)), "1G: 2147483648 is outside"),
        (asking(hugepages=((2 << 20, 1), (2 << 20, 1))), "2M are asked for twice"),
        (asking(hugepages=((1 << 30, 1 << 30), (2 << 20, 1))), "together are above 1024P"),
        (asking(ntasks_per_node=65537), "tasks per node: 65537"),
        (asking(cpus_per_task=2), "2 cpus per task, but no tasks"),
        (asking(ntasks_per_node=1 << 15, cpus_per_task=4), "32768 tasks of 4 cpus need 131072 cpus"),
        (asking(cpus_per_node=16, ntasks_per_node=5, cpus_per_task=4), "5 tasks of 4 cpus need 20 cpus per node, at most 16"),
        (asking(bind=TaskBind.L3), "bind l3 is about tasks"),
        (asking(bind=TaskBind.NONE), "bind none is about tasks"),
        (asking(tuning="a/b"), "bad tuning 'a/b'"),
        (asking(tuning="x" * 65), "bad tuning 'xxx"),
        ({"time_limit_s": -1}, "time limit"),
        ({"time_limit_s": 10**12}, "time limit"),
        ({"grace_s": 86401}, "grace"),
        ({"priority": 1 << 31}, "priority"),
        ({"output_cap": -1}, "output cap"),
        ({"workdir": "home"}, "working directory"),
        ({"workdir": "/a/../b"}, "working directory"),
        ({"workdir": "/a\0"}, "NUL"),
        ({"workdir": "/a\nb"}, "control"),
        ({"workdir": "/" + "x" * 5000}, "longer than 4095"),
        ({"stdout": "out"}, "output file"),
        ({"env": (("", "x"),)}, "variable name"),
        ({"env": (("A=B", "x"),)}, "variable name"),
        ({"env": (("A", "x\0"),)}, "NUL"),
        ({"env": (("A", "x"), ("A", "y"))}, "given twice"),
        ({"mounts": (Mount("data", "/data"),)}, "mount source"),
        ({"mounts": (Mount("/data", "/../x"),)}, "mount target"),
        ({"mounts": (Mount("/data", "//"),)}, "whole root"),
        ({"mounts": (Mount("/a", "/x"), Mount("/b", "/x/"))}, "given twice"),
        ({"mounts": (Mount("/a", "/x"),) * 65}, "at most 64"),
    ],
)
def test_what_is_out_of_bounds_is_refused_in_one_short_line(change: dict[str, object], word: str) -> None:
    with pytest.raises(InvalidValue, match=word) as caught:
        check_spec(replace(GOOD, **change))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_fault_in_a_batch_names_its_job() -> None:
    with pytest.raises(InvalidValue, match="job 2 of 2: nodes"):
        check_specs([GOOD, replace(GOOD, nodes=0)])


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_batch_has_its_bounds(count: int) -> None:
    with pytest.raises(InvalidValue, match=str(count)):
        check_specs([GOOD] * count)
