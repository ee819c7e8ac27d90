"""Where the pages of programs lie that were not written for NUMA."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hpcsched.bench.handicap import memory_node
from hpcsched.bench.interleave import SET_POLICY, interleave
from hpcsched.bench.machine import allowed_nodes

IMPORTS = "from hpcsched.bench.interleave import SET_POLICY, _set, allowed_nodes, interleave\n"
SHOW_MAPS = "print(open('/proc/self/numa_maps').read())\n"
needs_policies = pytest.mark.skipif(
    not Path("/proc/self/numa_maps").is_file() or platform.machine() not in SET_POLICY,
    reason="this kernel shows no memory policies, or the machine's number of set_mempolicy(2) is not known",
)


def printed(command: Sequence[str]) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


def test_one_memory_node_is_named_and_needs_no_interleaving(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/status").write_text("Name:\tx\nMems_allowed_list:\t3\n")
    assert interleave(tmp_path) == "node 3"


@needs_policies
def test_a_policy_that_a_program_was_started_with_is_not_interleaved_away(tmp_path: Path) -> None:
    node = allowed_nodes().first()
    (tmp_path / "self").mkdir()
    (tmp_path / "self/status").write_text(f"Mems_allowed_list:\t{node}-{node + 1}\n")
    script = f"import pathlib\n{IMPORTS}print(interleave(pathlib.Path({str(tmp_path)!r})))\n{SHOW_MAPS}"
    said, *maps = printed(memory_node(node).wrap((sys.executable,), (sys.executable, "-c", script)))
    assert said == f"on {node}-{node + 1}, by the policy that it was started with"
    assert any(f" bind:{node} " in line for line in maps)
    assert not any("interleave" in line for line in maps)


@needs_policies
def test_the_kernel_shows_the_interleaving_that_was_asked_for() -> None:
    script = f"import platform\n{IMPORTS}print(_set(SET_POLICY[platform.machine()], allowed_nodes()))\n{SHOW_MAPS}"
    first, *maps = printed((sys.executable, "-c", script))
    assert first == "True"
    assert any(f"interleave:{allowed_nodes()}" in line for line in maps)
