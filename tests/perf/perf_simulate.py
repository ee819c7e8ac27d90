"""A simulated year of KTH-SP2, with each policy, against what was published and beside AccaSim (PyPI); where the trace is not
there, a trace made up.
"""

import csv
import gzip
import random
import subprocess
import tempfile
import time
from pathlib import Path

from hpcsched.sim.engine import Setting, simulate
from hpcsched.sim.metrics import figures
from hpcsched.sim.outcome import Outcome
from hpcsched.sim.study import UNSETTLED, policy_class
from hpcsched.sim.swf import read_swf
from hpcsched.sim.trace import Trace, TraceJob, in_order
from tests.perf.peer import python_with

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
    trace, rows, peer_s = read_swf(KTH), [], accasim_s()
    for policy, (file, published) in PUBLISHED.items():
        began = time.process_time()
        outcome = simulate(trace, policy_class(policy)(), Setting(100, site=UNSETTLED), policy)
        took_s, found = time.process_time() - began, figures(outcome)
        beside = f", {took_s / peer_s:.2f} of AccaSim's easy ({peer_s:.1f} s)" if peer_s else ""
        rows += [
            (
                f"KTH-SP2, {len(trace.jobs):,} jobs, {policy} (aim: under 10 s)",
                f"{took_s:.2f} s of CPU time{beside}, {outcome.passes:,} plans",
            ),
            (
                f"its mean bounded slowdown (published: {published})",
                f"{found.mean_bounded_slowdown:.9f}{differing(outcome, file)}",
            ),
            ("its waits, mean and longest", f"{found.mean_wait_s:,.0f} s, {found.max_wait_s:,.0f} s"),
        ]
    return [*rows, *large()]


def accasim_s() -> float | None:
    """CPU seconds of its EASY backfilling; None: it cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        trace, python = Path(folder, "trace.swf"), python_with("accasim", Path(folder))
        if python is None:
            return None
        with gzip.open(KTH, "rt") as text:
            jobs = [line.split() for line in text if not line.startswith(";")]
        trace.write_text("".join(f"{' '.join([*job[:7], job[4] if job[7] == '-1' else job[7], *job[8:]])}\n" for job in jobs))
        peer = Path(__file__).with_name("accasim_peer.py")
        found = subprocess.run([python, peer, trace, "100", folder], capture_output=True, text=True, check=True)
    return float(found.stdout)


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
