"""Control groups over trees as the kernel lays them out, in a temporary folder."""

import pytest

from hpcsched.errors import RuntimeFailure, Unsupported
from hpcsched.hardware import cgroup, cgroup_figures
from hpcsched.hardware.cgroup import Cgroup
from hpcsched.hardware.cgroup_layout import read_layout
from hpcsched.hardware.cgroup_limits import Limits, Write, limit_writes
from hpcsched.model.container import Usage
from hpcsched.model.idset import IdSet
from tests.cgrouptrees import HYBRID, V1, fill, v1_tree, v2_tree

LIMITS = Limits(IdSet.parse("2-3"), IdSet.parse("1"), 1 << 30)


@pytest.fixture
def v1(tmp_path):
    return v1_tree(tmp_path)


@pytest.fixture
def v2(tmp_path):
    return v2_tree(tmp_path)


def test_each_v1_controller_is_found_where_it_is_mounted(v1, tmp_path):
    assert v1.find("cpuacct").mount == tmp_path / "sys/fs/cgroup/cpu,cpuacct"
    assert v1.find("cpuset").version == 1
    assert v1.find("hugetlb") is None
    assert v1.unified is None


def test_v2_has_what_it_does_without_a_controller_too(v2):
    assert {v2.find(name).version for name in ("cpuset", "memory", "pids", "freezer", "devices", "cpuacct")} == {2}


def test_in_a_hybrid_the_controllers_stay_with_v1(tmp_path):
    fill(tmp_path, {"unified/cgroup.controllers": "hugetlb\n"})
    layout = read_layout(HYBRID, tmp_path)
    assert layout.find("memory").version == layout.find("freezer").version == 1
    assert layout.unified.mount == tmp_path / "sys/fs/cgroup/unified"


def test_a_mount_point_with_blanks_is_read(tmp_path):
    layout = read_layout(V1.replace("/sys/fs/cgroup/memory", r"/sys/fs/cgroup/my\040memory"), tmp_path)
    assert layout.find("memory").mount == tmp_path / "sys/fs/cgroup/my memory"


@pytest.mark.parametrize("missing", ["cpuset", "memory"])
def test_a_kernel_without_a_controller_is_refused_by_its_name(tmp_path, missing):
    text = "".join(line + "\n" for line in V1.splitlines() if missing not in line)
    with pytest.raises(Unsupported, match=f"no {missing} cgroup"):
        read_layout(text, tmp_path)


def test_creating_makes_the_group_in_each_hierarchy_that_limits_counts_or_is_systemds(v1, tmp_path):
    Cgroup(v1, "job").create(limit_writes(v1, "job", LIMITS))
    there = {path.parent.parent.name for path in tmp_path.glob("sys/fs/cgroup/*/hpcsched/job")}
    assert there == {"cpu,cpuacct", "cpuset", "memory", "devices", "freezer", "pids", "systemd"}
    assert (tmp_path / "sys/fs/cgroup/cpuset/hpcsched/job/cpuset.cpus").read_text() == "2-3"


def test_creating_enables_only_the_controllers_that_are_missing(v2, tmp_path):
    Cgroup(v2, "job").create([])
    assert (tmp_path / "sys/fs/cgroup/cgroup.subtree_control").read_text() == "+pids"
    assert (tmp_path / "sys/fs/cgroup/hpcsched/job").is_dir()


def test_the_processes_of_a_v2_group_get_a_cpuset_below_it(v2, tmp_path):
    fill(tmp_path, {"hpcsched/job/cgroup.controllers": "cpuset memory pids\n"})
    Cgroup(v2, "job").create([])
    assert (tmp_path / "sys/fs/cgroup/hpcsched/job/cgroup.subtree_control").read_text() == "+cpuset"


def test_a_limit_that_cannot_be_written_is_named(v1):
    with pytest.raises(RuntimeFailure, match=r"control group hpcsched/job.*no-such"):
        Cgroup(v1, "job").create([Write(v1.find("cpuset").mount / "no-such/file", "1")])


def test_an_optional_file_may_be_missing(v1):
    Cgroup(v1, "job").create([Write(v1.find("cpuset").mount / "no-such/file", "1", optional=True)])


def test_names_are_those_of_all_hierarchies(v1, tmp_path):
    fill(tmp_path, {"memory/hpcsched/one/tasks": "", "pids/hpcsched/two/tasks": "", "pids/hpcsched/cgroup.procs": ""})
    assert cgroup.names(v1) == {"one", "two"}


def test_pids_are_those_of_all_hierarchies_and_levels(v1, tmp_path):
    fill(tmp_path, {"memory/hpcsched/job/cgroup.procs": "11\n", "pids/hpcsched/job/payload/deep/cgroup.procs": "12\n13\n"})
    assert Cgroup(v1, "job").pids() == {11, 12, 13}


def test_a_group_that_is_not_there_has_no_pids_and_is_removed_at_once(v1, v2):
    for layout in (v1, v2):
        group = Cgroup(layout, "never")
        group.remove()
        assert not group.exists()
        assert group.pids() == set()


V1_PROC = """\
9:name=systemd:/
5:devices:/x
4:memory:/hpcsched/job/payload
3:cpuset:/hpcsched/job/payload
2:cpu,cpuacct:/hpcsched/job
"""


def test_the_path_of_a_process_is_read_not_guessed(v1, v2, tmp_path):
    top = tmp_path / "sys/fs/cgroup"
    assert cgroup_figures.folder_of("memory", V1_PROC, v1) == top / "memory/hpcsched/job/payload"
    assert cgroup_figures.folder_of("cpu", V1_PROC, v1) == top / "cpu,cpuacct/hpcsched/job"
    assert cgroup_figures.folder_of("memory", "0::/hpcsched/job/payload-1\n", v2) == top / "hpcsched/job/payload-1"


def test_the_memory_limit_is_the_smallest_on_the_way_up(v1, v2, tmp_path):
    fill(tmp_path, {"memory/hpcsched/job/payload/memory.limit_in_bytes": "9223372036854771712\n"})
    fill(tmp_path, {"memory/hpcsched/job/memory.limit_in_bytes": "1073741824\n"})
    fill(tmp_path, {"memory/memory.limit_in_bytes": "9223372036854771712\n"})
    mount = v1.find("memory").mount
    assert cgroup_figures.memory_limit(mount / "hpcsched/job/payload", mount) == 1 << 30
    fill(
        tmp_path,
        {"hpcsched/job/payload/memory.max": "max\n", "hpcsched/job/memory.max": "2048\n", "hpcsched/memory.max": "1024\n"},
    )
    mount = v2.find("memory").mount
    assert cgroup_figures.memory_limit(mount / "hpcsched/job/payload", mount) == 1024


def test_without_any_limit_it_is_zero(v1):
    mount = v1.find("memory").mount
    assert cgroup_figures.memory_limit(mount / "hpcsched/job", mount) == 0


@pytest.mark.parametrize(("name", "text", "found"), [("cpu.max", "max 100000\n", False), ("cpu.max", "50000 100000\n", True)])
def test_a_v2_quota_above_the_group_is_found(v2, tmp_path, name, text, found):
    fill(tmp_path, {f"hpcsched/{name}": text})
    mount = v2.find("cpuset").mount
    assert cgroup_figures.has_quota(mount / "hpcsched/job", mount) is found


@pytest.mark.parametrize(("text", "found"), [("-1\n", False), ("50000\n", True)])
def test_a_v1_quota_is_found(v1, tmp_path, text, found):
    fill(tmp_path, {"cpu,cpuacct/hpcsched/job/cpu.cfs_quota_us": text})
    mount = v1.find("cpu").mount
    assert cgroup_figures.has_quota(mount / "hpcsched/job", mount) is found


def test_v1_usage_adds_up_the_oom_kills_of_the_groups_below(v1, tmp_path):
    fill(tmp_path, {"cpu,cpuacct/hpcsched/job/cpuacct.usage": "1500000000\n"})
    fill(tmp_path, {"memory/hpcsched/job/memory.max_usage_in_bytes": "4096\n"})
    oom = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
    fill(tmp_path, {"memory/hpcsched/job/memory.oom_control": oom.format(0)})
    fill(tmp_path, {"memory/hpcsched/job/payload/memory.oom_control": oom.format(2)})
    assert cgroup_figures.usage(v1, "hpcsched/job") == Usage(1.5, 4096, 2)


def test_v2_usage_is_the_groups_own_figure(v2, tmp_path):
    fill(tmp_path, {"hpcsched/job/cpu.stat": "usage_usec 2500000\nuser_usec 1\n", "hpcsched/job/memory.peak": "8192\n"})
    fill(tmp_path, {"hpcsched/job/memory.events": "low 0\noom 3\noom_kill 1\noom_group_kill 0\n"})
    fill(tmp_path, {"hpcsched/job/payload/memory.events": "oom_kill 1\n"})
    assert cgroup_figures.usage(v2, "hpcsched/job") == Usage(2.5, 8192, 1)


def test_before_kernel_5_19_the_current_use_stands_for_the_peak(v2, tmp_path):
    fill(tmp_path, {"hpcsched/job/memory.current": "4096\n"})
    assert cgroup_figures.usage(v2, "hpcsched/job").peak_memory == 4096


def test_usage_of_what_is_gone_is_zero(v1, v2):
    assert cgroup_figures.usage(v1, "hpcsched/job") == cgroup_figures.usage(v2, "hpcsched/job") == Usage()
