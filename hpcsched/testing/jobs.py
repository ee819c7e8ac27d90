"""A controller for the harness that is no controller: jobs end at once, benchmarks answer with figures drawn from a model."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from hpcsched.bench.about import About
from hpcsched.bench.own_program import Own
from hpcsched.bench.suite import choose, folder
from hpcsched.errors import NotFound
from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.container import ContainerStatus, Observed, Phase
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.topology import Core, NumaNode, Topology

Answers = Callable[[JobSpec, dict[str, Any]], dict[str, Any]]
CPUS, MEMS = IdSet.of((0, 1)), IdSet.of((0,))
STARTER = "/cache/harness/start.py"
KIT = {
    "cache": "/cache",
    "start": ["/cache/python", STARTER],
    "starter": STARTER,
    "scripts": str(folder()),
    "version": "3.11",
}


@dataclass(slots=True)
class Model:
    """`container`: the true ratio to bare metal. `noise`: standard deviation of the logarithm of each sample."""

    container: float = 1.0
    noise: float = 0.001
    level: float = 100.0
    seconds: float = 2.0


@dataclass(slots=True)
class FakeJobs:
    """Stands in for the client. `fails(order, spec)` names an error for a job or nothing; `edit` changes a job's JSON answer;
    `bound` changes what the kernel is said to show. `now` is a virtual clock that each job moves on.
    """

    model: Model = field(default_factory=Model)
    seed: int = 1
    fails: Callable[[int, JobSpec], str] = lambda order, spec: ""
    edit: Answers = lambda spec, answer: answer
    bound: Callable[[JobSpec, Observed], Observed] = lambda spec, seen: seen
    now: float = 1_700_000_000.0
    specs: list[JobSpec] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    _chance: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def clock(self) -> float:
        return self.now

    def submit(self, spec: JobSpec, request_id: str | None = None) -> int:
        if request_id in self.requests:
            return self.requests.index(request_id) + 1
        self.specs.append(spec)
        self.requests.append(request_id or f"unnamed {len(self.specs)}")
        return len(self.specs)

    def cancel(self, job_id: int) -> Job:
        self.cancelled.append(job_id)
        return self._job(job_id)

    def wait(self, job_id: int, timeout_s: float | None = None) -> Job:
        self.now += self.model.seconds
        return self._job(job_id)

    def job(self, job_id: int) -> Job:
        return self._job(job_id)

    def output(self, job_id: int) -> bytes:
        spec = self._spec(job_id)
        error = self.fails(job_id, spec)
        return (error or json.dumps(self.edit(spec, self._answer(spec)))).encode() + b"\n"

    def nodes(self) -> list[Node]:
        topology = Topology(
            cores=tuple(Core(cpu, 0, 0, IdSet.of((cpu,))) for cpu in CPUS),
            numa_nodes=(NumaNode(0, 16 << 30, CPUS),),
            cpu_model="Model CPU",
        )
        return [Node(NodeOffer("n1", topology, CPUS, 16 << 30, "0", "boot"), connected=True)]

    def _spec(self, job_id: int) -> JobSpec:
        if not 1 <= job_id <= len(self.specs):
            raise NotFound(f"no job {job_id}")
        return self.specs[job_id - 1]

    def _job(self, job_id: int) -> Job:
        spec = self._spec(job_id)
        failed = self.fails(job_id, spec)
        seen = Observed(spec.runtime, CPUS, MEMS, 0, False, "/job", 1, "/", kernel="6.1")
        return Job(
            id=job_id,
            spec=spec,
            request_id=str(job_id),
            state=JobState.FAILED if failed else JobState.COMPLETED,
            submit_time=self.now,
            allocation=Allocation((NodeBinding("n1", Binding(CPUS, MEMS)),)),
            parts=(ContainerStatus(job_id, Phase.EXITED, observed=self.bound(spec, seen)),),
            exit_code=1 if failed else 0,
        )

    def _answer(self, spec: JobSpec) -> dict[str, Any]:
        if "hpcsched.bench.kit" in spec.command:
            return KIT
        if "hpcsched.bench.inside" in spec.command:
            return {"absent": "", "python": "/usr/bin/python3"}
        if "--prepare" in spec.command:
            return {"settings": {"order": 64}}
        about = _about(*_started(spec.command)[0:4:3])
        metrics = {metric.name: {"value": self._value(spec)} for metric in about.metrics}
        environment = {"kernel": "6.1", "cpus": str(CPUS), "mems": str(MEMS)}
        return {"verified": True, "metrics": metrics, "config": {"threads": 2}, "environment": environment}

    def _value(self, spec: JobSpec) -> float:
        effect = self.model.container if spec.runtime == "lxc" else 1.0
        return self.model.level * effect * self._chance.lognormvariate(0.0, self.model.noise)


def _started(command: tuple[str, ...]) -> tuple[str, ...]:
    """What Python is given, without a handicap."""
    plain = command[command.index("--") + 1 :] if "--" in command else command
    return plain[plain.index(STARTER) + 1 if STARTER in plain else 1 :]


@lru_cache(maxsize=64)
def _about(file: str, own: str) -> About:
    """Of a benchmark in that file, or of one's own program."""
    return Own.from_json(own).about if file == "-m" else choose((Path(file).stem,), Path(file).parent)[0].about


def with_field(spec: JobSpec, answer: dict[str, Any], part: str, name: str, value: str) -> dict[str, Any]:
    """The answer with one more field in `config` or `environment` when it comes from a container; else as it is."""
    if spec.runtime != "lxc" or part not in answer:
        return answer
    return {**answer, part: {**answer[part], name: value}}


def rebound(spec: JobSpec, seen: Observed, cpus: str) -> Observed:
    """Another binding in the container alone."""
    return replace(seen, cpus=IdSet.parse(cpus)) if spec.runtime == "lxc" else seen
