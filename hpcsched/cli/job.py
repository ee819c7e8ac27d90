"""`hpcsched job`."""

from __future__ import annotations

import click

from hpcsched.cli import job_queue, wording, wording_devices
from hpcsched.cli.context import Context
from hpcsched.cli.job_id import job_or_task_argument
from hpcsched.cli.output import output_option, show_facts
from hpcsched.cli.task import facts as task_facts
from hpcsched.cli.task import task_of
from hpcsched.model.allocation import Binding
from hpcsched.model.job import Job, ResourceRequest


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
        *job_queue.standing(job),
    ]


def _asked(job: Job) -> list[tuple[str, str]]:
    spec = job.spec
    return [
        ("command", wording.command_line(spec)),
        ("workdir", spec.workdir or "/"),
        ("image", spec.image),
        ("runtime", spec.runtime),
        ("nodes", f"{spec.nodes}-{spec.max_nodes}" if spec.max_nodes > spec.nodes else str(spec.nodes)),
        *_resources(spec.resources),
        ("time_limit", wording.limit(spec)),
        ("priority", str(spec.priority)),
        *job_queue.asked(job),
        ("stdout", spec.stdout),
        ("mounts", " ".join(f"{item.source}:{item.target}:{'ro' if item.read_only else 'rw'}" for item in spec.mounts)),
        ("hold", "yes" if spec.hold else ""),
        ("keep", "yes" if spec.keep else ""),
    ]


def _resources(asked: ResourceRequest) -> list[tuple[str, str]]:
    return [
        ("cpus_per_node", str(asked.cpus_per_node or "")),
        ("cores_per_node", str(asked.cores_per_node or "")),
        ("threads_per_core", str(asked.threads_per_core or "")),
        ("mem_per_node", wording.size(asked.mem_per_node)),
        ("numa", asked.numa),
        ("hugepages", wording_devices.asked_pages(asked)),
        ("gpus_per_node", "" if asked.gpus_per_node is None else str(asked.gpus_per_node)),
        ("ntasks_per_node", str(asked.ntasks_per_node or "")),
        ("cpus_per_task", str(asked.cpus_per_task or "")),
        ("bind", asked.bind.value if asked.ntasks_per_node else ""),
        ("tuning", asked.tuning),
    ]


def _granted(job: Job) -> list[tuple[str, str]]:
    return [(f"on {part.node}", _binding(part.binding)) for part in (job.allocation.bindings if job.allocation else ())]


def _binding(binding: Binding) -> str:
    memory = wording.size(binding.memory) or "all"
    return f"cpus {binding.cpus}  mems {binding.mems}  memory {memory}  {wording_devices.granted(binding)}".rstrip()


_EPILOG = """\b
Examples:
  hpcsched job 12 --output json | jq .exit_code
  hpcsched job 14_3"""


@click.command(epilog=_EPILOG)
@job_or_task_argument
@output_option
@click.pass_obj
def command(context: Context, job_or_task: tuple[int, int | None], form: str) -> None:
    """Show all that is known of one job, waiting, running or ended; with ID_TASK of that task of an array."""
    job_id, task_id = job_or_task
    with context.client() as client:
        job = client.job(job_id)
        if task_id is None:
            return show_facts(facts(job), form, job)
        task = task_of(job, task_id, map(client.job, job.array.workers if job.array else ()))
    return show_facts(task_facts(task), form, task)
