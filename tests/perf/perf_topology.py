"""How long it takes to read a node's hardware."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from time import perf_counter

from hpcsched.hardware import lstopo
from hpcsched.hardware.lstopo import LIVE, TopologySource, synthetic
from hpcsched.hardware.topology import parse_topology, read_topology

ROUNDS = 25
TIMEOUT_S = 30.0
LARGE = synthetic("pack:2 numa:4 l3:8 l2:8 l1d:1 core:1 pu:2")


def measure() -> list[tuple[str, str]]:
    """Label and text with the median of one reading beside `lstopo` alone in the same rounds (aim: 100 ms)."""
    xml = lstopo.read(LARGE, TIMEOUT_S)
    return [
        ("read 512 cores, 8 NUMA nodes, 1,024 PUs", _beside(LARGE)),
        (f"of these, parse {len(xml) >> 10} KiB of XML", f"{_median_s(lambda: parse_topology(xml)) * 1e3:.1f} ms"),
        ("read this machine", _beside(LIVE)),
    ]


def _beside(source: TopologySource) -> str:
    mine, alone = _medians_s(lambda: read_topology(source, TIMEOUT_S), lambda: _lstopo(source))
    return f"{mine * 1e3:.1f} ms; lstopo alone {alone * 1e3:.1f} ms (ratio {mine / alone:.1f})"


def _lstopo(source: TopologySource) -> None:
    """Its own default output of XML, thrown away."""
    subprocess.run([lstopo.PROGRAM, *source.arguments, "--of", "xml"], stdout=subprocess.DEVNULL, check=True)


def _medians_s(*calls: Callable[[], object]) -> list[float]:
    """One after the other in each round, so that all meet the same disturbance."""
    rounds = [[_timed_s(call) for call in calls] for _ in range(ROUNDS)]
    return [sorted(times)[ROUNDS // 2] for times in zip(*rounds, strict=True)]


def _median_s(call: Callable[[], object]) -> float:
    return _medians_s(call)[0]


def _timed_s(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start
