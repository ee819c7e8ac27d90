"""What `doctor` makes of a host: each check over a small tree of files or a given figure."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from hpcsched.cli import check_kernel, check_tools, doctor
from hpcsched.cli.check import Check, Status, fail, ok, warn
from hpcsched.cli.main import invoke

OK, WARN, FAIL = Status.OK, Status.WARN, Status.FAIL
V1 = "".join(
    f"{number} 20 0:{number} / /sys/fs/cgroup/{name} rw,nosuid - cgroup cgroup rw,{name}\n"
    for number, name in enumerate(("cpuset", "cpu,cpuacct", "memory", "devices", "freezer", "pids"), start=30)
)
V2 = "29 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
MOUNTS, V2_FILE = "proc/self/mountinfo", "sys/fs/cgroup/cgroup.controllers"
CLOCK = "sys/devices/system/clocksource/clocksource0/current_clocksource"
THP = "sys/kernel/mm/transparent_hugepage/enabled"
GOVERNOR = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
BALANCING, NODE0, NODE1 = (
    "proc/sys/kernel/numa_balancing",
    "sys/devices/system/node/node0/x",
    "sys/devices/system/node/node1/x",
)
LXCFS = "50 20 0:50 / {} rw - fuse.lxcfs lxcfs rw,user_id=0\n"
Tree = dict[str, str]

KERNEL: list[tuple[Callable[[Path], Check], Tree, Status, str]] = [
    (check_kernel.kernel, {"proc/sys/kernel/osrelease": "6.1.0-18-amd64\n"}, OK, "6.1.0-18-amd64"),
    (check_kernel.kernel, {"proc/sys/kernel/osrelease": "5.12.0\n"}, OK, "5.12.0"),
    (check_kernel.kernel, {"proc/sys/kernel/osrelease": "5.9.16\n"}, FAIL, "5.9.16"),
    (check_kernel.kernel, {}, FAIL, "unknown"),
    (check_kernel.overlay, {"proc/filesystems": "nodev\tsysfs\nnodev\toverlay\n\text4\n"}, OK, "in the kernel"),
    (check_kernel.overlay, {"proc/filesystems": "nodev\tsysfs\n\text4\n"}, FAIL, "not in"),
    (check_kernel.cgroups, {MOUNTS: V1}, OK, "version 1"),
    (check_kernel.cgroups, {MOUNTS: V1.replace("rw,memory", "rw,name=other")}, FAIL, "missing: memory"),
    (check_kernel.cgroups, {MOUNTS: V2, V2_FILE: "cpuset cpu io memory pids\n"}, OK, "version 2"),
    (check_kernel.cgroups, {MOUNTS: V2, V2_FILE: "cpu io memory pids\n"}, FAIL, "missing: cpuset"),
    (check_kernel.cgroups, {}, FAIL, "missing: cpuacct cpuset devices freezer memory pids"),
    (check_kernel.clock, {CLOCK: "tsc\n"}, OK, "tsc"),
    (check_kernel.clock, {CLOCK: "hpet\n"}, WARN, "hpet"),
    (check_kernel.huge_pages, {THP: "always [madvise] never\n"}, OK, "madvise"),
    (check_kernel.huge_pages, {THP: "always madvise [never]\n"}, WARN, "never"),
    (check_kernel.huge_pages, {}, WARN, "not in the kernel"),
    (check_kernel.governor, {}, OK, "none"),
    (check_kernel.governor, {GOVERNOR: "performance\n"}, OK, "performance"),
    (check_kernel.governor, {GOVERNOR: "powersave\n"}, WARN, "powersave"),
    (check_kernel.numa_balancing, {BALANCING: "0\n", NODE0: "", NODE1: ""}, OK, "off"),
    (check_kernel.numa_balancing, {BALANCING: "1\n", NODE0: ""}, OK, "one memory node"),
    (check_kernel.numa_balancing, {BALANCING: "1\n", NODE0: "", NODE1: ""}, WARN, "on"),
    (check_kernel.threads, {"sys/devices/system/cpu/smt/active": "1\n"}, OK, "whole cores"),
    (check_kernel.threads, {}, OK, "off"),
    (check_kernel.swap, {"proc/swaps": "Filename Type Size Used Priority\n"}, OK, "none"),
    (check_kernel.swap, {"proc/swaps": "Filename Type Size Used Priority\n/dev/sda2 partition 9 0 -2\n"}, WARN, "/dev/sda2"),
    (check_kernel.lxcfs, {MOUNTS: LXCFS.format("/var/lib/lxcfs")}, OK, "not over"),
    (check_kernel.lxcfs, {MOUNTS: LXCFS.format("/proc/cpuinfo")}, WARN, "/proc/cpuinfo"),
]


@pytest.mark.parametrize(("look", "tree", "status", "found"), KERNEL)
def test_the_kernel_is_judged_by_its_files(
    look: Callable[[Path], Check], tree: Tree, status: Status, found: str, tmp_path: Path
) -> None:
    for name, text in tree.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _judged(look(tmp_path), status, found)


def _no_lxc() -> str:
    raise ImportError("No module named 'lxc'")


TOOLS: list[tuple[Check, Status, str]] = [
    (check_tools.root_user(0), OK, "root"),
    (check_tools.root_user(1000), FAIL, "uid 1000"),
    (check_tools.python((3, 11, 2)), OK, "3.11.2"),
    (check_tools.python((3, 10, 9)), FAIL, "3.10.9"),
    (check_tools.liblxc(lambda: "5.0.2"), OK, "5.0.2"),
    (check_tools.liblxc(_no_lxc), FAIL, "No module"),
    (check_tools.program("cc", "gcc", "cost", lambda name: "/usr/bin/cc"), OK, "/usr/bin/cc"),
    (check_tools.program("cc", "gcc", "cost", lambda name: None), FAIL, "not installed"),
    (check_tools.memlock(resource.RLIM_INFINITY), OK, "unlimited"),
    (check_tools.memlock(8 << 20), WARN, "8M"),
    (check_tools.shared_memory(4 << 30, 16 << 30), OK, "4G"),
    (check_tools.shared_memory(64 << 20, 16 << 30), WARN, "64M"),
    (check_tools.shared_memory(0, 16 << 30), WARN, "missing"),
    (check_tools.disk(Path("/var"), 20 << 30), OK, "20G free at /var"),
    (check_tools.disk(Path("/var"), 5 << 30), WARN, "5G"),
    (check_tools.disk(Path("/var"), 5 << 20), FAIL, "5M"),
    (check_tools.entry_points(lambda kind: ["fifo", "sqlite", "lxc", "baremetal"]), OK, "lxc"),
    (check_tools.entry_points(lambda kind: ["fifo", "sqlite", "lxc"]), FAIL, "runtimes:baremetal"),
]


@pytest.mark.parametrize(("check", "status", "found"), TOOLS)
def test_tools_and_room_are_judged_by_their_figures(check: Check, status: Status, found: str) -> None:
    _judged(check, status, found)


def _judged(check: Check, status: Status, found: str) -> None:
    assert (check.status, found in check.found) == (status, True)
    assert bool(check.cost) == bool(check.mend) == (status is not OK), (
        "what is wrong has a cost and a remedy, what is right has none"
    )


@pytest.mark.parametrize(
    ("checks", "code"), [([ok("a", "x")], 0), ([warn("a", "x", "c", "m")], 0), ([fail("a", "x", "c", "m")], 1)]
)
def test_only_a_failed_check_makes_doctor_fail(
    checks: list[Check], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda state, cdi_dirs: checks)
    assert invoke(["doctor"]) == code
    printed = capsys.readouterr().out
    assert ("mend:  m" in printed) == bool(checks[0].mend)


def test_this_host_is_examined_in_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = [invoke(["doctor", "--state", str(tmp_path / "not" / "there"), "--output", form]) for form in ("json", "plain")]
    printed = capsys.readouterr().out
    listed, _ = json.JSONDecoder().raw_decode(printed)
    lines = printed[printed.rindex("]") + 1 :].strip().splitlines()
    assert [line.split("\t")[:2] for line in lines] == [[check["name"], check["status"]] for check in listed]
    assert codes == [int(any(check["status"] == "fail" for check in listed))] * 2
    assert f"free at {tmp_path}" in printed
