"""The start of every job, as CSV."""

from __future__ import annotations

import csv
import io

from hpcsched.sim.outcome import Outcome

COLUMNS = ("id", "submit", "start", "run", "procs", "est")


def starts_csv(outcome: Outcome) -> str:
    """By the order of submission; times in seconds by the trace's clock, whole ones without a point."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for ran in outcome.ran:
        job = ran.job
        writer.writerow([job.id, *(f"{value:.15g}" for value in (job.submit, ran.start, job.run, job.processors, job.estimate))])
    return text.getvalue()
