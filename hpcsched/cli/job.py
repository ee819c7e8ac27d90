"""`hpcsched job`."""

from __future__ import annotations

import click

from hpcsched.cli import wording
from hpcsched.cli.context import Context
from hpcsched.cli.job_id import job_argument
from hpcsched.cli.output import output_option, show_facts
from hpcsched.model.job import Job


def facts(job: Job) -> list[tuple[str, str]]:
    """What there is to say about a job; what is empty is left out."""
    return [(name, value) for name, value in (*_standing(job), *_asked(job), *_granted(job)) if value]


def _standing(job: Job) -> list[tuple[str, str]]:
    return [
        ("id", str(job.id)),
        ("name", wording.name(job)),
        ("user", job.spec.user),
        ("state", job.state.value + (" (cancel requested)" if job.cancel_requested and not job.state.ended else "")),
        ("reason", job.reason.value if job.reason.value != "None" else ""),
        ("message", job.message),
        ("exit_code", wording.code(job)),
        ("submitted", wording.moment(job.submit_time)),
        ("started", wording.moment(job.start_time)),
        ("ended", wording.moment(job.end_time)),
    ]


def _asked(job: Job) -> list[tuple[str, str]]:
    spec, resources = job.spec, job.spec.resources
    return [
        ("command", wording.command_line(spec)),
        ("workdir", spec.workdir or "/"),
        ("image", spec.image),
        ("runtime", spec.runtime),
        ("nodes", str(spec.nodes)),
        ("cpus_per_node", str(resources.cpus_per_node or "")),
        ("cores_per_node", str(resources.cores_per_node or "")),
        ("mem_per_node", wording.size(resources.mem_per_node)),
        ("time_limit", wording.limit(spec)),
        ("priority", str(spec.priority)),
        ("stdout", spec.stdout),
        ("mounts", " ".join(f"{item.source}:{item.target}:{'ro' if item.read_only else 'rw'}" for item in spec.mounts)),
        ("hold", "yes" if spec.hold else ""),
        ("keep", "yes" if spec.keep else ""),
    ]


def _granted(job: Job) -> list[tuple[str, str]]:
    parts = job.allocation.bindings if job.allocation else ()
    return [
        (
            f"on {part.node}",
            f"cpus {part.binding.cpus}  mems {part.binding.mems}  memory {wording.size(part.binding.memory) or 'all'}",
        )
        for part in parts
    ]


@click.command(epilog="Example: hpcsched job 12 --output json | jq .exit_code")
@job_argument
@output_option
@click.pass_obj
def command(context: Context, job_id: int, form: str) -> None:
    """Show all that is known of one job, waiting, running or ended."""
    with context.client() as client:
        job = client.job(job_id)
    show_facts(facts(job), form, job)
