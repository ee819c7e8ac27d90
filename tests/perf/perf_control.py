"""Bare metal against itself, run after run: the control of each is called different no more often than by chance.

HPCSCHED_CONTROL_RUNS=5 takes a quarter of the time, which is 40 minutes or more.
"""

import os
from collections.abc import Sequence

from scipy.stats import binomtest

from hpcsched.bench.runner import run
from hpcsched.bench.verdict import LEVEL, Comparison, Verdict, percent
from tests.perf.cluster import up

ALL_PAIRS = -1.0
RUNS = int(os.environ.get("HPCSCHED_CONTROL_RUNS", "20"))
NAMES, PAIRS = ("dgemm", "syscall"), 12


def measure() -> list[tuple[str, str]]:
    found = list[Sequence[Comparison]]()
    with up() as here, here.client() as client:
        for seed in range(RUNS):
            found.append(run(client, NAMES, pairs=PAIRS, precision=ALL_PAIRS, seed=seed).comparisons)
    erring = [[one for one in run if one.control_verdict is Verdict.DIFFERENT] for run in found]
    count = sum(map(bool, erring))
    return [
        (
            f"runs of {', '.join(NAMES)} ({PAIRS} pairs) that call bare metal different from itself (by chance: {LEVEL:.0%})",
            f"{count} of {RUNS}; as many or more by chance alone: p = {binomtest(count, RUNS, LEVEL, 'greater').pvalue:.2f}",
        ),
        ("metrics so called", f"{sum(map(len, erring))} of {sum(map(len, found))}: {_named(erring) or 'none'}"),
    ]


def _named(erring: Sequence[Sequence[Comparison]]) -> str:
    return "; ".join(f"{one.benchmark} {one.metric.name} {percent(one.control)}" for run in erring for one in run)
