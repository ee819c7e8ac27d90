"""Made-up trees of control groups, as the kernel lays them out: v1 with a hierarchy for each controller, hybrid, v2."""

from hpcsched.hardware.cgroup_layout import read_layout

V1 = """\
31 23 0:28 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs rw,mode=755
34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:10 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/cpuset rw,relatime shared:11 - cgroup cgroup rw,cpuset,clone_children
36 31 0:33 / /sys/fs/cgroup/memory rw,relatime shared:12 - cgroup cgroup rw,memory
37 31 0:34 / /sys/fs/cgroup/devices rw,relatime shared:13 - cgroup cgroup rw,devices
38 31 0:35 / /sys/fs/cgroup/freezer rw,relatime shared:14 - cgroup cgroup rw,freezer
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:15 - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime shared:16 - cgroup cgroup rw,xattr,name=systemd
"""
HUGETLB = "42 31 0:39 / /sys/fs/cgroup/hugetlb rw,relatime shared:18 - cgroup cgroup rw,hugetlb\n"
HYBRID = V1 + "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:17 - cgroup2 cgroup2 rw\n"
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"


def fill(root, files):
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def v1_tree(root, mountinfo=V1):
    names = ("cpu,cpuacct", "cpuset", "memory", "devices", "freezer", "pids", "systemd")
    fill(root, {f"{name}/cgroup.procs": "" for name in names})
    fill(root, {"cpuset/cpuset.cpus": "0-7\n", "cpuset/cpuset.mems": "0-1\n"})
    return read_layout(mountinfo, root)


def hybrid_tree(root):
    """v1, with huge pages alone under v2."""
    fill(root, {"unified/cgroup.controllers": "hugetlb\n", "unified/cgroup.subtree_control": "", "unified/cgroup.procs": ""})
    return v1_tree(root, HYBRID)


def v2_tree(root):
    controllers = "cpuset cpu io memory hugetlb pids rdma\n"
    fill(root, {"cgroup.controllers": controllers, "cgroup.subtree_control": "cpu memory\n", "cgroup.procs": ""})
    return read_layout(V2, root)
