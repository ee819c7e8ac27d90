"""Libraries and programs of NVIDIA's driver: by the site's CDI file, else by nvidia-container-cli, else by their version."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence

from hpcsched.devices import cdi_edits, libraries
from hpcsched.devices.base import Passthrough
from hpcsched.devices.bounds import DRIVER_FOLDERS, is_beneath
from hpcsched.devices.cdi_folder import Entry, read_folders
from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import Mount

KIND = "nvidia.com/gpu"
PROGRAMS = ("nvidia-smi", "nvidia-debugdump", "nvidia-cuda-mps-control", "nvidia-cuda-mps-server")
LISTER = "/usr/bin/nvidia-container-cli"
LISTER_DEADLINE_S = 30.0
RELOAD = "reboot, or unload the old module: rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia && modprobe nvidia nvidia-uvm"
REWRITE = "nvidia-ctk cdi generate --output={}"
_CUDA = re.compile(r"libcuda\.so\.(\d+\.\d+(?:\.\d+)*)")


def cdi_entry(tree: Tree, folders: Sequence[str]) -> Entry | None:
    """A device of the site's CDI file for NVIDIA; None where it has none. Raises DeviceFailure for one that is refused."""
    found = read_folders(tree, folders, lambda kind: kind == KIND)
    wrong = [problem for path, problem in found.problems.items() if KIND in tree.text(path)]
    if not found.entries and wrong:
        raise wrong[0]
    return next(iter(found.entries.values()), None)


def driver_files(tree: Tree, folders: Sequence[str], version: str) -> Passthrough:
    """Mounts and libraries of exactly that version. Raises DeviceFailure."""
    entry = cdi_entry(tree, folders)
    found = _of_cdi(tree, entry) if entry else _of_node(tree, version)
    paths = [path for _, path in found.libraries]
    _check_version(paths, version, REWRITE.format(entry.path) if entry else RELOAD, entry.whose if entry else "the node")
    return found


def _of_cdi(tree: Tree, entry: Entry) -> Passthrough:
    """What of the file applies to all devices; device nodes are found by the driver's own word."""
    for mount in entry.shared.mounts:
        if is_beneath(mount.host_path, DRIVER_FOLDERS) and not tree.exists(mount.host_path):
            what = f"{entry.whose} names {mount.host_path}, which is not there any more: was the driver changed?"
            raise DeviceFailure(what, REWRITE.format(entry.path))
    found = cdi_edits.passthrough(tree, [entry.shared], entry.whose)
    return Passthrough(mounts=found.mounts, libraries=found.libraries, env=found.env, drivers=found.drivers)


def _of_node(tree: Tree, version: str) -> Passthrough:
    files = _listed(tree)
    if files:
        found = [tree.resolved(path) for path in files if libraries.is_library(path)]
    else:
        found = list(libraries.of_version(tree, libraries.folders_of(tree, "libcuda"), version)) or _other_version(tree)
    return Passthrough(mounts=_programs(tree), libraries=libraries.names_of(tree, found))


def _other_version(tree: Tree) -> list[str]:
    """The libcuda that is there, for the message that it is not the module's."""
    folders = libraries.folders_of(tree, "libcuda")
    return [tree.resolved(f"{folder}/{name}") for folder in folders for name in tree.names(folder) if _CUDA.fullmatch(name)]


def _programs(tree: Tree) -> tuple[Mount, ...]:
    places = (f"/usr/bin/{name}" for name in PROGRAMS)
    return tuple(Mount(tree.resolved(place), place) for place in places if tree.exists(place))


def _listed(tree: Tree) -> list[str]:
    """Libraries by the list of the vendor's own tool; none where it is missing, fails or hangs."""
    program = tree.at(tree.resolved(LISTER))
    try:
        done = subprocess.run(
            [program, "list", "--libraries"], capture_output=True, text=True, timeout=LISTER_DEADLINE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return []
    return done.stdout.split() if done.returncode == 0 else []


def library_version(paths: Iterable[str]) -> str:
    """Of libcuda among these files; empty where none is."""
    found = (_CUDA.fullmatch(path.rpartition("/")[2]) for path in paths)
    return next((match[1] for match in found if match), "")


def _check_version(paths: Sequence[str], version: str, mend: str, whose: str) -> None:
    there = library_version(paths)
    if not there:
        raise DeviceFailure(f"{whose} has no libcuda.so.{version} for the NVIDIA kernel module {version}", mend)
    if there != version:
        raise DeviceFailure(f"the NVIDIA kernel module is {version}, but the libraries of {whose} are {there}", mend)
