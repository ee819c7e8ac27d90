"""What a node is told to run."""

from __future__ import annotations

from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec, DesiredContainer, StepSpec
from hpcsched.model.job import Job, JobState
from hpcsched.model.node import Node
from hpcsched.state.parts import all_run, ended


def desired_container(job: Job, node: Node) -> DesiredContainer | None:
    """The job's container on that node; None when it has none there or its part there has ended.

    Only the first node has the command, its limits and the cancel: the other parts follow its end by `release`.
    """
    assert job.allocation is not None
    names = job.allocation.nodes
    rank = names.index(node.name) if node.name in names else -1
    if rank < 0 or ended(job.parts[rank]):
        return None
    head = rank == 0
    return DesiredContainer(
        job_id=job.id,
        runtime=job.spec.runtime,
        container=_container(job, node, rank),
        command=_command(job) if head and _may_run(job) else None,
        time_limit_s=job.spec.time_limit_s if head else 0,
        grace_s=float(job.spec.grace_s),
        stdout=job.spec.stdout if head else "",
        cancel=job.cancel_requested and head,
        release=job.state is JobState.COMPLETING,
        started=job.parts[rank] is not None,
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
    )


def _environment(job: Job, node: Node, rank: int, binding: Binding) -> tuple[tuple[str, str], ...]:
    """The job's own variables win over the thread count, and ours over the job's."""
    assert job.allocation is not None
    cores = sum(not core.pus.isdisjoint(binding.cpus) for core in node.offer.topology.cores)
    return tuple(
        {
            "OMP_NUM_THREADS": str(cores or len(binding.cpus)),
            **dict(job.spec.env),
            "HPCSCHED_JOB_ID": str(job.id),
            "HPCSCHED_JOB_NAME": job.spec.name,
            "HPCSCHED_NNODES": str(len(job.allocation.bindings)),
            "HPCSCHED_NODELIST": ",".join(job.allocation.nodes),
            "HPCSCHED_NODEID": str(rank),
            "HPCSCHED_CPUS": str(binding.cpus),
        }.items()
    )


def _command(job: Job) -> StepSpec:
    spec = job.spec
    argv = (spec.name or "script", *spec.command) if spec.script else spec.command
    return StepSpec(0, argv, workdir=spec.workdir or "/", script=spec.script, output_cap=spec.output_cap)
