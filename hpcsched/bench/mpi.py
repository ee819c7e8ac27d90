"""The node's MPI: which one it is, and how its processes are started on this node alone, over a transport of our choice."""

from __future__ import annotations

import enum
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpcsched.bench.machine import SYS
from hpcsched.errors import MissingTool
from hpcsched.model.idset import IdSet

ASK_LIMIT_S = 30.0
INSTALL = "apt install openmpi-bin libopenmpi-dev"
ROOT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_ALLOW_RUN_AS_ROOT": "1",
    "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}


class Transport(enum.StrEnum):
    SHARED = "shm"
    TCP = "tcp"


@dataclass(frozen=True, slots=True)
class Mpi:
    """`name` as in `Open MPI 4.1.4`; `compiler` is empty where there is none."""

    name: str
    launcher: str
    compiler: str = ""

    @property
    def is_open(self) -> bool:
        return self.name.startswith("Open MPI")

    @property
    def major(self) -> int:
        found = re.search(r"(\d+)\.", self.name)
        return int(found[1]) if found else 0

    def command(self, processes: int) -> list[str]:
        """To be followed by the program. No process is bound: a program that cares binds itself."""
        if self.is_open:
            return [self.launcher, "--host", f"localhost:{processes}", "-np", str(processes), "--bind-to", "none"]
        return [self.launcher, "-n", str(processes)]

    def env(self, transport: Transport | None = None) -> dict[str, str]:
        """None: whatever transport the MPI takes by itself. Another than Open MPI ignores these."""
        alone = {"OMPI_MCA_plm": "isolated"} if self.major < 5 else {}
        return {**ROOT, **alone, **self._transport(transport)}

    def _transport(self, transport: Transport | None) -> dict[str, str]:
        """Point-to-point layer and byte transfer layers; shared memory is called `vader` before Open MPI 5."""
        if transport is None:
            return {}
        shared = "vader" if self.major < 5 else "sm"
        layers = {Transport.SHARED: f"self,{shared}", Transport.TCP: "self,tcp"}[transport]
        return {"OMPI_MCA_pml": "ob1", "OMPI_MCA_btl": layers, "OMPI_MCA_btl_tcp_if_include": "lo"}


def find() -> Mpi:
    """With its compiler. Raises MissingTool."""
    compiler = shutil.which("mpicc")
    if compiler is None:
        raise MissingTool(f"no MPI compiler (mpicc) on this node; install one: {INSTALL}")
    found = find_launcher()
    return Mpi(found.name, found.launcher, compiler)


def find_launcher() -> Mpi:
    """What starts programs that are compiled already. Raises MissingTool."""
    launcher = shutil.which("mpirun") or shutil.which("mpiexec")
    if launcher is None:
        raise MissingTool(f"no MPI launcher (mpirun) on this node; install one: {INSTALL}")
    asked = subprocess.run([launcher, "--version"], capture_output=True, text=True, check=False, timeout=ASK_LIMIT_S)
    return Mpi(name_of(asked.stdout), launcher)


def name_of(version: str) -> str:
    """From what `mpirun --version` prints: `Open MPI 4.1.4`, `MPICH 4.0.2`, or its first line."""
    first = version.strip().splitlines()[0] if version.strip() else "an MPI that does not say its name"
    if opened := re.search(r"\(Open MPI\) (\S+)", first):
        return f"Open MPI {opened[1]}"
    hydra = re.search(r"Version:\s*(\S+)", version)
    return f"MPICH {hydra[1]}" if first.startswith("HYDRA") and hydra else first[:60]


def one_cpu_of_each_core(cpus: IdSet, sys: Path = SYS) -> Sequence[int]:
    """The lowest bound PU of each core, in order; every PU where the kernel names no siblings."""
    first: dict[str, int] = {}
    for cpu in sorted(cpus):
        file = sys / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        first.setdefault(file.read_text().strip() if file.is_file() else str(cpu), cpu)
    return sorted(first.values())
