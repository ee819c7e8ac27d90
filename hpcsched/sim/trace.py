"""Workload traces: the jobs of a machine's past, or of a model, in the order of their submission."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from hpcsched.errors import InvalidValue
from hpcsched.model.noun import noun

MAX_JOBS = 5_000_000
MAX_PROCESSORS = 65_536


@noun(frozen=True, slots=True)
class TraceJob:
    """`submit` in seconds by the trace's clock, `run` and `estimate` in seconds, `processors` asked for.

    `run` is at most `estimate`: the machine ends a job at its limit. An estimate that the trace does not give is the run time.
    """

    id: int
    submit: float
    run: float
    processors: int
    estimate: float
    user: str = ""
    account: str = ""
    partition: str = ""
    qos: str = ""
    cut: bool = False
    """It ran longer than asked for, and was cut to that."""
    tasks: int = 0
    """Of an array: how many tasks it has, each of which runs `run` seconds and has a processor for itself."""
    width: int = 0
    """Of an array: how many processors it had in its time."""
    throttled: bool = False
    """It never has more of them."""


@noun(frozen=True, slots=True)
class Trace:
    """`jobs` by `submit`, then as they stand in the file. `processors` of the machine as the trace tells it (0: it does not).

    `origin`: what to add to its times to get Unix seconds (0: they are, or nobody knows). `skipped`: how many lines were left
    out, by why; `samples`: the first of them, a sentence each.
    """

    name: str
    jobs: tuple[TraceJob, ...]
    processors: int = 0
    origin: float = 0.0
    skipped: tuple[tuple[str, int], ...] = ()
    samples: tuple[str, ...] = ()
    no_estimate: int = 0
    """Jobs whose estimate is their run time."""
    own: bool = False
    """It is our own accounting."""
    shared: int = 0
    """Jobs that shared a container: those of one container are simulated as one job, for as long as one of them ran."""
    guessed: int = 0
    """Arrays of which it is not known for how long they had nodes: they are thought to have had all of them all the time."""

    @property
    def span_s(self) -> float:
        """Between the first and the last submission."""
        return self.jobs[-1].submit - self.jobs[0].submit if self.jobs else 0.0


def in_order(jobs: Iterable[TraceJob]) -> tuple[TraceJob, ...]:
    return tuple(sorted(jobs, key=lambda job: job.submit))


def fitting(trace: Trace, processors: int) -> Trace:
    """Without the jobs that are larger than the machine. Raises InvalidValue when none is left, or the machine is no machine."""
    if not 1 <= processors <= MAX_PROCESSORS:
        raise InvalidValue(f"{processors} processors is outside 1 to {MAX_PROCESSORS}")
    small = tuple(job for job in trace.jobs if job.processors <= processors)
    left_out = len(trace.jobs) - len(small)
    if not small:
        least = min(job.processors for job in trace.jobs)
        raise InvalidValue(f"every job of {trace.name} is larger than {processors} processors: at least --processors {least}")
    skipped = (*trace.skipped, (f"larger than {processors} processors", left_out)) if left_out else trace.skipped
    return replace(trace, jobs=small, skipped=skipped)


def machine_size(trace: Trace) -> int:
    """What the trace says, or the largest job where it says nothing."""
    return trace.processors or max(max(job.processors, job.width) for job in trace.jobs)


def first_jobs(trace: Trace, count: int) -> Trace:
    return replace(trace, jobs=trace.jobs[:count])


def denser(trace: Trace, factor: float) -> Trace:
    """The same jobs, the times between their submissions divided by `factor`. Raises InvalidValue."""
    if not 0.01 <= factor <= 100:
        raise InvalidValue(f"load {factor} is not in the range 0.01 to 100")
    if factor == 1.0 or not trace.jobs:
        return trace
    first = trace.jobs[0].submit
    return _with_jobs(trace, lambda job: replace(job, submit=first + (job.submit - first) / factor))


def exact_estimates(trace: Trace) -> Trace:
    """As if every user had known the run time."""
    return _with_jobs(trace, lambda job: replace(job, estimate=max(job.run, 1.0)))


def _with_jobs(trace: Trace, change: Callable[[TraceJob], TraceJob]) -> Trace:
    return replace(trace, jobs=tuple(map(change, trace.jobs)))
