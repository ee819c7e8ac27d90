"""fio (https://fio.readthedocs.io): what it is asked for, and what its JSON says. Each block carries its checksum."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcsched.bench.program import NO_SPEED
from hpcsched.errors import MissingTool, WrongResult

BLOCK = 4096
CORRUPT = 84
"""EILSEQ, with which fio ends a job that read other data than it wrote."""


@dataclass(frozen=True, slots=True)
class Work:
    """`file` bytes are written and read in order; `random` bytes of them in blocks of 4 KiB at random places."""

    file: int
    random: int


def find() -> str:
    """Its path. Raises MissingTool."""
    found = shutil.which("fio")
    if found is None:
        raise MissingTool("no fio on this node; install it: apt install fio")
    return found


def in_order(fio: str, file: Path, work: Work) -> list[str]:
    """Writes a new file in blocks of 1 MiB, then reads all of it back; four of them under way."""
    return _job(fio, file, work, "in-order", "write", "--bs=1m", "--iodepth=4")


def at_random(fio: str, file: Path, work: Work) -> list[str]:
    """Overwrites blocks of 4 KiB of that file, then reads them back in the same random order; 16 of them under way."""
    return _job(fio, file, work, "at-random", "randwrite", f"--bs={BLOCK}", "--iodepth=16", f"--io_size={work.random}")


def _job(fio: str, file: Path, work: Work, name: str, way: str, *how: str) -> list[str]:
    what = [f"--name={name}", f"--rw={way}", f"--filename={file}", f"--size={work.file}", *how]
    check = ["--verify=crc32c", f"--verify_interval={BLOCK}", "--verify_fatal=1", "--do_verify=1", "--verifysort=0"]
    rest = ["--direct=1", "--ioengine=libaio", "--thread", "--verify_state_save=0", "--output-format=json"]
    return [fio, *what, *check, *rest]


def figures(text: str) -> dict[str, Mapping[str, Any]]:
    """`read` and `write`: what fio says of its one job. Raises WrongResult when it failed or did nothing of either."""
    job = _job_of(text)
    error = int(job["error"])
    if error:
        what = "read other data than it wrote" if error == CORRUPT else f"ended with error {error}"
        raise WrongResult(f"fio's job {job['jobname']} {what}: {NO_SPEED}")
    idle = [way for way in ("read", "write") if job[way]["bw_bytes"] <= 0 or job[way]["iops"] <= 0]
    if idle:
        raise WrongResult(f"fio did no {' and no '.join(idle)}: {NO_SPEED}")
    return {"read": job["read"], "write": job["write"]}


def _job_of(text: str) -> Mapping[str, Any]:
    """Its notes may come before the object."""
    try:
        jobs: Sequence[Mapping[str, Any]] = json.loads(text[text.index("{") :])["jobs"]
        return jobs[0]
    except (ValueError, KeyError, TypeError, IndexError):
        raise WrongResult(f"fio printed no result: {text.strip()[:200] or 'nothing'}") from None
