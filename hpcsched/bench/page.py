"""One self-contained HTML page for a reader who was not there."""

from __future__ import annotations

import shlex
import string
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from hpcsched.bench import page_tables, page_words
from hpcsched.bench.disturbed import by_benchmark
from hpcsched.bench.page_tables import NOTHING
from hpcsched.bench.plot_limits import distances, limit_plot
from hpcsched.bench.plot_ratios import ratio_plots
from hpcsched.bench.plot_samples import sample_plots
from hpcsched.bench.power import power
from hpcsched.bench.result import Result
from hpcsched.bench.telling import Chapter, Told, chapters, lead, mean, remarks

STEAL = "The share of the samples' time that a hypervisor took, the mean of each arm without its warm-up:"
OTHERS = "The share of their CPUs' time in which something else than the sample ran on them, other processes or the kernel:"
SLOWED = "How often CPUs were slowed down by heat or a quota in these samples:"


def page(result: Result) -> str:
    """The whole document; needs nothing from the network."""
    template = string.Template((files("hpcsched.bench") / "page.html").read_text())
    return template.substitute(
        title=escape(page_words.title(result)),
        facts=escape(page_words.facts(result)),
        lead=escape(lead(result)),
        remarks="\n".join(f"<p>{escape(text)}</p>" for text in _remarks(result)),
        chapters="\n".join(_chapters(result)),
        ratios="\n".join(ratio_plots(result.comparisons)) or NOTHING,
        figures=page_tables.figures(result.comparisons),
        tests=page_tables.tests(result.comparisons),
        limits=_limits(result),
        samples="\n".join(sample_plots(result)) or NOTHING,
        findings=page_tables.findings(result.comparisons),
        disturbances=_disturbances(result),
        missing=_items(page_words.missing(result)) or "<li>Nothing that these benchmarks look for is missing.</li>",
        bounds=_items(page_words.bounds(result)),
        method=_items(page_words.method(result)),
        sources=_items(f"{about.name} measures {about.stresses}. How: {about.source}." for about in result.benchmarks),
        repeat=escape(page_words.repeat(result)),
        versions=escape(page_words.versions(result)),
        commands="\n".join(escape(shlex.join(command)) for command in result.command.values()),
        unlike=page_tables.unlike(result),
        fingerprint=page_tables.fingerprint(result),
    )


def _remarks(result: Result) -> Iterable[str]:
    return filter(None, (*power(result.comparisons), *remarks(result), mean(result)))


def _chapters(result: Result) -> Iterable[str]:
    for chapter in chapters(result):
        if chapter.told:
            yield f"<dt>{escape(chapter.about.name)} <span>{escape(chapter.about.stresses)}</span></dt>"
            yield from (_told(chapter, one) for one in chapter.told)


def _told(chapter: Chapter, one: Told) -> str:
    """The metrics by name, unless it holds of all that the benchmark has."""
    whole = len(one.metrics) == len(chapter.about.metrics) > 1
    names = "all metrics" if whole else ", ".join(one.metrics)
    text = (f"{names}: {one.text}" if names else one.text).removesuffix(".")
    return f'<dd class="{page_tables.style(one.mark)}"><b>{escape(one.mark)}</b> {escape(text)}.</dd>'


def _disturbances(result: Result) -> str:
    found = by_benchmark(result)
    told = ((STEAL, page_tables.steal(found)), (OTHERS, page_tables.others(found)), (SLOWED, page_tables.slowed(found)))
    return "\n".join(f"<p>{escape(about)}</p>{rows}" for about, rows in told if rows)


def _limits(result: Result) -> str:
    found = distances(result)
    if not found:
        return "<p>No physical limit of a metric is known on this machine.</p>"
    about = "Of other metrics no physical limit is known on this machine. Where lower is better, the share is limit / figure."
    return f"<p>{about}</p>{limit_plot(found)}{page_tables.limits(found)}"


def _items(lines: Iterable[str]) -> str:
    return "\n".join(f"<li>{escape(line)}</li>" for line in lines)
