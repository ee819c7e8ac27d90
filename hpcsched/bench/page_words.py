"""The sentences of the page that are not verdicts: where, how, what it does not show, how to do it again; pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import UTC, datetime

from hpcsched.bench.plan import budget_s
from hpcsched.bench.result import Result
from hpcsched.bench.stats import LEAST_PAIRS
from hpcsched.bench.verdict import Comparison, Verdict
from hpcsched.model.container import HOST
from hpcsched.model.units import format_bytes, format_count, format_duration

MANY = 12
"""Names that one sentence bears."""


def title(result: Result) -> str:
    where = ", ".join(node.name for node in result.nodes) or "no node"
    return f"Container against bare metal on {where}"


def facts(result: Result) -> str:
    """One line: when, how long, on what."""
    when = datetime.fromtimestamp(result.started, UTC).strftime("%Y-%m-%d %H:%M UTC")
    nodes = "; ".join(
        f"{node.cpu_model or 'CPU'}, {format_count(node.cores, 'core')}, {format_bytes(node.memory)}B" for node in result.nodes
    )
    took = format_duration(result.ended - result.started)
    samples = format_count(len(result.samples), "sample")
    kernels = ", ".join(sorted({f"Linux {facts['kernel']}" for facts in result.environments.values() if "kernel" in facts}))
    return " · ".join(part for part in (when, f"took {took}", samples, nodes, kernels, f"size {result.size}") if part)


def method(result: Result) -> Iterable[str]:
    """How the figures came about, a sentence each."""
    yield (
        "Each sample is one job. In a block of three, bare metal, container and bare metal again run one after the other in "
        f"random order (seed {result.seed}; every six blocks use all six orders). "
        f"Blocks of warm-up, fixed beforehand: {result.wanted.warmups}."
    )
    yield "The three jobs differ in one field, the runtime: same command, same file, same settings, same cores and memory."
    yield from _bound(result)
    yield from _made(result)
    yield "Programs and settings were prepared once, on bare metal; each run checked its own result before it reported a speed."
    yield (
        "The ratio is that of container to bare metal within one block: the Hodges-Lehmann estimate over all blocks, its "
        f"interval from Wilcoxon's signed-rank test (at least {LEAST_PAIRS} blocks). Neither assumes that noise is normal. "
        "Where the ratios of neighbouring blocks are correlated, the interval is widened."
    )
    yield (
        "Equivalent: the 90 % interval lies within the margin (two one-sided tests at 5 %, Schuirmann 1987). Different: the "
        "95 % interval excludes equality, also after Holm's correction for the number of metrics, and equivalence is not shown. "
        "Not shown: neither. Void: the arms were not alike, a sample failed, or a figure passed a physical "
        "limit. Where bare metal differed from itself, that much is added on both sides first."
    )
    yield f"A benchmark took at most {format_count(result.wanted.pairs, 'pair')}, {_early(result)}."
    yield "Every sample is kept: outliers (modified z-score above 3.5, Iglewicz & Hoaglin 1993) are marked and count."


def _early(result: Result) -> str:
    if result.wanted.precision < 0:
        return "and all of them"
    aim = f"±{result.wanted.precision:.2%}" if result.wanted.precision else "half of the margin"
    return (
        f"fewer where the half-widths of the 90 % intervals had come down to {aim}{_within(result)}; "
        "the control's intervals decide on the widths, for they know nothing of the container"
    )


def _within(result: Result) -> str:
    return f", or where {result.wanted.budget_s:g} s for all benchmarks together were used up" if result.wanted.budget_s else ""


def _bound(result: Result) -> Iterable[str]:
    seen = sorted({(sample.node, sample.cpus, sample.mems) for sample in result.samples if sample.cpus})
    for node, cpus, mems in seen:
        yield f"Read back from the kernel on {node}: CPUs {cpus}, memory nodes {mems}."


def _made(result: Result) -> Iterable[str]:
    """What the container is made of and by, as the agents tell it."""
    for node in result.nodes:
        facts = dict(node.facts)
        digest, profile = facts.get(f"image {result.image}", ""), facts.get("profile", "")
        parts = [f"image {result.image}", *([f"digest {digest}"] if digest else []), *([profile] if profile else [])]
        yield f"The container on {node.name}: {', '.join(parts)}."


def missing(result: Result) -> Iterable[str]:
    """What was not measured: for want of hardware or tools, or at this size."""
    for name, why in result.absent.items():
        yield f"{name}: {why}"
    for name, lacks in result.lacks.items():
        yield from (f"{name}: {lack}" for lack in lacks)


def bounds(result: Result) -> Iterable[str]:
    """What a reader must not conclude."""
    nodes = "one node" if len(result.nodes) == 1 else f"{len(result.nodes)} nodes"
    yield f"It was measured on {nodes} and at one time; another node, kernel, image or load can behave otherwise."
    if result.image != HOST:
        yield (
            f"Both arms have the files of image {result.image}, in an overlay: neither what that costs, nor what other files and "
            "libraries than the node's make of a program, is in the difference."
        )
    names = ", ".join(dict.fromkeys(comparison.benchmark for comparison in result.comparisons))
    if names:
        yield f"Only what these benchmarks stress was compared: {names}. Nothing is said of anything else."
    if len(result.comparisons) > 1:
        yield (
            "Each equivalence is shown at 5 %: of metrics that truly differ by the margin, one in twenty is called equivalent by "
            "chance; the table has the p-values after correction. There is no verdict over all metrics together."
        )
    open_ones = [one for one in result.comparisons if one.verdict in (Verdict.NOT_SHOWN, Verdict.VOID)]
    if open_ones:
        yield f"Nothing follows for {_names(open_ones)}: neither that a container costs nothing, nor that it costs something."


def _names(comparisons: list[Comparison]) -> str:
    names = [f"{one.benchmark} {one.metric.name}" for one in comparisons]
    more = f" and {format_count(len(names) - MANY, 'more metric')}" if len(names) > MANY else ""
    return ", ".join(names[:MANY]) + more


def repeat(result: Result) -> str:
    """The command that measures the same in the same order; cores and memory have to be asked for as they were."""
    names = [about.name for about in result.benchmarks]
    wanted = result.wanted
    budget = [] if wanted.budget_s == budget_s(result.size, len(names)) else ["--budget", f"{wanted.budget_s:g}"]
    precision = ["--precision", f"{wanted.precision * 100:g}"] if wanted.precision > 0 else []
    every = ["--all-pairs"] if wanted.precision < 0 else []
    options = ["--size", str(result.size), "--pairs", str(wanted.pairs), *budget, *precision, *every, "--seed", str(result.seed)]
    return shlex.join(["hpcsched", "bench", "run", *names, *options])


def versions(result: Result) -> str:
    return ", ".join(f"{name} {version}" for name, version in result.versions.items())
