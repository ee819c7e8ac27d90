"""What became of the jobs of a simulated trace."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.sim.trace import Trace, TraceJob


@dataclass(frozen=True, slots=True)
class Ran:
    """`start` (the last one, where a failure made it begin again) and `end` by the trace's clock. `lost`: its node failed."""

    job: TraceJob
    start: float
    end: float
    lost: bool = False

    @property
    def wait_s(self) -> float:
        """Until the start that counts."""
        return self.start - self.job.submit


@dataclass(frozen=True, slots=True)
class Outcome:
    """`ran`: by the order of submission. `refused`: jobs that the site's limits did not let in, by why; `stuck`: how many never
    started, and `stuck_why`, why the first of them did not. `passes`: how often the policy planned. `took_s`: of this machine's
    time.
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
