"""UUIDs of MIG instances, which the kernel module does not show: nvidia-smi is asked."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from xml.etree import ElementTree

from hpcsched.devices.nvidia_proc import Instance
from hpcsched.devices.tree import Tree

PROGRAM = "/usr/bin/nvidia-smi"
DEADLINE_S = 30.0
"""Without the persistence daemon each GPU is initialised first, which takes seconds."""
_GPU = re.compile(r"GPU \d+: .*\(UUID: (GPU-[^)]+)\)")
_MIG = re.compile(r"\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[^)]+)\)")

Place = tuple[str, int, int]
"""UUID of the GPU, its GPU instance, and in that the compute instance."""


def uuids(tree: Tree) -> dict[Place, tuple[str, str]]:
    """UUID and profile (`1g.10gb`) of each instance; none where nvidia-smi does not tell."""
    listed, described = _ask(tree, "-L"), _ask(tree, "-q", "-x")
    return joined(listed, described) if listed and described else {}


def joined(listed: str, described: str) -> dict[Place, tuple[str, str]]:
    """`nvidia-smi -L` has the UUIDs, `nvidia-smi -q -x` the places, both under the instance's number on its GPU."""
    named = _listed(listed)
    try:
        document = ElementTree.fromstring(described)
    except ElementTree.ParseError:
        return {}
    found = {}
    for gpu in document.iterfind("gpu"):
        uuid = gpu.findtext("uuid", "")
        for mig in gpu.iterfind("mig_devices/mig_device"):
            index, outer, inner = (mig.findtext(tag, "") for tag in ("index", "gpu_instance_id", "compute_instance_id"))
            if (uuid, index) in named and outer.isdigit() and inner.isdigit():
                found[uuid, int(outer), int(inner)] = named[uuid, index]
    return found


def name_of(instance: Instance, known: Mapping[Place, tuple[str, str]]) -> tuple[str, str]:
    """UUID and profile; without nvidia-smi's word the name that CUDA took before UUIDs (MIG user guide, R450 and R460)."""
    place = (instance.gpu.uuid, instance.gpu_instance, instance.compute_instance)
    return known.get(place) or (f"MIG-{place[0]}/{place[1]}/{place[2]}", "")


def _listed(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    found, gpu = {}, ""
    for line in text.splitlines():
        if match := _GPU.match(line):
            gpu = match[1]
        elif match := _MIG.match(line):
            found[gpu, match[2]] = (match[3], match[1])
    return found


def _ask(tree: Tree, *options: str) -> str:
    """What it prints; empty where it is missing, fails or hangs."""
    program = tree.at(tree.resolved(PROGRAM))
    try:
        done = subprocess.run([program, *options], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout if done.returncode == 0 else ""
