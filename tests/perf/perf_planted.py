"""What planted slowdowns come out as, with figures: each is a whole run of the harness whose container arm is burdened."""

from __future__ import annotations

from pathlib import Path

from hpcsched.bench.handicap import Handicap, busy, cores, memory_node, no_store_bypass, seccomp
from hpcsched.bench.runner import run
from hpcsched.bench.verdict import percent
from hpcsched.client import Client
from tests.perf.cluster import up

TOIL = Path(__file__).parents[1] / "system" / "benchmarks"
PAIRS, BUDGET_S = 30, 90.0


def measure() -> list[tuple[str, str]]:
    with up() as here, here.client() as client:
        (node,) = client.nodes()
        total, memories = len(node.offer.topology.cores), [numa.os_index for numa in node.offer.topology.numa_nodes]
        rows = [row for handicap in _handicaps(total, memories) for row in _rows(client, handicap)]
        rows += [row for handicap in (None, busy(0.02)) for row in _rows(client, handicap, ("noise",), None)]
    if len(memories) < 2:
        rows.append(("memory from the wrong node", "not measured: this machine has one memory node"))
    return rows


def _handicaps(total: int, memories: list[int]) -> list[Handicap | None]:
    fewer = [cores(total - 1)] if total > 1 else []
    far = [memory_node(memories[-1])] if len(memories) > 1 else []
    return [None, busy(0.02), busy(0.2), *fewer, *far, no_store_bypass(), seccomp(100)]


def _rows(
    client: Client, handicap: Handicap | None, names: tuple[str, ...] = (), folder: Path | None = TOIL
) -> list[tuple[str, str]]:
    result = run(client, names, pairs=PAIRS, budget_s=BUDGET_S, folder=folder, handicap=handicap, precision=0.005)
    return [
        (
            f"{handicap.says if handicap else 'no handicap'}: {one.benchmark} {one.metric.name}",
            f"{one.verdict}, {percent(one.ratio)}, {one.ratio.pairs} pairs, could have shown {_least(one.detectable)}"
            f"{'; ' + '; '.join(one.causes) if one.causes else ''}{'; ' + one.reason[:90] if one.verdict == 'void' else ''}",
        )
        for one in result.comparisons
    ]


def _least(detectable: float | None) -> str:
    return "nothing" if detectable is None else f"{detectable:.1%}"
