"""A job's receipt: what was asked, what was granted, what the kernel showed, for each of its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from hpcsched.cli.layout import printable
from hpcsched.cli.receipt_fact import Fact, Verdict
from hpcsched.cli.receipt_granted import granted_facts
from hpcsched.cli.receipt_recorded import lacking_facts, recorded_facts, sampled_facts, tuning_facts
from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerStatus
from hpcsched.model.job import Job, JobSpec

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_CAPTION = "✓ as granted   ✗ otherwise   ~ runs, with less than was asked   · recorded only"
_STYLES = {Verdict.AGREES: "green", Verdict.DIFFERS: "bold red", Verdict.DEGRADED: "yellow", Verdict.RECORDED: "dim"}


@dataclass(frozen=True, slots=True)
class NodeReceipt:
    """What the job has on one node; `status` is None while the node has not reported it."""

    node: str
    binding: Binding
    status: ContainerStatus | None
    facts: tuple[Fact, ...]

    def named(self, verdict: Verdict) -> tuple[str, ...]:
        """What the facts of that verdict are about, each name once."""
        return tuple(dict.fromkeys(fact.what for fact in self.facts if fact.verdict is verdict))


def receipts(job: Job) -> list[NodeReceipt]:
    """By rank of the node; empty while the job has none."""
    bindings = job.allocation.bindings if job.allocation else ()
    return [
        NodeReceipt(bound.node, bound.binding, status, tuple(_facts(job.spec, bound.binding, status)))
        for bound, status in zip_longest(bindings, job.parts[: len(bindings)])
    ]


def receipt_table(job: Job) -> Table:
    """For rich's console; the node has a column when there are several."""
    from rich.table import Table

    found = receipts(job)
    several = len(found) != 1
    title = f"job {job.id}{'' if several else f' on {found[0].node}'}: asked, granted, observed"
    table = Table(title=_text(title), caption=_caption(job, found), title_justify="left", caption_justify="left")
    for name in (*(("node",) if several else ()), "what", "asked", "granted", "observed", ""):
        table.add_column(name, overflow="fold")
    for one in found:
        for number, fact in enumerate(one.facts):
            table.add_row(*([_text("" if number else one.node)] if several else []), *_cells(fact))
        table.add_section()
    return table


def _facts(spec: JobSpec, granted: Binding, status: ContainerStatus | None) -> Iterator[Fact]:
    seen = status.observed if status else None
    yield from granted_facts(spec, granted, seen)
    if seen:
        yield from lacking_facts(seen.lacks)
        yield from recorded_facts(spec, seen)
        yield from tuning_facts(seen.tuning)
    if status and status.sampled:
        yield from sampled_facts(status.sampled)


def _caption(job: Job, found: list[NodeReceipt]) -> str:
    if not found:
        return f"the job is {job.state.value}: nothing is granted yet"
    missing = sum(1 for one in found if one.status is None or one.status.observed is None)
    return f"{missing} of its nodes have not shown a container\n{_CAPTION}" if missing else _CAPTION


def _cells(fact: Fact) -> list[Text]:
    texts = (fact.what, fact.asked, fact.granted, fact.observed)
    return [*map(_text, texts), _text(fact.sign, _STYLES[fact.verdict])]


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(printable(text), style=style)
