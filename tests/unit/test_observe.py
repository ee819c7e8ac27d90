"""What is read of a process, from texts as the kernel writes them and from this process itself."""

import os
import subprocess
from pathlib import Path

import pytest

from hpcsched.errors import ContainerGone
from hpcsched.hardware.cgroup_layout import Layout, read_layout
from hpcsched.model.container import Rlimit
from hpcsched.model.idset import IdSet
from hpcsched.runtimes.observe import group_of, observe, read_limits, root_of

LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max locked memory         65536                unlimited            bytes
Max open files            1024                 1048576              files
Max processes             94000                94000                processes
"""
OVERLAY = r"""
501 400 0:61 / / rw,relatime - overlay overlay rw,lowerdir=/images/my\,image:/x,upperdir=/u,workdir=/w
502 501 0:22 / /proc rw - proc proc rw
""".strip()


def test_the_root_is_named_by_its_lowest_layer_or_its_disk():
    assert root_of(OVERLAY) == r"overlay /images/my\,image:/x"
    assert root_of("27 1 254:0 / / rw,relatime - ext4 /dev/vda1 rw,discard") == "ext4 /dev/vda1"


def test_of_several_mounts_on_the_root_the_last_one_counts():
    assert root_of(
        "1 1 0:2 / / rw - rootfs rootfs rw\n27 1 254:0 / / rw - xfs /dev/sda rw\n28 27 0:5 / /x rw - tmpfs none rw"
    ) == ("xfs /dev/sda")


def test_limits_are_read_by_their_names_in_the_system_call():
    assert read_limits(LIMITS) == (
        Rlimit("cpu", -1, -1),
        Rlimit("memlock", 65536, -1),
        Rlimit("nofile", 1024, 1048576),
        Rlimit("nproc", 94000, 94000),
    )


def test_a_process_is_shown_as_the_kernel_sees_it():
    layout = read_layout(Path("/proc/self/mountinfo").read_text())
    seen = observe(os.getpid(), "baremetal", layout, "no-such-group")
    assert seen.cpus == IdSet.of(os.sched_getaffinity(0))
    assert seen.namespaces == ()
    assert seen.partition == ""
    assert seen.kernel == os.uname().release
    assert group_of(os.getpid(), "memory", layout).is_dir()


def test_a_controller_that_there_is_not_has_no_group():
    assert group_of(os.getpid(), "memory", Layout(())) is None


def test_a_process_that_nobody_has_waited_for_yet_is_a_container_that_is_gone():
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ContainerGone, match=f"process {process.pid}"):
            observe(process.pid, "lxc", Layout(()), "x")


def test_a_process_that_has_ended_is_a_container_that_is_gone():
    with subprocess.Popen(["true"]) as process:
        pass
    for look in (lambda: observe(process.pid, "lxc", Layout(()), "x"), lambda: group_of(process.pid, "memory", Layout(()))):
        with pytest.raises(ContainerGone, match=f"process {process.pid}"):
            look()
