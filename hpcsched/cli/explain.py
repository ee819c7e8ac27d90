"""`hpcsched explain`."""

from __future__ import annotations

import click

from hpcsched.cli.context import Context
from hpcsched.cli.explain_text import text
from hpcsched.cli.job_id import job_argument
from hpcsched.cli.output import clean, output_option, show_json, show_rows
from hpcsched.cli.wording import seconds
from hpcsched.model.explanation import Explanation


def show_explanation(told: Explanation, form: str, now: float) -> None:
    if form == "json":
        show_json(told)
    elif form == "plain":
        show_rows(plain(told))
    else:
        for line in text(told, now):
            click.echo(clean(line))


def plain(told: Explanation) -> list[tuple[str, ...]]:
    """Each line says of what kind it is."""
    return [
        ("state", told.state.value),
        ("summary", told.summary),
        *(("blocker", item.reason.value, item.message) for item in told.blockers),
        ("start", seconds(told.earliest), seconds(told.latest), seconds(told.after)),
        ("end", seconds(told.end_by)),
        ("position", str(told.position), str(told.waiting)),
        ("priority", f"{told.priority:.3f}"),
        *(("factor", item.name, f"{item.factor:g}", f"{item.weight:g}", f"{item.product:.3f}") for item in told.factors),
        *(("ahead", str(item.job_id), str(item.nodes), f"{item.priority:.3f}") for item in told.ahead),
        *(("nodes", str(item.count), item.what, ",".join(item.nodes)) for item in told.node_groups),
        *(("change", item.options, seconds(item.start)) for item in told.changes),
        *(("planned", str(item.job_id), str(item.nodes), seconds(item.start), seconds(item.end)) for item in told.timeline),
        *(("note", item) for item in told.notes),
    ]


@click.command(epilog="Example: hpcsched explain 12 --output json | jq .latest")
@job_argument
@output_option
@click.pass_obj
def command(context: Context, job_id: int, form: str) -> None:
    """Say why a job waits and when it will start, why it got its nodes, or how it ended.

    The start is found by replaying the scheduling policy: once as if jobs ran as long as they usually do, once to their limits.
    Plain lines begin with their kind: state, summary, blocker, start (earliest, latest, later than), end, position, priority,
    factor, ahead, nodes, change, planned, note; times in Unix seconds.
    """
    with context.client() as client:
        told = client.explain(job_id)
    show_explanation(told, form, context.now())
