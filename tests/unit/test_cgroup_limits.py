"""Which limit is written where: v1, hybrid and v2."""

import pytest

from hpcsched.errors import Unsupported
from hpcsched.hardware import cgroup_figures
from hpcsched.hardware.cgroup import Cgroup
from hpcsched.hardware.cgroup_limits import Limits, device_writes, hugepage_limits, limit_writes, page_name
from hpcsched.model.allocation import HugePages
from hpcsched.model.idset import IdSet
from tests.cgrouptrees import HUGETLB, V1, fill, hybrid_tree, v1_tree, v2_tree

MIB, GIB = 1 << 20, 1 << 30
LIMITS = Limits(IdSet.parse("2-3"), IdSet.parse("1"), GIB)
PINNED = Limits(LIMITS.cpus, LIMITS.mems)


@pytest.fixture
def v1(tmp_path):
    return v1_tree(tmp_path)


@pytest.fixture
def v2(tmp_path):
    return v2_tree(tmp_path)


def writes(items, root):
    return [(str(one.path.relative_to(root / "sys/fs/cgroup")), one.text) for one in items]


def test_v1_limits_swap_with_memory_where_the_kernel_can(v1, tmp_path):
    assert writes(limit_writes(v1, "job", LIMITS), tmp_path) == [
        ("cpuset/hpcsched/job/cpuset.mems", "1"),
        ("cpuset/hpcsched/job/cpuset.cpus", "2-3"),
        ("memory/hpcsched/job/memory.limit_in_bytes", "1073741824"),
        ("memory/hpcsched/job/memory.memsw.limit_in_bytes", "1073741824"),
    ]
    assert [one.optional for one in limit_writes(v1, "job", LIMITS)] == [False, False, False, True]


def test_v2_limits_are_in_one_folder_and_leave_no_swap(v2, tmp_path):
    assert writes(limit_writes(v2, "job", LIMITS), tmp_path) == [
        ("hpcsched/job/cpuset.mems", "1"),
        ("hpcsched/job/cpuset.cpus", "2-3"),
        ("hpcsched/job/memory.max", "1073741824"),
        ("hpcsched/job/memory.swap.max", "0"),
    ]


def test_without_a_memory_limit_none_is_written(v1, v2):
    for layout in (v1, v2):
        names = [one.path.name for one in limit_writes(layout, "job", PINNED)]
        assert names == ["cpuset.mems", "cpuset.cpus"]


def test_device_rules_are_written_under_v1_only(v1, v2, tmp_path):
    rules = device_writes(v1, "job", ("c 1:3 rwm",))
    assert [one.text for one in rules] == ["a", "c 1:3 rwm"]
    assert device_writes(v2, "job", ("c 1:3 rwm",)) == []


def with_limits(**fields):
    return Limits(LIMITS.cpus, LIMITS.mems, **fields)


def test_the_number_of_processes_is_limited_under_both_versions(v1, v2, tmp_path):
    limits = with_limits(pids=4096)
    assert ("pids/hpcsched/job/pids.max", "4096") in writes(limit_writes(v1, "job", limits), tmp_path)
    assert ("hpcsched/job/pids.max", "4096") in writes(limit_writes(v2, "job", limits), tmp_path)


def test_only_v2_has_partitions_and_one_that_is_refused_does_not_stop_the_job(v1, v2, tmp_path):
    limits = with_limits(partition="isolated")
    assert not any("partition" in name for name, _ in writes(limit_writes(v1, "job", limits), tmp_path))
    last = limit_writes(v2, "job", limits)[-1]
    assert (last.path.name, last.text, last.optional) == ("cpuset.cpus.partition", "isolated", True)


def test_a_member_of_no_partition_needs_no_write(v2):
    assert "cpuset.cpus.partition" not in [one.path.name for one in limit_writes(v2, "job", PINNED)]


def test_huge_pages_are_limited_by_size_in_use_and_in_reserve(v2, tmp_path):
    limits = with_limits(hugepages=((2 * MIB, 64 * MIB), (GIB, 0)))
    assert writes(limit_writes(v2, "job", limits), tmp_path)[2:] == [
        ("hpcsched/job/hugetlb.2MB.max", "67108864"),
        ("hpcsched/job/hugetlb.1GB.max", "0"),
        ("hpcsched/job/hugetlb.2MB.rsvd.max", "67108864"),
        ("hpcsched/job/hugetlb.1GB.rsvd.max", "0"),
    ]
    assert [one.optional for one in limit_writes(v2, "job", limits)[2:]] == [False, False, True, True]


def test_v1_has_its_own_names_for_the_limits_of_huge_pages(tmp_path):
    layout = v1_tree(tmp_path, V1 + HUGETLB)
    assert writes(limit_writes(layout, "job", with_limits(hugepages=((2 * MIB, 0),))), tmp_path)[2:] == [
        ("hugetlb/hpcsched/job/hugetlb.2MB.limit_in_bytes", "0"),
        ("hugetlb/hpcsched/job/hugetlb.2MB.rsvd.limit_in_bytes", "0"),
    ]


def test_in_a_hybrid_huge_pages_are_limited_where_their_controller_is(tmp_path):
    layout = hybrid_tree(tmp_path)
    rules = limit_writes(layout, "job", with_limits(hugepages=((2 * MIB, 0),)))
    Cgroup(layout, "job").create(rules)
    assert (tmp_path / "sys/fs/cgroup/unified/hpcsched/job/hugetlb.2MB.max").read_text() == "0"
    assert (tmp_path / "sys/fs/cgroup/unified/cgroup.subtree_control").read_text() == "+hugetlb"
    assert (tmp_path / "sys/fs/cgroup/cpuset/hpcsched/job/cpuset.cpus").read_text() == "2-3"


def test_a_hybrid_has_the_group_where_systemd_looks_without_a_controller_that_nobody_needs(tmp_path):
    layout = hybrid_tree(tmp_path)
    Cgroup(layout, "job").create(limit_writes(layout, "job", LIMITS))
    assert (tmp_path / "sys/fs/cgroup/unified/hpcsched/job").is_dir()
    assert (tmp_path / "sys/fs/cgroup/unified/cgroup.subtree_control").read_text() == ""


def test_huge_pages_without_their_controller_are_refused_and_nobody_else_is(v1):
    with pytest.raises(Unsupported, match="no hugetlb cgroup"):
        limit_writes(v1, "job", with_limits(hugepages=((2 * MIB, 0),)))
    assert limit_writes(v1, "job", PINNED)


@pytest.mark.parametrize(
    ("size", "name"), [(64 << 10, "64KB"), (2 * MIB, "2MB"), (32 * MIB, "32MB"), (GIB, "1GB"), (16 * GIB, "16GB")]
)
def test_page_sizes_are_named_as_the_kernel_names_them(size, name):
    assert page_name(size) == name


def test_what_was_granted_on_several_nodes_is_one_limit_and_other_sizes_are_none():
    granted = (HugePages(0, 2 * MIB, 10), HugePages(1, 2 * MIB, 5))
    assert hugepage_limits(granted, (2 * MIB, GIB)) == ((2 * MIB, 30 * MIB), (GIB, 0))


def test_who_has_no_huge_pages_is_not_limited():
    assert hugepage_limits((), (2 * MIB, GIB)) == hugepage_limits((HugePages(0, GIB, 0),), (GIB,)) == ()


def test_the_limits_of_huge_pages_are_read_back_by_size(v2, tmp_path):
    fill(tmp_path, {"hpcsched/job/hugetlb.2MB.max": "67108864\n", "hpcsched/job/hugetlb.1GB.max": "0\n"})
    fill(tmp_path, {"hpcsched/job/hugetlb.64KB.max": "max\n", "hpcsched/job/payload/hugetlb.2MB.max": "max\n"})
    mount = v2.find("hugetlb").mount
    found = cgroup_figures.hugepage_limits(mount / "hpcsched/job/payload", mount, (64 << 10, 2 * MIB, GIB))
    assert found == ((2 * MIB, 64 * MIB), (GIB, 0))


def test_v1_shows_no_limit_of_huge_pages_as_a_number_that_is_none(tmp_path):
    layout = v1_tree(tmp_path, V1 + HUGETLB)
    fill(tmp_path, {"hugetlb/hpcsched/job/hugetlb.1GB.limit_in_bytes": "9223372035781033984\n"})
    fill(tmp_path, {"hugetlb/hpcsched/job/hugetlb.2MB.limit_in_bytes": "4194304\n"})
    mount = layout.find("hugetlb").mount
    assert cgroup_figures.hugepage_limits(mount / "hpcsched/job", mount, (2 * MIB, GIB)) == ((2 * MIB, 4 * MIB),)


@pytest.mark.parametrize(("above", "limit"), [("max\n", 4096), ("100\n", 100)])
def test_the_limit_of_processes_is_the_smallest_on_the_way_up(v1, v2, tmp_path, above, limit):
    for layout, prefix in ((v1, "pids/"), (v2, "")):
        fill(tmp_path, {f"{prefix}hpcsched/pids.max": above, f"{prefix}hpcsched/job/pids.max": "4096\n"})
        mount = layout.find("pids").mount
        assert cgroup_figures.pids_limit(mount / "hpcsched/job", mount) == limit
    assert cgroup_figures.pids_limit(mount, mount) == 0
