from dataclasses import replace

import pytest

from hpcsched.errors import InvalidValue
from hpcsched.model.container import Mount
from hpcsched.model.job import JobSpec, ResourceRequest
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


def test_what_is_in_bounds_is_taken() -> None:
    check_spec(GOOD)
    check_spec(JobSpec(script=b"#!/bin/sh\nexit 1\n"))
    check_spec(replace(GOOD, image="/images/rocky9", runtime="baremetal", priority=-5))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"command": ()}, "nothing to run"),
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
