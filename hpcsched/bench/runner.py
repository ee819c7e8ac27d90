"""Takes the planned samples one after another, each as a job through the controller."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hpcsched.bench.about import About, Size
from hpcsched.bench.analysis import compare_all
from hpcsched.bench.plan import Step, Wanted, blocks, enough, expected
from hpcsched.bench.prepared import Prepared
from hpcsched.bench.result import Node, Result, Sample
from hpcsched.bench.submit import Answer, Jobs, Setup, execute, job_spec, observed, prepare_command, read_answer, sample_command
from hpcsched.bench.suite import Entry, choose
from hpcsched.errors import HpcschedError, InvalidValue, Unreachable, WrongResult
from hpcsched.model.job import Job, ResourceRequest
from hpcsched.model.node import NodeOffer

GIVE_UP_AFTER = 3
"""Failed samples of one benchmark in a row."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Told before each sample. `planned` samples are an estimate under a time budget; both count warm-up samples."""

    step: Step
    done: int
    planned: int
    elapsed_s: float


@dataclass(slots=True)
class _Run:
    jobs: Jobs
    setup: Setup
    wanted: Wanted
    seed: int
    progress: Callable[[Progress], None]
    entries: dict[str, Entry]
    offers: list[NodeOffer]
    clock: Callable[[], float]
    started: float = 0.0
    prepared: dict[str, Prepared] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    stopped: str = ""

    def about(self, name: str) -> About:
        """With the metrics that this node can measure."""
        about, prepared = self.entries[name].about, self.prepared.get(name)
        return about if prepared is None or prepared.metrics is None else dataclasses.replace(about, metrics=prepared.metrics)


def run(
    client: Jobs,
    names: Sequence[str] = (),
    size: str = Size.QUICK,
    pairs: int = 15,
    budget_s: float = 0.0,
    seed: int | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    resources: ResourceRequest = ResourceRequest(),  # noqa: B008, frozen
    folder: Path | None = None,
    cache: Path | None = None,
    python: str = sys.executable,
    clock: Callable[[], float] = time.time,
) -> Result:
    """Measure bare metal against the container; all benchmarks without any name. Ctrl-C ends it early with what was measured.

    Raises NotFound, InvalidValue and Unreachable before the first sample; later failures are in the result.
    """
    if resources.ntasks_per_node:
        raise InvalidValue("a benchmark is one process in each arm: leave out --ntasks-per-node")
    setup = Setup(_size(size), resources, python, cache)
    wanted = _wanted(pairs, budget_s)
    entries = {entry.about.name: entry for entry in choose(names, folder)}
    chosen = secrets.randbelow(1 << 31) if seed is None else seed
    offers = [node.offer for node in client.nodes()]
    state = _Run(client, setup, wanted, chosen, progress, entries, offers, clock, started=clock())
    try:
        _prepare(state)
        _measure(state)
    except KeyboardInterrupt:
        state.stopped = "interrupted"
    return _result(state)


def _size(text: str) -> Size:
    try:
        return Size(text)
    except ValueError:
        raise InvalidValue(f"no size {text!r}; there are: {', '.join(Size)}") from None


def _wanted(pairs: int, budget_s: float) -> Wanted:
    if not 1 <= pairs <= 10_000:
        raise InvalidValue(f"{pairs} pairs: choose 1 to 10,000")
    if not 0 <= budget_s < 1e9:
        raise InvalidValue(f"a budget of {budget_s:g} s: choose seconds from 0 (none) on")
    return Wanted(pairs=pairs, budget_s=budget_s)


def _prepare(state: _Run) -> None:
    for name, entry in state.entries.items():
        spec = job_spec(entry, state.setup, prepare_command(entry, state.setup), "baremetal")
        try:
            prepared = Prepared.from_json(json.dumps(read_answer(*execute(state.jobs, spec)).body))
        except Unreachable:
            raise
        except HpcschedError as error:
            state.failed[name] = str(error)
        else:
            _note(state, name, prepared)


def _note(state: _Run, name: str, prepared: Prepared) -> None:
    if prepared.absent:
        state.absent[name] = prepared.absent
    else:
        state.prepared[name] = prepared


def _measure(state: _Run) -> None:
    block_s = 0.0
    for number, block in enumerate(blocks(state.seed, sorted(state.prepared), state.wanted)):
        measured, begun = max(number - state.wanted.warmups, 0), state.clock()
        if number >= state.wanted.warmups and enough(measured, state.wanted, begun - state.started, block_s):
            state.stopped = f"the time budget of {state.wanted.budget_s:g} s was used up after {measured} pairs"
            return
        _take_block(state, block, measured, block_s)
        block_s = state.clock() - begun


def _take_block(state: _Run, block: tuple[Step, ...], measured: int, block_s: float) -> None:
    elapsed = state.clock() - state.started
    planned = (state.wanted.warmups + expected(measured, state.wanted, elapsed, block_s)) * len(block)
    for step in block:
        if step.benchmark not in state.failed:
            state.progress(Progress(step, len(state.samples), planned, state.clock() - state.started))
            state.samples.append(_sample(state, step))
            _give_up(state, step.benchmark)


def _give_up(state: _Run, name: str) -> None:
    last = [sample for sample in state.samples if sample.benchmark == name][-GIVE_UP_AFTER:]
    if len(last) == GIVE_UP_AFTER and all(sample.error for sample in last):
        state.failed[name] = f"given up after {GIVE_UP_AFTER} failed samples in a row: {last[-1].error}"


def _sample(state: _Run, step: Step) -> Sample:
    entry = state.entries[step.benchmark]
    command = sample_command(entry, state.setup, state.prepared[step.benchmark].to_json())
    started = state.clock()
    bare = Sample(len(state.samples), step.block, step.benchmark, step.arm, step.warmup, started, 0.0)
    try:
        job, output = execute(state.jobs, job_spec(entry, state.setup, command, step.arm.runtime))
    except HpcschedError as error:
        return dataclasses.replace(bare, error=str(error), seconds=state.clock() - started)
    return _filled(state, dataclasses.replace(bare, seconds=state.clock() - started), job, output)


def _filled(state: _Run, sample: Sample, job: Job, output: bytes) -> Sample:
    seen = observed(job)
    placed = dataclasses.replace(
        sample,
        job_id=job.id,
        node=job.allocation.nodes[0] if job.allocation else "",
        cpus=str(seen.cpus) if seen else "",
        mems=str(seen.mems) if seen else "",
    )
    try:
        return _with_values(state, placed, read_answer(job, output))
    except WrongResult as error:
        return dataclasses.replace(placed, error=str(error))


def _with_values(state: _Run, sample: Sample, answer: Answer) -> Sample:
    metrics = state.about(sample.benchmark).metrics
    try:
        values = {metric.name: float(answer.body["metrics"][metric.name]["value"]) for metric in metrics}
        config, environment = dict(answer.body["config"]), dict(answer.body["environment"])
    except (KeyError, TypeError, ValueError) as error:
        raise WrongResult(f"job {sample.job_id} printed an incomplete result: {error!r}") from None
    if answer.body.get("verified") is not True or not all(0 < value < float("inf") for value in values.values()):
        raise WrongResult(f"job {sample.job_id} printed a result that is not verified, or no positive number")
    return dataclasses.replace(sample, values=values, config=config, environment=_remember(state, environment))


def _remember(state: _Run, environment: dict[str, str]) -> str:
    key = hashlib.sha256(json.dumps(environment, sort_keys=True).encode()).hexdigest()[:8]
    state.environments[key] = environment
    return key


def _result(state: _Run) -> Result:
    abouts = tuple(state.about(name) for name in state.entries)
    return Result(
        size=state.setup.size,
        seed=state.seed,
        wanted=state.wanted,
        started=state.started,
        ended=state.clock(),
        nodes=_nodes(state),
        benchmarks=abouts,
        command={name: sample_command(state.entries[name], state.setup, its.to_json()) for name, its in state.prepared.items()},
        samples=tuple(state.samples),
        environments=state.environments,
        versions=_versions(),
        comparisons=compare_all(abouts, state.samples, state.environments, state.seed),
        failed=state.failed,
        absent=state.absent,
        lacks={name: prepared.lacks for name, prepared in state.prepared.items() if prepared.lacks},
        limits={name: prepared.limits for name, prepared in state.prepared.items() if prepared.limits},
        stopped=state.stopped,
    )


def _nodes(state: _Run) -> tuple[Node, ...]:
    ran_on = {sample.node for sample in state.samples}
    offers = [node.offer for node in state.jobs.nodes() if node.name in ran_on]
    return tuple(_node(offer) for offer in offers)


def _node(offer: NodeOffer) -> Node:
    return Node(offer.name, offer.topology.cpu_model, len(offer.topology.cores), offer.topology.memory, offer.facts)


def _versions() -> dict[str, str]:
    return {name: _version(name) for name in ("hpcsched", "numpy", "scipy", "matplotlib")}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
