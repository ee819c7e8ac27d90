"""One sample: a job, what it answered, and what the kernel showed of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from hpcsched.bench.about import Metric
from hpcsched.bench.result import Sample
from hpcsched.bench.submit import Answer, Jobs, execute, observed, read_answer
from hpcsched.errors import HpcschedError, WrongResult
from hpcsched.model.container import Observed
from hpcsched.model.job import Job, JobSpec


@dataclass(frozen=True, slots=True)
class Taken:
    """`environment`: the fingerprint taken inside, and what the agent read back from outside."""

    sample: Sample
    environment: dict[str, str] = field(default_factory=dict)


def take(jobs: Jobs, spec: JobSpec, blank: Sample, metrics: Sequence[Metric]) -> Taken:
    """The `blank` sample filled in. A job that fails makes a sample with an error, not an exception."""
    try:
        job, output = execute(jobs, spec)
    except HpcschedError as error:
        return Taken(dataclasses.replace(blank, error=str(error)))
    placed = _placed(blank, job)
    try:
        return _with_values(placed, read_answer(job, output), metrics)
    except WrongResult as error:
        return Taken(dataclasses.replace(placed, error=str(error)))


def _placed(blank: Sample, job: Job) -> Sample:
    seen, part = observed(job), job.parts[0] if job.parts else None
    sampled = part.sampled if part else None
    return dataclasses.replace(
        blank,
        job_id=job.id,
        node=job.allocation.nodes[0] if job.allocation else "",
        cpus=str(seen.cpus) if seen else "",
        mems=str(seen.mems) if seen else "",
        steal=sampled.steal if sampled else -1.0,
        throttled=sampled.throttled if sampled else -1,
        others=sampled.others if sampled else -1.0,
    )


def _with_values(sample: Sample, answer: Answer, metrics: Sequence[Metric]) -> Taken:
    try:
        values = {metric.name: float(answer.body["metrics"][metric.name]["value"]) for metric in metrics}
        config, environment = dict(answer.body["config"]), dict(answer.body["environment"])
    except (KeyError, TypeError, ValueError) as error:
        raise WrongResult(f"job {sample.job_id} printed an incomplete result: {error!r}") from None
    if answer.body.get("verified") is not True or not all(0 < value < float("inf") for value in values.values()):
        raise WrongResult(f"job {sample.job_id} printed a result that is not verified, or no positive number")
    seen = observed(answer.job)
    return Taken(dataclasses.replace(sample, values=values, config=config), {**environment, **(_granted(seen) if seen else {})})


def _granted(seen: Observed) -> dict[str, str]:
    """What the agent read back of the control group, which a container may not see itself."""
    pages = " ".join(f"{size}:{limit}" for size, limit in seen.hugepages)
    return {
        "granted memory": str(seen.memory or "unlimited"),
        "granted quota": "CFS quota" if seen.cfs_quota else "none",
        "granted processes": str(seen.pids_max or "unlimited"),
        **({"granted huge pages": pages} if pages else {}),
    }
