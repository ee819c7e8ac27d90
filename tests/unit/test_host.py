"""Facts of the node, from a made-up /proc and /sys and from the real ones."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from hpcsched.hardware import host

FACTS = (host.boot_id, host.kernel_version, host.cpu_model, host.clock_source, host.thp_mode, host.governor, host.numa_balancing)


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_what_the_kernel_does_not_tell_is_empty(tmp_path: Path) -> None:
    assert [fact(tmp_path) for fact in FACTS] == [""] * len(FACTS)
    assert host.online_memory(tmp_path) == 0


def test_this_node_tells_its_kernel_boot_and_memory() -> None:
    assert host.kernel_version() == os.uname().release
    assert len(host.boot_id()) == 36
    assert host.online_memory() == psutil.virtual_memory().total


def test_the_chosen_huge_page_mode_is_the_one_in_brackets(tmp_path: Path) -> None:
    write(tmp_path, "sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
    assert host.thp_mode(tmp_path) == "madvise"


def test_governors_that_differ_are_all_named(tmp_path: Path) -> None:
    for cpu, name in (("cpu0", "powersave"), ("cpu1", "performance"), ("cpu11", "powersave")):
        write(tmp_path, f"sys/devices/system/cpu/{cpu}/cpufreq/scaling_governor", f"{name}\n")
    write(tmp_path, "sys/devices/system/cpu/cpufreq/scaling_governor", "none of these\n")
    assert host.governor(tmp_path) == "performance,powersave"


@pytest.mark.parametrize(
    ("cpuinfo", "model"),
    [
        ("processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD  EPYC\n\nprocessor\t: 1\nmodel name\t: other\n", "AMD EPYC"),
        ("processor\t: 0\ncpu\t\t: POWER9, altivec supported\n", "POWER9, altivec supported"),
        ("processor\t: 0\nBogoMIPS\t: 50.00\n", "Board Mark 3"),
    ],
)
def test_the_cpu_has_a_name_on_every_architecture(tmp_path: Path, cpuinfo: str, model: str) -> None:
    write(tmp_path, "proc/cpuinfo", cpuinfo)
    write(tmp_path, "sys/firmware/devicetree/base/model", "Board Mark 3\0")
    assert host.cpu_model(tmp_path) == model


def test_the_clock_and_the_balancer_are_as_the_kernel_writes_them(tmp_path: Path) -> None:
    write(tmp_path, "sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n")
    write(tmp_path, "proc/sys/kernel/numa_balancing", "1\n")
    assert (host.clock_source(tmp_path), host.numa_balancing(tmp_path)) == ("tsc", "1")
