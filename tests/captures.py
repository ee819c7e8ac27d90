"""hwloc's captures of real machines beside the repository: what tests may add to the machines they make up."""

from __future__ import annotations

import bz2
import subprocess
from functools import cache
from pathlib import Path

import pytest

from hpcsched.hardware.lstopo import capture
from hpcsched.hardware.topology import read_topology, topology_from_file
from hpcsched.model.topology import Topology

FOLDER = Path(__file__).parents[2] / "shared/data/topologies"
GOLDEN = Path(__file__).parent / "golden/topology-2pack-2numa-4core-2pu.xml"

XML_FILES = sorted(FOLDER.glob("*/*.xml"))
ARCHIVES = sorted(FOLDER.glob("*/*.tar.bz2"))
ALL = [*XML_FILES, *ARCHIVES]

needs_captures = pytest.mark.skipif(not ALL, reason=f"no captures of real machines in {FOLDER}")


def each(files: list[Path]) -> pytest.MarkDecorator:
    """One test for each capture, named after it; one that is skipped where there are none."""
    absent = pytest.param(None, marks=pytest.mark.skip(reason=f"no captures of real machines in {FOLDER}"))
    return pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in files] or [absent])


@cache
def machine(path: Path, folder: Path) -> Topology:
    """The topology of one capture; an archive is unpacked in `folder`."""
    return read_topology(capture(unpacked(path, folder))) if path in ARCHIVES else topology_from_file(path)


@cache
def unpacked(path: Path, folder: Path) -> Path:
    target = folder / path.name
    target.mkdir()
    subprocess.run(["tar", "-x", "-C", target], input=bz2.decompress(path.read_bytes()), check=True)
    return next(target.iterdir())
