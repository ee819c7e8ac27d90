"""Takes samples in the planned order, each as a job through the controller, until every benchmark has enough."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hpcsched.bench.about import About, Size
from hpcsched.bench.analysis import compare_all, summary
from hpcsched.bench.closing import Closing, closings
from hpcsched.bench.family import pairs_for
from hpcsched.bench.handicap import Handicap
from hpcsched.bench.likeness import differences
from hpcsched.bench.plan import PILOT, Arm, Schedule, Step, Wanted, expected, fits, look_at
from hpcsched.bench.plan import budget_s as usual_budget_s
from hpcsched.bench.prepared import Prepared
from hpcsched.bench.ready import Ready, ready
from hpcsched.bench.result import Node, Result, Sample
from hpcsched.bench.stats import LEAST_PAIRS
from hpcsched.bench.staying import Staying
from hpcsched.bench.submit import Jobs, Setup, Way, job_spec, sample_command
from hpcsched.bench.suite import Entry, choose
from hpcsched.bench.taking import Taken, take
from hpcsched.errors import HpcschedError, InvalidValue, Unreachable
from hpcsched.model.container import HOST
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.model.units import format_count

GIVE_UP_AFTER = 3
"""Failed samples of one benchmark in a row."""
MOST_PRECISION = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """Told before each sample. `planned` samples are an estimate, which falls when intervals close; both count warm-up samples.

    `closing`: how far the interval of each metric has come.
    """

    step: Step
    done: int
    planned: int
    elapsed_s: float
    closing: tuple[Closing, ...] = ()


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
    handicap: Handicap | None = None
    arms: tuple[Arm, ...] = tuple(Arm)
    started: float = 0.0
    prepared: dict[str, Prepared] = field(default_factory=dict)
    ways: dict[str, Way] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    closing: dict[str, tuple[Closing, ...]] = field(default_factory=dict)
    block_s: dict[str, float] = field(default_factory=dict)
    stopped: str = ""

    def about(self, name: str) -> About:
        """With the metrics that this node can measure."""
        about, prepared = self.entries[name].about, self.prepared.get(name)
        return about if prepared is None or prepared.metrics is None else dataclasses.replace(about, metrics=prepared.metrics)

    def going(self) -> list[str]:
        return sorted(name for name in self.prepared if name not in self.failed and name not in self.ends)

    def elapsed_s(self) -> float:
        return self.clock() - self.started

    def round_s(self) -> float:
        """What another block of all that still go on takes."""
        return sum(self.block_s.get(name, 0.0) for name in self.going())


def run(
    client: Jobs,
    names: Sequence[str] = (),
    size: str = Size.QUICK,
    pairs: int = 15,
    budget_s: float | None = 0.0,
    seed: int | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    *,
    resources: ResourceRequest = ResourceRequest(),  # noqa: B008, frozen
    folder: Path | None = None,
    cache: Path | None = None,
    python: str = sys.executable,
    clock: Callable[[], float] = time.time,
    precision: float = 0.0,
    nodelist: Sequence[str] = (),
    handicap: Handicap | None = None,
    entries: Sequence[Entry] = (),
    env: tuple[tuple[str, str], ...] = (),
    arms: tuple[Arm, ...] = tuple(Arm),
    image: str = HOST,
) -> Result:
    """Measure bare metal against the container; all benchmarks without any name. Ctrl-C ends it early with what was measured.

    At most `pairs` of each benchmark, fewer where its intervals are narrow enough (`precision`: see `Wanted`) or where the budget
    of all together ends: 0 is none, None the usual one of that size. `handicap`: a burden on the container alone, to be found.

    All of it on one node, the first of `nodelist` (empty: of any) that is free.

    `entries`: these instead of benchmarks by name. `env`: variables of every job. `arms`: without bare metal nothing is compared.
    `image`: whose files both arms have.

    Raises NotFound, InvalidValue and Unreachable before the first sample; later failures are in the result.
    """
    if resources.ntasks_per_node:
        raise InvalidValue("a benchmark is one process in each arm: leave out --ntasks-per-node")
    setup = Setup(_size(size), resources, python, cache, env, tuple(nodelist), image)
    chosen_entries = {entry.about.name: entry for entry in entries or choose(names, folder)}
    wanted = _wanted(pairs, usual_budget_s(setup.size, len(chosen_entries)) if budget_s is None else budget_s, precision)
    chosen = secrets.randbelow(1 << 31) if seed is None else seed
    offers = [node.offer for node in client.nodes()]
    state = _Run(Staying(client), setup, wanted, chosen, progress, chosen_entries, offers, clock, handicap, arms, started=clock())
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


def _wanted(pairs: int, budget_s: float, precision: float) -> Wanted:
    if not 1 <= pairs <= 10_000:
        raise InvalidValue(f"{pairs} pairs: choose 1 to 10,000")
    if not 0 <= budget_s < 1e9:
        raise InvalidValue(f"a budget of {budget_s:g} s: choose seconds from 0 (none) on")
    if not -1 <= precision <= MOST_PRECISION:
        raise InvalidValue(f"a precision of {precision:g}: choose a share up to {MOST_PRECISION:g}, 0 for half of each margin")
    return Wanted(pairs=pairs, budget_s=budget_s, precision=precision)


def _prepare(state: _Run) -> None:
    for name, entry in state.entries.items():
        try:
            found = ready(state.jobs, state.setup, entry)
        except Unreachable:
            raise
        except HpcschedError as error:
            state.failed[name] = str(error)
        else:
            _note(state, name, found)


def _note(state: _Run, name: str, found: Ready) -> None:
    if found.prepared.absent:
        state.absent[name] = found.prepared.absent
    else:
        state.prepared[name], state.ways[name] = found.prepared, found.way


def _measure(state: _Run) -> None:
    schedule = Schedule(state.seed, sorted(state.prepared), state.arms)
    for number in itertools.count():
        warmup, measured = number < state.wanted.warmups, max(number - state.wanted.warmups, 0)
        if number == 1 and not state.handicap:
            _compare_first(state)
        if not warmup:
            _end_some(state, measured)
        going = state.going()
        if not going:
            return
        block = schedule.block(number, going, warmup)
        _take_block(state, block, _planned(state, max(state.wanted.warmups - number, 0), measured))


def _compare_first(state: _Run) -> None:
    """Arms that are not alike are not measured any longer: no verdict could follow."""
    for name in state.going():
        unlike = differences([sample for sample in state.samples if sample.benchmark == name], state.environments)
        if unlike:
            state.ends[name] = f"after the first block, because the arms are not alike: {'; '.join(unlike)}"


def _end_some(state: _Run, measured: int) -> None:
    for name in state.going():
        _look(state, name, measured)
    if state.going() and not fits(measured, state.wanted, state.elapsed_s(), state.round_s()):
        pairs = format_count(measured, "pair")
        state.stopped = f"the time budget of {state.wanted.budget_s:g} s was used up after {pairs}"
        state.ends.update(dict.fromkeys(state.going(), f"after {pairs}, when the time budget was used up"))
    for name, why in state.ends.items():
        state.closing[name] = tuple(dataclasses.replace(one, ended=why) for one in state.closing.get(name, ()))


def _look(state: _Run, name: str, measured: int) -> None:
    if measured >= state.wanted.pairs:
        state.ends[name] = f"after all {measured} pairs" if measured > 1 else "after its one pair"
    if not look_at(measured, LEAST_PAIRS):
        return
    state.closing[name] = closings(state.about(name), state.samples, state.wanted)
    narrow = state.wanted.precision >= 0 and all(one.narrow for one in state.closing[name])
    if narrow and measured >= _pilot(state):
        state.ends[name] = f"after {measured} pairs, when all intervals were narrow enough"


def _pilot(state: _Run) -> int:
    """No benchmark ends before a difference could be shown among all metrics of the run."""
    return max(PILOT, pairs_for(sum(len(state.about(name).metrics) for name in state.prepared)))


def _take_block(state: _Run, block: tuple[Step, ...], planned: int) -> None:
    for name, steps in itertools.groupby(block, key=lambda step: step.benchmark):
        begun = state.clock()
        for step in steps:
            if step.benchmark not in state.failed:
                _tell(state, step, planned)
                state.samples.append(_sample(state, step))
                _give_up(state, step.benchmark)
        state.block_s[name] = state.clock() - begun


def _tell(state: _Run, step: Step, planned: int) -> None:
    closing = tuple(one for name in sorted(state.closing) for one in state.closing[name])
    state.progress(Progress(step, len(state.samples), planned, state.elapsed_s(), closing))


def _planned(state: _Run, warmups: int, measured: int) -> int:
    """Samples of the whole run: those taken, and those that benchmarks which still go on will take; `warmups` blocks are left."""
    most = expected(measured, state.wanted, state.elapsed_s(), state.round_s())
    coming = (warmups + max(min(_pairs_of(state, name, measured), most) - measured, 1) for name in state.going())
    return len(state.samples) + sum(coming) * len(state.arms)


def _pairs_of(state: _Run, name: str, measured: int) -> int:
    known = state.closing.get(name, ()) if measured >= _pilot(state) else ()
    return max((one.planned for one in known), default=state.wanted.pairs)


def _give_up(state: _Run, name: str) -> None:
    """Also when one arm alone keeps failing, for nothing is compared then."""
    taken = [sample for sample in state.samples if sample.benchmark == name]
    of_arm = [sample for sample in taken if sample.arm is taken[-1].arm]
    for last, where in ((taken, ""), (of_arm, f" ({taken[-1].arm})")):
        if len(last) >= GIVE_UP_AFTER and all(sample.error for sample in last[-GIVE_UP_AFTER:]):
            state.failed[name] = f"given up after {GIVE_UP_AFTER} failed samples in a row{where}: {last[-1].error}"
            return


def _sample(state: _Run, step: Step) -> Sample:
    started = state.clock()
    blank = Sample(len(state.samples), step.block, step.benchmark, step.arm, step.warmup, started, 0.0)
    taken = take(state.jobs, _spec(state, step), blank, state.about(step.benchmark).metrics)
    return dataclasses.replace(taken.sample, seconds=state.clock() - started, environment=_remember(state, taken))


def _spec(state: _Run, step: Step) -> JobSpec:
    """Arms differ in the runtime alone, unless the container is burdened on purpose."""
    entry, way = state.entries[step.benchmark], state.ways[step.benchmark]
    prepared = state.prepared[step.benchmark]
    command = sample_command(way, state.setup, prepared.to_json())
    spec = job_spec(entry, state.setup, way, command, step.arm.runtime, prepared.mounts)
    if state.handicap is None or step.arm is not Arm.CONTAINER:
        return spec
    burdened = state.handicap.wrap(way.start, spec.command)
    return dataclasses.replace(spec, command=burdened, resources=state.handicap.resources or spec.resources)


def _remember(state: _Run, taken: Taken) -> str:
    """A key for what it ran in; empty where nothing is known of it."""
    if not taken.environment:
        return ""
    key = hashlib.sha256(json.dumps(taken.environment, sort_keys=True).encode()).hexdigest()[:8]
    state.environments[key] = taken.environment
    return key


def _result(state: _Run) -> Result:
    abouts = tuple(state.about(name) for name in state.entries)
    limits = {name: prepared.limits for name, prepared in state.prepared.items() if prepared.limits}
    compared = Arm.BARE in state.arms
    comparisons = compare_all(abouts, state.samples, state.environments, state.seed, limits, state.wanted) if compared else ()
    return Result(
        size=state.setup.size,
        seed=state.seed,
        wanted=state.wanted,
        started=state.started,
        ended=state.clock(),
        nodes=_nodes(state),
        benchmarks=abouts,
        command={name: sample_command(state.ways[name], state.setup, its.to_json()) for name, its in state.prepared.items()},
        samples=tuple(state.samples),
        environments=state.environments,
        versions=_versions(),
        comparisons=comparisons,
        failed=state.failed,
        absent=state.absent,
        lacks={name: prepared.lacks for name, prepared in state.prepared.items() if prepared.lacks},
        limits=limits,
        stopped=state.stopped,
        summary=summary(abouts, state.samples, comparisons),
        ends=state.ends,
        image=state.setup.image,
        handicap=state.handicap.says if state.handicap else "",
    )


def _nodes(state: _Run) -> tuple[Node, ...]:
    ran_on = {sample.node for sample in state.samples}
    return tuple(_node(offer) for offer in _offers(state) if offer.name in ran_on)


def _offers(state: _Run) -> list[NodeOffer]:
    """Those of the beginning where the controller has gone since: what was measured is not lost with it."""
    try:
        return [node.offer for node in state.jobs.nodes()]
    except Unreachable:
        return state.offers


def _node(offer: NodeOffer) -> Node:
    return Node(offer.name, offer.topology.cpu_model, len(offer.topology.cores), offer.topology.memory, offer.facts)


def _versions() -> dict[str, str]:
    return {name: _version(name) for name in ("hpcsched", "numpy", "scipy", "matplotlib")}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
