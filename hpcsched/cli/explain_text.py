"""An explanation as text for people, in local time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from hpcsched.cli.timeline import drawn
from hpcsched.model.explanation import Explanation
from hpcsched.model.job import JobState, Reason
from hpcsched.model.units import format_duration


def text(told: Explanation, now: float) -> Iterator[str]:
    """Line by line."""
    yield _first_line(told)
    if told.end_by:
        yield f"It ends by {moment(told.end_by, now)}, its time limit."
    if told.state is not JobState.PENDING and not told.node_groups:
        return
    yield from _start(told, now)
    yield from _changes(told, now)
    yield from _section("What keeps it", [f"{item.reason.value}: {item.message}" for item in told.blockers])
    yield from _section(_place(told), _ahead(told))
    yield from _section(f"Its priority, {told.priority:.2f}", list(_factors(told)))
    yield from _section("The nodes, as it sees them", list(_nodes(told)))
    yield from _section("The plan, if all jobs run to their limits", drawn(told.timeline, told.job_id, now))
    yield from _section("Note", list(told.notes))


def _first_line(told: Explanation) -> str:
    if told.job_id:
        return f"Job {told.job_id} is {told.state.value}: {told.summary}"
    return f"It would wait: {told.summary}" if told.blockers else f"It would not wait: {told.summary}"


def expected(told: Explanation, now: float) -> str:
    """When it is thought to start, in words; empty when nothing is known."""
    if told.earliest and told.latest:
        first, last = moment(told.earliest, now), moment(told.latest, now)
        return _at(told.earliest, now) if first == last else f"between {first} and {last}"
    if told.earliest:
        return f"not before {moment(told.earliest, now)}"
    if told.latest:
        return f"by {moment(told.latest, now)}"
    return f"later than {moment(told.after, now)}" if told.after else ""


def moment(unix_s: float, now: float) -> str:
    """`now`, the time of day, and the date where it is another day."""
    if abs(unix_s - now) < 1.5:
        return "now"
    there, here = time.localtime(unix_s), time.localtime(now)
    near = (there.tm_year, there.tm_yday) == (here.tm_year, here.tm_yday)
    shown = time.strftime("%H:%M:%S" if near else "%Y-%m-%d %H:%M:%S", there)
    return shown if abs(unix_s - now) < 600 else shown[:-3]


def _start(told: Explanation, now: float) -> Iterator[str]:
    when = expected(told, now)
    if not when:
        return
    how = f"by replays in which jobs run {told.fraction:.0%} and 100% of their limits"
    what = "Expected to start" if told.state is JobState.PENDING else "Another node is expected"
    yield f"{what} {when}" + (f" ({how})." if " and " in when else ".")


def _changes(told: Explanation, now: float) -> Iterator[str]:
    for change in told.changes:
        how = change.options if change.options.startswith("without ") else f"with {change.options}"
        yield f"{how[0].upper()}{how[1:]} it would start {_at(change.start, now)}."


def _at(start: float, now: float) -> str:
    said = moment(start, now)
    return said if said == "now" else f"at {said}"


def _section(heading: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{heading}:"
        yield from (f"  {line}".rstrip() for line in lines)


def _place(told: Explanation) -> str:
    more = f", the first {len(told.ahead)}" if told.position - 1 > len(told.ahead) else ""
    return f"Ahead of it ({told.position - 1} of {told.waiting} that wait{more})"


def _ahead(told: Explanation) -> list[str]:
    rows = [
        (
            f"job {job.job_id}",
            job.name,
            job.user,
            f"{job.nodes} {'node' if job.nodes == 1 else 'nodes'}",
            format_duration(job.time_limit_s) if job.time_limit_s else "no limit",
            f"priority {job.priority:.2f}",
            job.reason.value if job.reason is not Reason.NONE else "starts now",
        )
        for job in told.ahead
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _factors(told: Explanation) -> Iterator[str]:
    for item in told.factors:
        if item.weight and item.product:
            sign = "-" if item.product < 0 else "+"
            yield f"{sign} {abs(item.product):>10.2f}  {item.name:<10}  {item.factor:.4g} × {item.weight:g}"


def _nodes(told: Explanation) -> Iterator[str]:
    for group in told.node_groups:
        names = " ".join(group.nodes) + (" ..." if group.count > len(group.nodes) else "")
        yield f"{group.count:>6}  {group.what}  ({names})"
