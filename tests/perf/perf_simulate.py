"""A simulated year of KTH-SP2, with each policy, against what was published; where the trace is not there, a trace made up."""

import csv
import gzip
import random
from pathlib import Path

from hpcsched.sim.engine import Setting, simulate
from hpcsched.sim.metrics import figures
from hpcsched.sim.outcome import Outcome
from hpcsched.sim.study import UNSETTLED, policy_class
from hpcsched.sim.swf import read_swf
from hpcsched.sim.trace import Trace, TraceJob, in_order

SWF = Path(__file__).parents[3] / "shared" / "data" / "swf"
KTH = SWF / "KTH-SP2-1996-filtered-predictsim.swf.gz"
PUBLISHED = {
    "easy": ("easy", 92.576539734),
    "sjbf": ("sjbf", 69.405400580),
    "conservative": ("cons", 88.997274969),
    "wfp": ("", 54.33),
}
LARGE_JOBS, LARGE_NODES = 2000, 4096


def measure() -> list[tuple[str, str]]:
    if not KTH.exists():
        return [*large(), ("KTH-SP2", f"not measured: there is no {KTH}")]
    trace, rows = read_swf(KTH), []
    for policy, (file, published) in PUBLISHED.items():
        outcome = simulate(trace, policy_class(policy)(), Setting(100, site=UNSETTLED), policy)
        found = figures(outcome)
        rows += [
            (
                f"KTH-SP2, {len(trace.jobs):,} jobs, {policy} (aim: under 10 s)",
                f"{outcome.took_s:.2f} s, {outcome.passes:,} plans",
            ),
            (
                f"its mean bounded slowdown (published: {published})",
                f"{found.mean_bounded_slowdown:.9f}{differing(outcome, file)}",
            ),
            ("its waits, mean and longest", f"{found.mean_wait_s:,.0f} s, {found.max_wait_s:,.0f} s"),
        ]
    return [*rows, *large()]


def differing(outcome: Outcome, file: str) -> str:
    if not file:
        return ""
    with gzip.open(SWF / f"expected-KTH-SP2-{file}.csv.gz", "rt") as text:
        expected = {int(row["id"]): float(row["start"]) for row in csv.DictReader(text)}
    count = sum(expected[ran.job.id] != ran.start for ran in outcome.ran)
    return f", {count} of {len(expected):,} starts differ"


def large() -> list[tuple[str, str]]:
    """Wide jobs on many nodes: the cost of a job's nodes, which count each."""
    chance = random.Random(1)
    jobs = in_order(_job(number, chance) for number in range(1, LARGE_JOBS + 1))
    outcome = simulate(Trace("made up", jobs), policy_class("easy")(), Setting(LARGE_NODES, site=UNSETTLED), "easy")
    nodes = sum(job.processors for job in jobs)
    label = f"{LARGE_JOBS:,} jobs on {LARGE_NODES:,} nodes, {nodes:,} containers, easy"
    return [(label, f"{outcome.took_s:.2f} s, {outcome.took_s / nodes * 1e6:.1f} us a container")]


def _job(number: int, chance: random.Random) -> TraceJob:
    run = float(chance.randrange(60, 86_400))
    return TraceJob(number, float(chance.randrange(5_000_000)), run, int(2 ** chance.uniform(0, 12)), 2 * run)
