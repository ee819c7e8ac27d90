"""Slow nodes: how soon the canaries find them, and how often a healthy node is drained, on a simulated fleet.

HPCSCHED_DRIFT_NODES=1000 takes some minutes and gives as many node-years.
"""

import os
import statistics

from hpcsched.bench.trial import Fleet, Found, attempt
from hpcsched.bench.watch import Rules
from hpcsched.sim.measuring import Fault, Noise

NODES = int(os.environ.get("HPCSCHED_DRIFT_NODES", "60"))
YEAR_H = 8760
LEARNT_H = 240
PLANTED = 400
RAMP_S = 3 * 86400.0
ROUGH = Noise(sigma=(0.01, 0.015), outliers=0.03, daily=(0.01, 0.005), wander=0.006)


def measure() -> list[tuple[str, str]]:
    rows = []
    for name, noise in (("1 % noise", Noise()), ("rough: 1.5 % noise, wandering by 0.6 %", ROUGH)):
        healthy = attempt(Fleet(NODES, YEAR_H, noise), Rules())
        rows.append((f"{name}: {NODES} healthy nodes, a year of hourly canaries (aim: under 1 drain)", quiet(healthy)))
        for what, ramp_s in (("at once", 0.0), ("over 3 days", RAMP_S)):
            rows.append((f"{name}: 3 % slower, {what} (aim: found within 24 h)", planted(noise, ramp_s)))
    return rows


def quiet(found: Found) -> str:
    return f"{len(found.drains) / NODES:.3f} drains, {found.suspicions / NODES:.2f} suspicions per node-year"


def planted(noise: Noise, ramp_s: float) -> str:
    """One node of ten; the delay counts from when all of the loss is there, and may be before."""
    count = max(NODES, PLANTED)
    began = {node: LEARNT_H + node % 24 for node in range(0, count, 10)}
    faults = {node: (Fault(hour * 3600.0, 0.03, ramp_s),) for node, hour in began.items()}
    found = attempt(Fleet(count, LEARNT_H + 200, noise, faults), Rules(share=0.2))
    delays = [found.delay(node, hour) for node, hour in began.items()]
    late = sorted(delay - ramp_s / 3600 for delay in delays if delay is not None)
    if not late:
        return "none found"
    return f"{len(late)} of {len(began)} found after {late[0]:.1f} to {late[-1]:.1f} h, half by {statistics.median(late):.1f} h"
