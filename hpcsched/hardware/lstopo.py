"""hwloc's own reader as a child process: a strange /sys may crash or hang it, and takes nothing of ours along."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hpcsched.errors import MissingTool, TopologyError

PROGRAM = "lstopo-no-graphics"
_ARGUMENTS = ("--disallowed", "--filter", "icache:none", "--filter", "misc:none", "--of", "xml")
_COMPONENTS = "-cuda,-nvml,-opencl,-rsmi,-levelzero,-gl"
"""Plug-ins that start a vendor's driver or ask an X server: seconds, for names that are not used (hwloc(7), HWLOC_COMPONENTS)."""


@dataclass(frozen=True, slots=True)
class TopologySource:
    """Where hwloc looks: arguments and environment variables on top of its own."""

    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


LIVE = TopologySource()


def synthetic(description: str) -> TopologySource:
    """A made-up machine, e.g. `pack:2 numa:2 core:4 pu:2` (hwloc(7), "Synthetic topologies")."""
    return TopologySource(("-i", description))


def capture(root: Path) -> TopologySource:
    """A copy of another machine's /proc and /sys, as hwloc-gather-topology makes it."""
    return TopologySource(environment=(("HWLOC_FSROOT", str(root)), ("HWLOC_COMPONENTS", "linux,stop")))


def read(source: TopologySource, timeout_s: float) -> bytes:
    """hwloc XML of the version that the installed hwloc writes, also with what this process may not use.

    Raises MissingTool, TopologyError.
    """
    try:
        done = subprocess.run(
            [PROGRAM, *source.arguments, *_ARGUMENTS],
            env={"HWLOC_COMPONENTS": _COMPONENTS, **os.environ, "LC_ALL": "C", **dict(source.environment)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError:
        raise MissingTool(f"{PROGRAM} is not installed: apt-get install hwloc") from None
    except OSError as error:
        raise TopologyError(f"cannot run {PROGRAM}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise TopologyError(f"{PROGRAM} gave no answer within {timeout_s:g} s") from None
    if done.returncode or not done.stdout:
        raise TopologyError(f"{PROGRAM} {_how_it_ended(done.returncode)}: {_last_line(done.stderr)}")
    return done.stdout


def _how_it_ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"failed with exit code {code}"


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "it said nothing")
