"""What is kept on the node of one container: `STATE/containers/NAME/`, made and taken away whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpcsched.errors import ContainerGone, RuntimeFailure
from hpcsched.model.container import ContainerSpec

_FRESH = ".new-"


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths in one container's folder."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def socket(self) -> Path:
        return self.path / "init.sock"

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def log(self) -> Path:
        return self.path / "lxc.log"

    @property
    def skipped(self) -> Path:
        """Mounts that were left out, a line each."""
        return self.path / "skipped"

    @property
    def lacks(self) -> Path:
        """What the node could not give it, a line each."""
        return self.path / "lacks"

    @property
    def launch_pid(self) -> Path:
        """Of the launch child: LXC's monitor, or the bare-metal supervisor. Pid and start time."""
        return self.path / "launch.pid"

    @property
    def init_pid(self) -> Path:
        """Of the supervisor, as the node sees it. Pid and start time."""
        return self.path / "init.pid"


class Folders:
    """The containers of one runtime under one state folder; two runtimes may share it."""

    def __init__(self, state: Path, runtime: str) -> None:
        self.state, self.runtime = state, runtime
        self.containers = state / "containers"

    @property
    def mark(self) -> str:
        """Tells the control groups of this state folder and runtime from all others on the node."""
        return hashlib.sha256(f"{self.state.resolve()}\0{self.runtime}".encode()).hexdigest()[:8]

    def of(self, name: str) -> Folder:
        """Raises RuntimeFailure for a name that is no plain file name."""
        if not name or "/" in name or "\0" in name or name.startswith(".") or len(name) > 128:
            raise RuntimeFailure(f"{name[:40]!r} is no container name: it must be a plain file name of at most 128 characters")
        return Folder(self.containers / name)

    def open(self) -> None:
        """Make the place for them, and take away what an interruption left half made."""
        self.containers.mkdir(mode=0o700, parents=True, exist_ok=True)
        for half in self.containers.glob(f"{_FRESH}*"):
            _delete(half)

    def make(self, spec: ContainerSpec) -> Folder:
        """All at once, so that a folder always has its spec."""
        folder = self.of(spec.name)
        fresh = Folder(self.containers / f"{_FRESH}{spec.name}")
        _delete(fresh.path)
        for part in ("root", "upper", "work", "empty"):
            (fresh.path / part).mkdir(parents=True)
        fresh.path.chmod(0o700)
        fresh.spec.write_text(json.dumps({"runtime": self.runtime, **plain(spec)}))
        os.rename(fresh.path, folder.path)
        return folder

    def names(self) -> set[str]:
        """Of this runtime's containers; a folder that cannot be read counts as ours."""
        if not self.containers.is_dir():
            return set()
        return {entry.name for entry in self.containers.iterdir() if not entry.name.startswith(".") and self.owns(entry.name)}

    def owns(self, name: str) -> bool:
        return bool(_load(self.of(name).spec).get("runtime", self.runtime) == self.runtime)

    def environment(self, name: str) -> tuple[tuple[str, str], ...]:
        """As the spec has it. Raises ContainerGone."""
        spec = _load(self.of(name).spec)
        if not spec or not self.owns(name):
            raise ContainerGone(f"container {name} does not run")
        return tuple((str(key), str(value)) for key, value in spec["env"])

    def drivers(self, name: str) -> dict[str, str]:
        """Names and versions, as the spec has them."""
        return {str(key): str(value) for key, value in _load(self.of(name).spec).get("drivers", ())}

    def refused(self, name: str) -> set[str]:
        """Paths of the device nodes that it must not open."""
        return {str(node["path"]) for node in _load(self.of(name).spec).get("refused", ())}

    def delete(self, name: str) -> None:
        """The folder; a writable layer that is to be kept goes to `STATE/kept/NAME`."""
        folder = self.of(name)
        if _load(folder.spec).get("keep") and (folder.path / "upper").exists():
            self._keep(folder)
        _delete(folder.path)

    def _keep(self, folder: Folder) -> None:
        kept = self.state / "kept" / folder.name
        kept.parent.mkdir(mode=0o700, exist_ok=True)
        _delete(kept)
        os.rename(folder.path / "upper", kept)


def plain(spec: ContainerSpec) -> dict[str, object]:
    """The spec as JSON can hold it; id sets in their text form."""
    binding = {"cpus": str(spec.binding.cpus), "mems": str(spec.binding.mems), "memory": spec.binding.memory}
    return {**asdict(spec), "binding": binding}


def read_pid(path: Path) -> int:
    """The process that a pid file names, 0 when it is gone or another has its number now."""
    try:
        pid, started = path.read_text().split()
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return 0
    return int(pid) if stat[19] == started and stat[0] != "Z" else 0


def write_pid(path: Path, pid: int) -> None:
    """Raises ContainerGone."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        raise ContainerGone(f"container {path.parent.name} is gone") from None
    path.write_text(f"{pid} {started}")


def _load(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _delete(path: Path) -> None:
    """Also trees deeper than Python can walk."""
    if not path.exists():
        return
    try:
        shutil.rmtree(path)
    except (RecursionError, OSError):
        done = subprocess.run(["rm", "-rf", "--one-file-system", "--", str(path)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeFailure(f"cannot delete {path}: {done.stderr.strip().splitlines()[-1]}") from None
