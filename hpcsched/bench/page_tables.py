"""The tables of the page, as HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from statistics import fmean

from hpcsched.bench.analysis import container_differences, counted
from hpcsched.bench.disturbed import NAMES, Taken
from hpcsched.bench.plan import Arm
from hpcsched.bench.plot_limits import Distance
from hpcsched.bench.report import figure, own_margin, size
from hpcsched.bench.result import Result
from hpcsched.bench.verdict import Comparison, percent, span

FIGURES = ("metric", "unit", "bare metal", "container", "ratio [95 %]", "control [95 %]", "verdict")
TESTS = (
    "metric",
    "pairs",
    "90 % interval",
    "p of no difference",
    "after Holm",
    "p of no equivalence",
    "after Holm",
    "could have shown",
    "pairs needed",
)
WORDS = ("benchmark", "metric", "unit", "verdict", "source", "fact", "value")
NUMBERS = ' class="number"'
"""Of the other columns."""
NOTHING = '<p class="none">None.</p>'


def figures(comparisons: Sequence[Comparison]) -> str:
    """Medians, ratios and verdicts."""
    rows = ((*_named(one), _figure(one.bare), _figure(one.container), *_ratios(one), _verdict(one)) for one in comparisons)
    return _by_benchmark(FIGURES, comparisons, rows)


def tests(comparisons: Sequence[Comparison]) -> str:
    """What the verdicts follow from."""
    return _by_benchmark(TESTS, comparisons, (_test(one) for one in comparisons))


def _name(one: Comparison) -> str:
    return _cell(f"{one.metric.name}{own_margin(one)}")


def _named(one: Comparison) -> tuple[str, str]:
    return _name(one), _cell(f"{one.metric.unit} {'↑' if one.metric.higher_is_better else '↓'}")


def _ratios(one: Comparison) -> tuple[str, str]:
    return _number(percent(one.ratio)), _number(percent(one.control))


def _verdict(one: Comparison) -> str:
    return f'<td class="{style(one.verdict)}">{escape(one.verdict)}</td>'


def _test(one: Comparison) -> tuple[str, ...]:
    narrow = span(one.ratio.narrow) if one.ratio.narrow else "–"
    p = (one.p.different, one.p.different_adjusted, one.p.equivalent, one.p.equivalent_adjusted)
    needed = f"{one.pairs_needed:,}" if one.pairs_needed else "–"
    return (_name(one), *map(_number, (str(one.ratio.pairs), narrow, *map(_p, p), size(one.detectable), needed)))


def _p(value: float | None) -> str:
    return "–" if value is None else "&lt;0.0001" if value < 0.0001 else f"{value:.2g}"


def _figure(value: float | None) -> str:
    return _number(figure(value))


def style(word: str) -> str:
    """The class of a verdict in the page's style sheet."""
    return word.replace(" ", "-")


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _number(text: str) -> str:
    """Of what is already safe."""
    return f'<td class="number">{text}</td>'


def _by_benchmark(head: Sequence[str], comparisons: Sequence[Comparison], rows: Iterable[Iterable[str]]) -> str:
    if not comparisons:
        return NOTHING
    body, before = [], ""
    for one, cells in zip(comparisons, rows, strict=True):
        if one.benchmark != before:
            before = one.benchmark
            named = escape(f"{before}{_margin(before, comparisons)}")
            body.append(f'<tr class="group"><th colspan="{len(head)}">{named}</th></tr>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return table(head, body, "figures")


def _margin(benchmark: str, comparisons: Iterable[Comparison]) -> str:
    """Of the metrics that have none of their own, if there are any."""
    own = [one for one in comparisons if one.benchmark == benchmark]
    usual = next((one for one in own if not one.metric.margin), None)
    return f", margin ±{usual.margin:.1%}" if usual else ""


def table(head: Sequence[str], body: Iterable[str], kind: str = "") -> str:
    names = "".join(f"<th{'' if name in WORDS else NUMBERS}>{escape(name)}</th>" for name in head)
    return f'<table class="{kind}"><thead><tr>{names}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def findings(comparisons: Iterable[Comparison]) -> str:
    """Drift, autocorrelation, outliers: metrics of which there is something to say."""
    told = (f"{one.benchmark} {one.metric.name}: {' '.join(one.notes)}" for one in comparisons if one.notes)
    items = "".join(f"<li>{escape(line)}</li>" for line in told)
    return f"<ul>{items}</ul>" if items else NOTHING


_Found = Mapping[str, Mapping[Arm, Taken]]
"""By benchmark."""


def steal(found: _Found) -> str:
    """Means of each arm, of benchmarks with any; empty without one."""
    return _by_arm(found, lambda one: one.stolen, lambda one: _mean(one.steal))


def others(found: _Found) -> str:
    return _by_arm(found, lambda one: one.shared, lambda one: _mean(one.others))


def slowed(found: _Found) -> str:
    return _by_arm(found, lambda one: one.slowed > 0, lambda one: f"{one.slowed:,}" if one.throttled else "–")


def _mean(shares: Sequence[float]) -> str:
    return f"{fmean(shares):.2%}" if shares else "–"


def _by_arm(found: _Found, had: Callable[[Taken], bool], text: Callable[[Taken], str]) -> str:
    shown = {name: arms for name, arms in found.items() if any(map(had, arms.values()))}
    body = (f"<tr>{_cell(name)}{''.join(_number(text(one)) for one in arms.values())}</tr>" for name, arms in shown.items())
    return table(("benchmark", *NAMES.values()), body, "figures") if shown else ""


def limits(distances: Iterable[Distance]) -> str:
    """Where each limit comes from."""
    body = (
        f"<tr>{_cell(f'{one.benchmark} {one.metric.name}')}{_number(f'{one.limit.value:.5g}')}{_cell(one.metric.unit)}"
        f"{_cell(one.limit.source)}</tr>"
        for one in distances
    )
    return table(("metric", "limit", "unit", "source"), body)


def unlike(result: Result) -> str:
    """What the container itself brought, by benchmark."""
    found: dict[str, list[str]] = {}
    for about in result.benchmarks:
        for line in container_differences(counted(result.samples, about.name), result.environments):
            found.setdefault(line, []).append(about.name)
    items = (f"<li>{escape(line)} ({_which(names, result)})</li>" for line, names in found.items())
    return f"<ul>{''.join(items)}</ul>" if found else NOTHING


def _which(names: Sequence[str], result: Result) -> str:
    measured = {sample.benchmark for sample in result.samples}
    return "in all benchmarks" if set(names) == measured else escape(", ".join(names))


def fingerprint(result: Result) -> str:
    """Facts with every value that was seen, by arm where the arms saw different ones; libraries and settings run on."""
    rows: dict[str, list[str]] = {}
    for name, value in sorted(_facts(result).items()):
        row, part = _place(name, result)
        rows.setdefault(row, []).append(f"{part} {value}".strip())
    body = (f"<tr>{_cell(row)}<td>{escape(', '.join(values))}</td></tr>" for row, values in sorted(rows.items()))
    return table(("fact", "value"), body, "facts")


def _place(name: str, result: Result) -> tuple[str, str]:
    """Its row, and its name there."""
    first, _, rest = name.partition(" ")
    if first == "library":
        return "libraries", rest
    if rest and any(about.name == first for about in result.benchmarks):
        return f"settings of {first}", rest
    return name, ""


def _facts(result: Result) -> dict[str, str]:
    """`(none)` stands for a fact that a sample of that arm does not have."""
    sides: dict[str, list[dict[str, str]]] = {"bare metal": [], "container": []}
    for sample in result.samples:
        config = {f"{sample.benchmark} {name}": str(value) for name, value in sample.config.items()}
        side = "container" if sample.arm is Arm.CONTAINER else "bare metal"
        sides[side].append({**result.environments.get(sample.environment, {}), **config})
    names = {name for found in sides.values() for facts in found for name in facts}
    return {name: _value({side: _seen(name, found) for side, found in sides.items() if found}) for name in names}


def _seen(name: str, found: Sequence[Mapping[str, str]]) -> str:
    values = sorted({facts[name] for facts in found if name in facts})
    return " / ".join(value or "(empty)" for value in values) or "(none)"


def _value(told: Mapping[str, str]) -> str:
    """Once, where both sides saw the same."""
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return "; ".join(f"{side}: {values}" for side, values in told.items())
