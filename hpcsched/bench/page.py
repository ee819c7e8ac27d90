"""One self-contained HTML page for a reader who was not there."""

from __future__ import annotations

import shlex
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from hpcsched.bench.analysis import container_differences, counted
from hpcsched.bench.plots import ratios_svg, samples_svg
from hpcsched.bench.result import Result
from hpcsched.bench.stats import LEAST_PAIRS
from hpcsched.bench.verdict import Comparison, Verdict, percent
from hpcsched.model.units import format_bytes, format_duration


def page(result: Result) -> str:
    """The whole document; needs nothing from the network."""
    template = string.Template((files("hpcsched.bench") / "page.html").read_text())
    return template.substitute(
        title=escape(title(result)),
        facts=escape(facts(result)),
        lead=escape(lead(result)),
        verdicts="\n".join(_verdicts(result)),
        table=_figures(result.comparisons),
        ratios=ratios_svg(result.comparisons) if result.comparisons else "<p>There is none.</p>",
        samples="\n".join(_samples(result)),
        method=_items(method(result)),
        limits=_items(limits(result)),
        environment=_environment(result),
    )


def title(result: Result) -> str:
    where = ", ".join(node.name for node in result.nodes) or "no node"
    return f"Container against bare metal on {where}"


def facts(result: Result) -> str:
    """One line: when, how long, on what."""
    when = datetime.fromtimestamp(result.started, UTC).strftime("%Y-%m-%d %H:%M UTC")
    nodes = "; ".join(f"{node.cpu_model or 'CPU'}, {node.cores} cores, {format_bytes(node.memory)}B" for node in result.nodes)
    took = format_duration(result.ended - result.started)
    return " · ".join(part for part in (when, f"took {took}", nodes, f"size {result.size}") if part)


def lead(result: Result) -> str:
    """How often each verdict fell."""
    fallen = Counter(comparison.verdict for comparison in result.comparisons)
    counts = ", ".join(f"{fallen[verdict]} {verdict}" for verdict in Verdict if fallen[verdict])
    return f"Of {len(result.comparisons)} metrics, container against bare metal: {counts or 'none was compared'}."


def _verdicts(result: Result) -> Iterable[str]:
    for name, why in result.failed.items():
        yield f'<li class="void"><span class="badge">failed</span>{escape(f"{name}: {why}")}</li>'
    for comparison in result.comparisons:
        word = escape(comparison.verdict)
        style = word.replace(" ", "-")
        yield f'<li class="{style}"><span class="badge">{word}</span>{escape(comparison.sentence)}</li>'
    if not result.comparisons and not result.failed:
        yield "<li>Nothing was measured.</li>"


def _figures(comparisons: Sequence[Comparison]) -> str:
    if not comparisons:
        return ""
    head = ("metric", "unit", "bare metal", "container", "ratio [95 %]", "control [95 %]", "margin", "pairs", "verdict")
    rows = [
        _row(
            (f"{comparison.benchmark} {comparison.metric.name}", comparison.metric.unit),
            (
                figure(comparison.bare),
                figure(comparison.container),
                percent(comparison.ratio),
                percent(comparison.control),
                f"±{comparison.margin:.1%}",
                str(comparison.ratio.pairs),
            ),
            (str(comparison.verdict),),
        )
        for comparison in comparisons
    ]
    return f'<table class="figures"><tr>{"".join(f"<th>{escape(name)}</th>" for name in head)}</tr>{"".join(rows)}</table>'


def figure(value: float | None) -> str:
    """Five significant digits, or a dash."""
    return "–" if value is None else f"{value:.5g}"


def _row(before: Iterable[str], numbers: Iterable[str], after: Iterable[str]) -> str:
    cells = [f"<td>{escape(text)}</td>" for text in before]
    cells += [f'<td class="number">{escape(text)}</td>' for text in numbers]
    cells += [f"<td>{escape(text)}</td>" for text in after]
    return f"<tr>{''.join(cells)}</tr>"


def _samples(result: Result) -> Iterable[str]:
    for about in result.benchmarks:
        if any(sample.benchmark == about.name for sample in result.samples):
            yield f"<h3>{escape(about.name)}: {escape(about.stresses)}</h3>"
            yield samples_svg(result, about)


def _items(lines: Iterable[str]) -> str:
    return "\n".join(f"<li>{escape(line)}</li>" for line in lines)


def method(result: Result) -> Iterable[str]:
    """How the figures came about, a sentence each."""
    yield (
        "Each sample is one job. In a block of three, bare metal, container and bare metal again run one after the other in "
        f"random order (seed {result.seed}; every six blocks use all six orders). "
        f"Blocks of warm-up, fixed beforehand: {result.wanted.warmups}."
    )
    yield "The three jobs differ in one field, the runtime: same command, same file, same settings, same cores and memory."
    yield from _bound(result)
    yield "Programs and settings were prepared once, on bare metal; each run checked its own result before it reported a speed."
    yield (
        "The ratio is that of container to bare metal within one block: the Hodges-Lehmann estimate over all blocks, its "
        f"interval from Wilcoxon's signed-rank test (at least {LEAST_PAIRS} blocks). Neither assumes that noise is normal."
    )
    yield (
        "Equivalent: the 90 % interval lies within the margin (two one-sided tests at 5 %). Different: the 95 % interval "
        "excludes equality, and equivalence is not shown. Not shown: neither, or bare metal differed from itself. "
        "Void: the arms were not alike."
    )
    for about in result.benchmarks:
        yield f"{about.name} measures {about.stresses}; margin ±{about.margin:.1%}. {about.source}."
    for command in result.command.values():
        yield f"Command: {shlex.join(command)}"
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in result.versions.items()) + "."


def _bound(result: Result) -> Iterable[str]:
    seen = sorted({(sample.node, sample.cpus, sample.mems) for sample in result.samples if sample.cpus})
    for node, cpus, mems in seen:
        yield f"Read back from the kernel on {node}: CPUs {cpus}, memory nodes {mems}."


def limits(result: Result) -> Iterable[str]:
    """What a reader must not conclude."""
    nodes = "one node" if len(result.nodes) == 1 else f"{len(result.nodes)} nodes"
    yield f"It was measured on {nodes} and at one time; another node, kernel, image or load can behave otherwise."
    if len(result.comparisons) > 1:
        yield f"Each of the {len(result.comparisons)} metrics is judged alone, at 5 %: of many metrics some differ by chance."
    yield "Only what these benchmarks stress was compared: nothing is said of network, disk, accelerators or many nodes."
    if result.stopped:
        yield f"The run ended early: {result.stopped}."
    open_ones = [comparison for comparison in result.comparisons if comparison.verdict in (Verdict.NOT_SHOWN, Verdict.VOID)]
    if open_ones:
        names = ", ".join(f"{comparison.benchmark} {comparison.metric.name}" for comparison in open_ones)
        yield f"Nothing follows for {names}: neither that a container costs nothing, nor that it costs something."
    for about in result.benchmarks:
        for line in container_differences(counted(result.samples, about.name), result.environments):
            yield f"{about.name}: the container itself brought a difference, {line}."


def _environment(result: Result) -> str:
    """Facts that all samples share, and for the others every value that was seen."""
    seen: dict[str, set[str]] = {}
    for found in result.environments.values():
        for name, value in found.items():
            seen.setdefault(name, set()).add(value)
    for sample in result.samples:
        for name, setting in sample.config.items():
            seen.setdefault(f"{sample.benchmark} {name}", set()).add(str(setting))
    rows = (_row((name, " / ".join(sorted(values))), (), ()) for name, values in sorted(seen.items()))
    return f"<table>{''.join(rows)}</table>"
