"""Planted slowdowns on a simulated fleet with heavy tails, days and nights, wandering nodes and a moving class.

`make perf` reports the delays and the false drains of larger fleets.
"""

from __future__ import annotations

from hpcsched.bench.trial import Fleet, attempt
from hpcsched.bench.watch import Rules
from hpcsched.sim.measuring import Fault

LEARNT_H = 240


def slower_kernel(now: float) -> float:
    """All nodes lose 4 % over two days."""
    return -0.04 * min(1.0, max(0.0, (now / 3600 - LEARNT_H) / 48))


def test_nodes_that_lose_three_per_cent_are_found_within_a_day() -> None:
    began = {node: LEARNT_H + node % 24 for node in range(0, 60, 10)}
    faults = {node: (Fault(hour * 3600.0, 0.03),) for node, hour in began.items()}
    found = attempt(Fleet(60, LEARNT_H + 48, faults=faults), Rules())
    delays = {node: found.delay(node, hour) for node, hour in began.items()}
    assert all(delay is not None and delay <= 24 for delay in delays.values()), delays
    assert {node for node, _ in found.drains} == set(began)
    assert found.most <= 6


def test_healthy_nodes_are_drained_less_than_once_in_a_node_year() -> None:
    found = attempt(Fleet(40, 876, common=slower_kernel), Rules())
    assert len(found.drains) < 4, found.reasons


def test_a_repaired_node_comes_back_by_itself() -> None:
    faults = {7: (Fault(LEARNT_H * 3600.0, 0.05, end=(LEARNT_H + 48) * 3600.0),)}
    found = attempt(Fleet(20, LEARNT_H + 120, faults=faults), Rules())
    assert [node for node, _ in found.drains] == [7]
    assert [node for node, _ in found.resumes] == [7]
