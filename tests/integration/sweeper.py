"""A sweep as a process of its own, to be killed at will: `sweeper.py FOLDER`; says what it begins, a line for each sample."""

import sys
from pathlib import Path

from hpcsched.bench.sweep import Ahead, Case, Sweep, axis, expand, run_sweep
from hpcsched.bench.sweep_folder import opened
from hpcsched.cli.bench_sweep_values import applied
from hpcsched.testing.jobs import FakeJobs, Model

AXES = tuple(map(axis, ("threads=1,2,4", "env:A=1,2,3,4")))
BASE = Case(names=("dgemm",), pairs=6, precision=-1)
SWEEP = Sweep(BASE, AXES, expand(BASE, AXES, applied), seed=1)


def tell(now: Ahead) -> None:
    print(f"sample {now.case.title}" if now.sample else f"begin {now.case.title}", flush=True)


def sweep(folder: Path) -> None:
    jobs = FakeJobs(Model(noise=0.0))
    with opened(folder) as out:
        run_sweep(jobs, SWEEP, out, tell, clock=jobs.clock)


if __name__ == "__main__":
    sweep(Path(sys.argv[1]))
