"""What the kernel of this guest says, read without hpcsched's own readers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from hpcsched.model.idset import IdSet

NODES = Path("/sys/devices/system/node")
CPUS = Path("/sys/devices/system/cpu")


def ids(path: Path) -> IdSet:
    """A file that holds a list like 0-3,8."""
    return IdSet.parse(path.read_text().strip())


def nodes_with(what: str) -> list[int]:
    """OS indexes of NUMA nodes with `cpu` or `memory`."""
    return sorted(ids(NODES / f"has_{what}"))


def cpus_of(node: int) -> IdSet:
    return ids(NODES / f"node{node}/cpulist")


def node_of(cpu: int) -> int:
    return next(node for node in nodes_with("cpu") if cpu in cpus_of(node))


def siblings(cpu: int) -> IdSet:
    """The PUs of its core."""
    return ids(CPUS / f"cpu{cpu}/topology/thread_siblings_list")


def distance(node: int, other: int) -> int:
    """SLIT units; the file has one number for each online node, in order."""
    return int((NODES / f"node{node}/distance").read_text().split()[sorted(ids(NODES / "online")).index(other)])


def megabytes(node: int) -> int:
    """MiB in all."""
    found = re.search(r"MemTotal:\s+(\d+) kB", (NODES / f"node{node}/meminfo").read_text())
    assert found
    return int(found[1]) >> 10


def allowed(pid: int) -> tuple[IdSet, IdSet]:
    """CPUs and memory nodes of a process, proc(5)."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    return IdSet.parse(status["Cpus_allowed_list"]), IdSet.parse(status["Mems_allowed_list"])


def pages(pid: int) -> dict[int, int]:
    """Pages on each NUMA node, of memory with no file behind it: a file's pages lie where they were first read (numa(7))."""
    found: dict[int, int] = {}
    for line in Path(f"/proc/{pid}/numa_maps").read_text().splitlines():
        if "anon=" in line and "file=" not in line:
            for node, count in re.findall(r" N(\d+)=(\d+)", line):
                found[int(node)] = found.get(int(node), 0) + int(count)
    return found


def preferred(pid: int) -> str:
    """The memory policy of its heap, as in numa_maps (numa(7))."""
    lines = Path(f"/proc/{pid}/numa_maps").read_text().splitlines()
    return next(line.split(" ", 1)[1].split(" heap")[0] for line in lines if " heap" in line)


def cpu_time(group: Path) -> int:
    """Microseconds that all processes in a control group and below have had."""
    figures = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    return int(figures["usage_usec"])


def stands_still(group: Path) -> bool:
    """All processes in a control group and below are frozen."""
    return "frozen 1" in (group / "cgroup.events").read_text().splitlines()


def opened_from(group: Path, path: str) -> str:
    """What happens when a process of that control group opens a device node of this guest: `ok`, or what the shell says."""
    script = 'echo $$ >"$1/cgroup.procs" && exec 3<>"$2"'
    done = subprocess.run(["/bin/sh", "-c", script, "sh", str(group), path], capture_output=True, text=True, check=False)
    return "ok" if done.returncode == 0 else done.stderr.strip().rpartition(": ")[2]


def figures(group: Path, devices: Iterable[str] = ()) -> dict[str, str]:
    """All that limits a container whose processes are in `group`: its own group's files, what is enabled above, devices."""
    own = group.parent
    found = {str(file): file.read_text().strip() for file in sorted(own.glob("*.max")) + sorted(own.glob("cpuset.*"))}
    found |= {str(above): (above / "cgroup.subtree_control").read_text().strip() for above in (own, *own.parents[:2])}
    return found | {path: opened_from(group, path) for path in ("/dev/null", "/dev/kmsg", *devices)}
