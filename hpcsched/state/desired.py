"""What a node is told to run."""

from __future__ import annotations

from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec, DesiredContainer, StepSpec
from hpcsched.model.job import Job, JobState
from hpcsched.model.node import Node
from hpcsched.state.parts import all_run, ended, runs_everywhere


def desired_container(job: Job, node: Node) -> DesiredContainer | None:
    """The job's container on that node; None when it has none there or its part there has ended.

    Only the nodes that run the command have it, its limits and the cancel: other parts follow its end by `release`.
    """
    assert job.allocation is not None
    names = job.allocation.nodes
    rank = names.index(node.name) if node.name in names else -1
    if rank < 0 or ended(job.parts[rank]):
        return None
    runs = rank == 0 or runs_everywhere(job)
    return DesiredContainer(
        job_id=job.id,
        runtime=job.spec.runtime,
        container=_container(job, node, rank),
        command=_command(job) if runs and _may_run(job) else None,
        time_limit_s=job.spec.time_limit_s if runs else 0,
        grace_s=float(job.spec.grace_s),
        stdout=job.spec.stdout.replace("%N", node.name).replace("%n", str(rank)) if runs else "",
        cancel=job.cancel_requested and runs,
        release=job.state is JobState.COMPLETING,
        started=job.parts[rank] is not None,
        first_task=sum(len(part.binding.tasks) for part in job.allocation.bindings[:rank]),
    )


def _may_run(job: Job) -> bool:
    """The command of several nodes waits until all of them are ready; once given, it stays."""
    return len(job.parts) == 1 or job.state is not JobState.CONFIGURING or all_run(job)


def _container(job: Job, node: Node, rank: int) -> ContainerSpec:
    assert job.allocation is not None
    binding = job.allocation.bindings[rank].binding
    return ContainerSpec(
        name=f"job{job.id}",
        image=job.spec.image,
        binding=binding,
        hostname=node.name,
        env=_environment(job, node, rank, binding),
        mounts=job.spec.mounts,
        keep=job.spec.keep,
        tuning=job.spec.resources.tuning,
    )


def _environment(job: Job, node: Node, rank: int, binding: Binding) -> tuple[tuple[str, str], ...]:
    """The job's own variables win over the thread count, and ours over the job's."""
    assert job.allocation is not None
    return tuple(
        {
            **_threads(node, binding),
            **dict(job.spec.env),
            "HPCSCHED_JOB_ID": str(job.id),
            "HPCSCHED_JOB_NAME": job.spec.title,
            "HPCSCHED_NNODES": str(len(job.allocation.bindings)),
            "HPCSCHED_NODELIST": ",".join(job.allocation.nodes),
            "HPCSCHED_NODEID": str(rank),
            "HPCSCHED_CPUS": str(binding.cpus),
            "HPCSCHED_GPUS": ",".join(binding.gpus),
            "HPCSCHED_NICS": ",".join(binding.nics),
            **_task_counts(job, binding),
        }.items()
    )


def _threads(node: Node, binding: Binding) -> dict[str, str]:
    """One for each core of the job; each of its tasks has its own number."""
    cores = sum(not core.pus.isdisjoint(binding.cpus) for core in node.offer.topology.cores)
    return {} if binding.tasks else {"OMP_NUM_THREADS": str(cores or len(binding.cpus))}


def _task_counts(job: Job, binding: Binding) -> dict[str, str]:
    assert job.allocation is not None
    total = sum(len(part.binding.tasks) for part in job.allocation.bindings)
    return {"HPCSCHED_NTASKS": str(total), "HPCSCHED_NTASKS_PER_NODE": str(len(binding.tasks))} if total else {}


def _command(job: Job) -> StepSpec:
    spec = job.spec
    argv = (spec.title, *spec.command) if spec.script else spec.command
    return StepSpec(0, argv, workdir=spec.workdir or "/", script=spec.script, output_cap=spec.output_cap)
