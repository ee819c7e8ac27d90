"""Which mounts make a root, without mounting anything."""

from dataclasses import replace
from pathlib import Path

import pytest

from hpcsched.errors import RuntimeFailure
from hpcsched.model.allocation import HugePages
from hpcsched.model.container import DeviceNode, Mount
from hpcsched.runtimes.confinement import CAPABILITIES, DEVICES, device_rules, lxc_config
from hpcsched.runtimes.rootfs import NodeMount, Root, bare_root_steps, node_mounts, root_steps
from tests.containers import MIB, a_spec

MOUNTINFO = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw
25 24 0:23 / /dev/shm rw,relatime - tmpfs tmpfs rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 8:2 / /home rw,relatime shared:30 - nfs4 server:/home rw,vers=4.2
31 30 8:3 / /home/fast\040disk rw,relatime - xfs /dev/sdb1 rw
32 27 0:40 / /scratch rw,relatime - lustre 10.0.0.1@tcp:/scratch rw,flock
33 27 0:41 / /var/lib/agent rw,relatime - ext4 /dev/sdc1 rw
34 27 0:42 / /run/user/0 rw,relatime - tmpfs tmpfs rw
35 27 0:43 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw,lowerdir=/a
36 27 0:44 / /cvmfs/atlas ro - fuse cvmfs2 ro
37 27 0:45 / /misc rw - autofs /etc/auto.misc rw
38 23 0:46 / /sys/firmware/efi/efivars rw - efivarfs efivarfs rw
39 27 8:1 / /boot rw - ext4 /dev/sda1 rw
""".strip()


def test_file_systems_of_the_node_are_found_and_those_of_the_kernel_left_out():
    assert node_mounts(MOUNTINFO) == [
        NodeMount("/boot", "ext4"),
        NodeMount("/cvmfs/atlas", "fuse"),
        NodeMount("/home", "nfs4"),
        NodeMount("/home/fast disk", "xfs"),
        NodeMount("/scratch", "lustre"),
        NodeMount("/var/lib/agent", "ext4"),
    ]


def steps_of(**fields):
    return root_steps(Root(Path("/"), Path("/state/containers/job1"), **fields))


def targets(steps, kind):
    return [step["target"] for step in steps if step["kind"] == kind]


def test_the_first_mount_is_the_overlay_and_the_last_hides_the_daemons():
    steps = steps_of(hidden=frozenset({"/state", "/other"}))
    assert steps[0] == {
        "kind": "overlay",
        "target": "/",
        "lower": ["/"],
        "upper": "/state/containers/job1/upper",
        "work": "/state/containers/job1/work",
    }
    assert [step["target"] for step in steps[-2:]] == ["/other", "/state"]
    assert {step["kind"] for step in steps[-2:]} == {"hide"}


def test_disks_come_through_an_overlay_and_network_file_systems_as_they_are_all_read_only():
    steps = steps_of(node=tuple(node_mounts(MOUNTINFO)), hidden=frozenset({"/var/lib/agent"}))
    assert targets(steps, "overlay") == ["/", "/boot", "/home/fast disk"]
    assert {"/cvmfs/atlas", "/home", "/scratch"} <= set(targets(steps, "bind"))
    assert all(step["read_only"] for step in steps if step["kind"] == "bind")
    assert all("upper" not in step for step in steps[1:])
    assert "/var/lib/agent" not in targets(steps, "overlay") + targets(steps, "bind")


def test_what_lies_under_a_mount_comes_after_it():
    order = [step["target"] for step in steps_of(node=tuple(node_mounts(MOUNTINFO)))]
    assert order.index("/home") < order.index("/home/fast disk")
    assert order.index("/sys") < order.index("/sys/fs/cgroup")


def test_the_containers_own_group_takes_the_place_of_each_hierarchy():
    v2 = steps_of(groups=(("/sys/fs/cgroup", "/sys/fs/cgroup/hpcsched/j"),))
    assert [step["source"] for step in v2 if step["target"] == "/sys/fs/cgroup"] == ["/sys/fs/cgroup/hpcsched/j"]
    v1 = steps_of(groups=(("/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/hpcsched/j"), ("/elsewhere", "/elsewhere/hpcsched/j")))
    assert [(step["source"], step["target"]) for step in v1 if "cgroup" in step["target"]] == [
        ("/sys/fs/cgroup", "/sys/fs/cgroup"),
        ("/sys/fs/cgroup/memory/hpcsched/j", "/sys/fs/cgroup/memory"),
    ]
    assert "/elsewhere" not in targets(v1, "bind")


def test_hidden_folders_are_hidden_behind_a_jobs_mount_too():
    steps = steps_of(mounts=(Mount("/var", "/srv/var"),), hidden=frozenset({"/var/lib/agent"}))
    assert targets(steps, "hide") == ["/var/lib/agent", "/srv/var/lib/agent"]


def test_a_job_cannot_mount_a_hidden_folder_or_what_is_in_it():
    for source in ("/var/lib/agent", "/var/lib/agent/containers"):
        with pytest.raises(RuntimeFailure, match="belongs to the node's daemons"):
            steps_of(mounts=(Mount(source, "/mnt"),), hidden=frozenset({"/var/lib/agent"}))


def test_a_neighbour_with_a_longer_name_is_not_hidden():
    steps = steps_of(mounts=(Mount("/var/lib/agent-data", "/mnt"),), hidden=frozenset({"/var/lib/agent"}))
    assert "/mnt" in targets(steps, "bind")


def config(spec=None, **fields):
    options = {"shm_bytes": 7 * MIB, "unified": False, "exists": lambda path: path in ("/proc/sys", "/proc/kcore"), **fields}
    return lxc_config(spec or a_spec(), options["shm_bytes"], options["unified"], options["exists"])


def values(pairs, key):
    return [value for name, value in pairs if name == key]


def test_no_key_asks_for_seccomp_a_quota_or_lxcs_defaults():
    keys = {key for key, _ in config()}
    assert not any("seccomp" in key or "cfs" in key or "include" in key for key in keys)


def test_namespaces_are_mount_pid_uts_and_ipc():
    assert values(config(), "lxc.namespace.clone") == ["mnt", "pid", "uts", "ipc"]
    assert values(config(), "lxc.cap.keep") == list(CAPABILITIES)


def test_only_what_the_kernel_has_in_proc_is_covered():
    entries = values(config(), "lxc.mount.entry")
    assert [entry.split()[1] for entry in entries if entry.split()[1].startswith("proc/")] == ["proc/sys", "proc/kcore"]
    assert all(" ro " in entry.replace(",", " ") for entry in entries if "proc/" in entry)


def test_device_rules_are_lxcs_under_v2_and_ours_under_v1():
    assert values(config(), "lxc.cgroup2.devices.deny") == []
    assert values(config(unified=True), "lxc.cgroup2.devices.deny") == ["a"]
    assert "c 1:3 rwm" in values(config(unified=True), "lxc.cgroup2.devices.allow")


def test_limits_are_written_as_lxc_reads_them():
    assert values(config(), "lxc.prlimit.nofile") == ["512:1024"]


NODES = (DeviceNode("/dev/nvidia0", 195, 0), DeviceNode("/dev/infiniband/uverbs0", 231, 192, access="rwm"))


def test_device_rules_are_the_base_set_and_what_was_granted():
    rules = values(config(a_spec(devices=NODES), unified=True), "lxc.cgroup2.devices.allow")
    assert rules == [*DEVICES, "c 195:0 rw", "c 231:192 rwm"]
    assert tuple(rules) == device_rules(NODES)


def test_refused_devices_are_in_no_rule_and_no_mount():
    text = str(config(a_spec(refused=NODES), unified=True))
    assert "195" not in text
    assert "nvidia" not in text


def test_granted_nodes_are_mounted_where_they_are_on_the_node_and_cannot_be_changed():
    entries = [
        entry.split()
        for entry in values(config(a_spec(devices=NODES)), "lxc.mount.entry")
        if entry.startswith(("/dev/nvidia", "/dev/inf"))
    ]
    assert [entry[:2] for entry in entries] == [
        ["/dev/nvidia0", "dev/nvidia0"],
        ["/dev/infiniband/uverbs0", "dev/infiniband/uverbs0"],
    ]
    assert all({"bind", "ro", "create=file"} <= set(entry[3].split(",")) for entry in entries)
    assert not any("nodev" in entry[3].split(",") for entry in entries)


def hugetlbfs(*parts):
    spec = a_spec()
    spec = replace(spec, binding=replace(spec.binding, hugepages=parts))
    return [entry.split()[1:4] for entry in values(config(spec), "lxc.mount.entry") if entry.startswith("hugetlbfs")]


def test_each_size_of_huge_pages_that_was_granted_has_a_place():
    mounts = hugetlbfs(HugePages(0, 1 << 30, 2), HugePages(0, 2 * MIB, 8), HugePages(1, 2 * MIB, 8))
    assert [place for place, _, _ in mounts] == ["dev/hugepages", "dev/hugepages1GB"]
    assert f"pagesize={2 * MIB},size={32 * MIB}" in mounts[0][2]
    assert f"pagesize={1 << 30},size={2 << 30}" in mounts[1][2]
    assert hugetlbfs() == []


def bare_steps_of(*mounts):
    return bare_root_steps(Root(Path("/images/small"), Path("/state/containers/job1"), mounts=mounts))


def test_bare_metal_on_an_image_has_the_same_overlay_and_the_nodes_own_kernel_folders_as_they_are():
    steps = bare_steps_of()
    assert steps[0] == root_steps(Root(Path("/images/small"), Path("/state/containers/job1")))[0]
    assert [(step["source"], step["target"]) for step in steps[1:]] == [
        (path, path) for path in ("/dev", "/proc", "/run", "/sys")
    ]
    assert all(step["as_is"] and step["recursive"] and not step["read_only"] for step in steps[1:])


def test_a_mount_of_a_job_is_the_same_on_bare_metal_and_none_makes_anything_in_the_nodes_own_folders():
    mount = Mount("/data", "/inside", read_only=False)
    assert bare_steps_of(mount)[-1] in root_steps(Root(Path("/images/small"), Path("/state"), mounts=(mount,)))
    assert bare_steps_of(Mount("/run/shared", "/run/shared"))[-1]["target"] == "/run/shared"
    for target in ("/run/new", "/dev/shm/new", "/"):
        with pytest.raises(RuntimeFailure):
            bare_steps_of(Mount("/data", target))
