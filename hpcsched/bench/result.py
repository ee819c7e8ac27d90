"""What a run of the harness leaves: every sample, how it was made, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from hpcsched.bench.about import About, Limit, Size
from hpcsched.bench.family import Summary
from hpcsched.bench.from_file import from_file
from hpcsched.bench.plan import Arm, Wanted
from hpcsched.bench.verdict import Comparison
from hpcsched.errors import InvalidValue
from hpcsched.model.certificate import Facts

SCHEMA = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """One job. `order` counts from 0 in time over the whole run. `values` by metric; empty when `error` says why there are none.

    `cpus`, `mems`: what the agent read back from the kernel. `environment`: a key of `Result.environments`. `started` in Unix
    seconds, `seconds` from submit to answer. `steal`: share of its time that a hypervisor took, `others`: share of its CPUs' time
    that went into something else than the sample, `throttled`: times that its CPUs were slowed down; -1: this node does not say.
    """

    order: int
    block: int
    benchmark: str
    arm: Arm
    warmup: bool
    started: float
    seconds: float
    job_id: int = 0
    node: str = ""
    cpus: str = ""
    mems: str = ""
    values: dict[str, float] = field(default_factory=dict)
    config: dict[str, str | int | float | bool] = field(default_factory=dict)
    environment: str = ""
    error: str = ""
    steal: float = -1.0
    throttled: int = -1
    others: float = -1.0


@dataclass(frozen=True, slots=True)
class Node:
    """Where it ran: `cores` and `memory` (bytes) of the whole node. `facts`: those that its agent offered."""

    name: str
    cpu_model: str
    cores: int
    memory: int
    facts: Facts = ()


@dataclass(frozen=True, slots=True)
class Result:
    """`benchmarks`: each with the metrics that this node can measure. `command` is what one sample runs, by benchmark. `failed`:
    benchmarks that could not be prepared or were given up, and why. `absent`: those that this node has nothing for, and what
    it has not. `lacks`: by benchmark, what else was not measured. `limits`: by benchmark and metric.

    `stopped` is empty when the plan was measured to its end, else why it was not; `ends`: by benchmark, why it took no
    more pairs. `handicap`: what the container arm was burdened with on purpose, to see that it is found; else empty.
    """

    size: Size
    seed: int
    wanted: Wanted
    started: float
    ended: float
    nodes: tuple[Node, ...]
    benchmarks: tuple[About, ...]
    command: dict[str, tuple[str, ...]]
    samples: tuple[Sample, ...]
    environments: dict[str, dict[str, str]]
    versions: dict[str, str]
    comparisons: tuple[Comparison, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    lacks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    limits: dict[str, dict[str, Limit]] = field(default_factory=dict)
    stopped: str = ""
    summary: Summary | None = None
    ends: dict[str, str] = field(default_factory=dict)
    image: str = "host"
    handicap: str = ""
    schema: int = SCHEMA

    def to_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @classmethod
    def from_json(cls, body: bytes) -> Result:
        """Raises InvalidValue when it is no report of this version."""
        try:
            found: Any = msgspec.json.decode(body)
            if not isinstance(found, dict) or found.get("schema") != SCHEMA:
                raise InvalidValue(f"this is no benchmark report of schema {SCHEMA}: measure again with this version")
            return msgspec.convert(found, cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidValue(f"this is no benchmark report: {error}") from None

    @classmethod
    def read(cls, path: Path) -> Result:
        """Raises InvalidValue that names the file."""
        return from_file(path, cls.from_json)
