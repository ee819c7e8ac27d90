"""hwloc's captures of real machines beside the repository: what tests may add to the machines they make up."""

from __future__ import annotations

import bz2
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from hpcsched.hardware.lstopo import capture
from hpcsched.hardware.topology import read_topology, topology_from_file
from hpcsched.model.topology import Topology

FOLDER = Path(__file__).parents[2] / "shared/data/topologies"
GOLDEN = Path(__file__).parent / "golden/topology-2pack-2numa-4core-2pu.xml"
MEMORY = Path("/dev/shm")

XML_FILES = sorted(FOLDER.glob("*/*.xml"))
ARCHIVES = sorted(FOLDER.glob("*/*.tar.bz2"))
ALL = [*XML_FILES, *ARCHIVES]


def each(files: list[Path]) -> pytest.MarkDecorator:
    """One test for each capture, named after it; one that is skipped where there are none."""
    absent = pytest.param(None, marks=pytest.mark.skip(reason=f"no captures of real machines in {FOLDER}"))
    return pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in files] or [absent])


@cache
def machine(path: Path) -> Topology:
    """The topology of one capture."""
    if path in XML_FILES:
        return topology_from_file(path)
    with unpacked(path) as root:
        return read_topology(capture(root))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The root of the /proc and /sys in an archive: ten thousand small files, so in memory where there is such a place.

    The folder is held open: an agent that looks for what its job has left there takes it for somebody's who lives.
    """
    folder = tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None)
    held = os.open(folder, os.O_RDONLY)
    try:
        subprocess.run(["tar", "-x", "-C", folder], input=bz2.decompress(path.read_bytes()), check=True)
        yield next(Path(folder).iterdir())
    finally:
        shutil.rmtree(folder)
        os.close(held)
