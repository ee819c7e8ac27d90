"""Device nodes: are they what was granted, are they inside, and what do a container's control groups let through?"""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from hpcsched.errors import BindingMismatch, ContainerGone, RuntimeFailure
from hpcsched.model.container import DeviceNode

_KINDS = {"c": stat.S_ISCHR, "b": stat.S_ISBLK}


def check_nodes(nodes: Iterable[DeviceNode]) -> None:
    """Each is on the node what it says. Raises RuntimeFailure for the first that is not: its driver was loaded anew, perhaps."""
    for node in nodes:
        _check_form(node)
        seen = numbers(Path(node.path))
        if seen != _asked(node):
            raise RuntimeFailure(
                f"device node {node.path} is {seen or 'not there'}, not {_asked(node)}: has its driver changed? restart the agent"
            )


def _check_form(node: DeviceNode) -> None:
    path = PurePosixPath(node.path)
    if str(path) != node.path or not path.is_relative_to("/dev") or ".." in path.parts or any(map(str.isspace, node.path)):
        raise RuntimeFailure(f"device node {node.path!r} is no plain path under /dev")
    if not node.access or set(node.access) - set("rwm") or node.kind not in _KINDS:
        raise RuntimeFailure(f"device node {node.path}: {node.kind!r} {node.access!r} is no kind (c, b) and access (r, w, m)")


def _asked(node: DeviceNode) -> str:
    return f"{node.kind} {node.major}:{node.minor}"


def numbers(path: Path) -> str:
    """Kind and numbers as in `devices.list`, e.g. `c 195:0`; empty for what is no device node. No link is followed."""
    try:
        found = path.lstat()
    except OSError:
        return ""
    kind = next((kind for kind, is_one in _KINDS.items() if is_one(found.st_mode)), "")
    return kind and f"{kind} {os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"


def check_inside(root: Path, granted: Iterable[DeviceNode], refused: Iterable[DeviceNode]) -> None:
    """What a container with that root sees: all that was granted, nothing that was refused. Raises BindingMismatch."""
    for nodes, there in ((granted, True), (refused, False)):
        for node in nodes:
            asked, seen = _asked(node) if there else "", numbers(root / node.path.lstrip("/"))
            if asked != seen:
                raise BindingMismatch(f"device node {node.path} inside", asked, seen)


def try_nodes(init: Path, procs: Path, nodes: Sequence[DeviceNode], deadline_s: float = 10.0) -> dict[str, str]:
    """Open each from within the control group of that `cgroup.procs`: by path, `ok` or a name of errno(3).

    ETIMEDOUT for those that the deadline left without an answer. Raises ContainerGone.
    """
    wanted = [word for node in nodes for word in (node.access, node.path)]
    answers = _answers([str(init), "--try", str(procs), *wanted], deadline_s)
    answers += [str(errno.ETIMEDOUT)] * (len(nodes) - len(answers))
    return {node.path: _name(int(answer)) for node, answer in zip(nodes, answers, strict=True)}


def _name(number: int) -> str:
    return errno.errorcode.get(number, str(number)) if number else "ok"


def _answers(command: list[str], deadline_s: float) -> list[str]:
    """A driver may hold the process in the kernel for good, so that a killed one is not waited for either."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        said, complaints = process.communicate(timeout=deadline_s)
    except subprocess.TimeoutExpired as late:
        return _given_up(process, late.output or b"")
    if process.returncode != 0:
        raise ContainerGone(f"cannot try devices in the container's control group: {complaints.decode(errors='replace').strip()}")
    return said.decode().split()


def _given_up(process: subprocess.Popen[bytes], said: bytes) -> list[str]:
    process.kill()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
    return said.decode().split()
