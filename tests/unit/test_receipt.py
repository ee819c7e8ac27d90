"""The agent believes the kernel, not itself."""

import dataclasses

import pytest

from hpcsched.agent.receipt import check
from hpcsched.errors import BindingMismatch
from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec, Observed, Rlimit
from hpcsched.model.idset import IdSet

LIMIT = Rlimit("memlock", -1, -1)
SPEC = ContainerSpec("job1", "host", Binding(IdSet.parse("0-3"), IdSet.parse("0"), 1 << 30), "n1", rlimits=(LIMIT,))
SEEN = Observed("lxc", IdSet.parse("0-3"), IdSet.parse("0"), 1 << 30, False, "/hpcsched/job1", 7, "overlay", rlimits=(LIMIT,))


def test_what_the_kernel_shows_as_asked_passes():
    check(SPEC, SEEN)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cpus": IdSet.parse("0-2")}, "cpus asked 0-3, the kernel shows 0-2"),
        ({"mems": IdSet.parse("0-1")}, "mems asked 0, the kernel shows 0-1"),
        ({"memory": 1 << 29}, "memory"),
        ({"cfs_quota": True}, "CFS quota asked none, the kernel shows set"),
        ({"rlimits": (Rlimit("memlock", 65536, 65536),)}, "rlimit memlock"),
        ({"rlimits": ()}, "rlimit memlock"),
    ],
)
def test_any_difference_is_a_binding_mismatch_that_names_both_sides(change, words):
    with pytest.raises(BindingMismatch, match=words):
        check(SPEC, dataclasses.replace(SEEN, **change))


def test_a_memory_limit_rounded_to_the_kernels_pages_is_no_mismatch():
    spec = dataclasses.replace(SPEC, binding=dataclasses.replace(SPEC.binding, memory=(1 << 30) + 1000))
    check(spec, SEEN)
