"""Canaries in the simulator: they run on what is idle and keep no job waiting.

A delay of one second can turn the order of later events, and with backfilling the whole schedule from then on. So the whole
schedule is compared where canaries vanish at once (every policy), and where a job's start cannot come before one ahead of it
(`fifo`: by induction no start is later by more than the second that canaries take).
"""

from __future__ import annotations

import random

import pytest

from hpcsched.sim.canaries import Canaries
from hpcsched.sim.engine import Setting, Turns, simulate
from hpcsched.sim.outcome import Outcome
from hpcsched.sim.study import UNSETTLED, policy_class
from hpcsched.sim.trace import Trace, TraceJob, in_order

POLICIES = ("fifo", "easy", "sjbf", "conservative", "wfp")
NODES = 16


def trace(seed: int, jobs: int = 200) -> Trace:
    """Busy hours and idle ones: jobs come in bursts, of widths and lengths like those of KTH-SP2."""
    chance, now, made = random.Random(seed), 0.0, list[TraceJob]()
    for number in range(1, jobs + 1):
        now += chance.choice((0.0, 20.0, 300.0, 3000.0)) * chance.random()
        run = float(int(10 ** chance.uniform(1, 3.3)))
        estimate = float(int(run * chance.uniform(1, 5))) + 1
        made.append(TraceJob(number, float(int(now)), run, chance.choice((1, 1, 2, 4, 8, 16)), estimate))
    return Trace("bursts", in_order(made))


def run(policy: str, seed: int, canaries: Canaries | None, turns: Turns = Turns.TRACE) -> Outcome:
    setting = Setting(NODES, site=UNSETTLED, turns=turns, check=policy == "fifo", canaries=canaries)
    return simulate(trace(seed), policy_class(policy)(), setting, policy)


def starts(outcome: Outcome) -> dict[int, float]:
    return {ran.job.id: ran.start for ran in outcome.ran}


def later(outcome: Outcome, than: Outcome) -> list[float]:
    before = starts(than)
    return [start - before[number] for number, start in starts(outcome).items()]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("turns", list(Turns))
def test_with_canaries_that_vanish_at_once_every_job_starts_when_it_would_without(policy: str, turns: Turns) -> None:
    with_canaries = run(policy, 1, Canaries(every_s=300.0, run_s=200, vanish_s=0.0), turns)
    assert starts(with_canaries) == starts(run(policy, 1, None, turns))
    assert with_canaries.driven_off > 200


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_canaries_that_take_a_second_to_vanish_delay_no_start_by_more(seed: int) -> None:
    outcome = run("fifo", seed, Canaries(every_s=300.0, run_s=200, vanish_s=1.0))
    delays = later(outcome, run("fifo", seed, None))
    assert outcome.driven_off > 200
    assert max(delays) <= 1.0
    assert max(delays) > 0.0
