"""What became of the jobs of a simulated trace."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsched.model.noun import noun
from hpcsched.sim.trace import Trace, TraceJob

Span = tuple[float, float]
"""From when until when, by the trace's clock."""


@noun(frozen=True, slots=True)
class Ran:
    """`start` (the last one, where a failure or another job made it begin again) and `end` by the trace's clock. `lost`: its node
    failed, or another job took it. `earlier`: runs that were in vain; `pauses`: when it stood still, frozen.
    """

    job: TraceJob
    start: float
    end: float
    lost: bool = False
    earlier: tuple[Span, ...] = ()
    pauses: tuple[Span, ...] = ()
    shares: tuple[Span, ...] = ()
    """Of an array: when it had each of its processors."""

    @property
    def wait_s(self) -> float:
        """Until the start that counts."""
        return self.start - self.job.submit

    @property
    def run_s(self) -> float:
        """Of the run that counts, without its breaks."""
        return self.end - self.start - sum(end - begin for begin, end in self.pauses)

    @property
    def wasted_s(self) -> float:
        return sum(end - begin for begin, end in self.earlier) + (self.run_s if self.lost else 0.0)

    def busy(self) -> Iterator[Span]:
        """When it had processors and used them; an array, one of them each time."""
        if self.job.tasks:
            yield from self.shares
            return
        yield from self.earlier
        yield from self.spans()

    def spans(self) -> Iterator[Span]:
        """Of the run that counts, without its breaks."""
        begin = self.start
        for stop, go_on in self.pauses:
            yield begin, stop
            begin = go_on
        yield begin, self.end

    def waited(self) -> Iterator[Span]:
        """When it was in the queue."""
        since = self.job.submit
        for begin, end in self.earlier:
            yield since, begin
            since = end
        yield since, self.start


@noun(frozen=True, slots=True)
class Outcome:
    """`ran`: by the order of submission. `refused`: jobs that the site's limits did not let in, by why; `stuck`: how many never
    started, and `stuck_why`, why the first of them did not. `passes`: how often the policy planned. `preemptions`: how often a
    job gave nodes up for another. `canaries`: how many were begun, and `driven_off`, how many made way for jobs. `took_s`: of
    this machine's time.
    """

    label: str
    trace: Trace
    processors: int
    ran: tuple[Ran, ...]
    refused: tuple[tuple[str, int], ...] = ()
    stuck: int = 0
    stuck_why: str = ""
    passes: int = 0
    failures: int = 0
    took_s: float = 0.0
    preemptions: int = 0
    canaries: int = 0
    driven_off: int = 0
