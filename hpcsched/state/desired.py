"""What a node is told to run."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.allocation import Binding, TaskBinding
from hpcsched.model.array import Assigned
from hpcsched.model.container import ContainerSpec, DesiredContainer, StepSpec, Work
from hpcsched.model.job import Job, JobState
from hpcsched.model.node import Node
from hpcsched.state.deadlines import limit_s
from hpcsched.state.parts import all_run, ended, runs_everywhere
from hpcsched.state.preemption import must_end
from hpcsched.state.tables import Tables


def desired_on(tables: Tables, name: str) -> tuple[DesiredContainer, ...]:
    """Of the job that owns the node, and of those that gave it up frozen; none for a node that is not known."""
    node = tables.nodes.get(name)
    ids = (node.job_id, *node.suspended) if node else ()
    jobs = [tables.active[number] for number in ids if number is not None and number in tables.active]
    wanted = [_worker(tables, job, node) if job.is_worker else desired_container(job, node) for job in jobs if node]
    return tuple(item for item in wanted if item)


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
        time_limit_s=limit_s(job) if runs else 0,
        grace_s=_grace_s(job),
        stdout=job.spec.stdout.replace("%N", node.name).replace("%n", str(rank)) if runs else "",
        cancel=must_end(job) and runs,
        release=job.state is JobState.COMPLETING,
        started=job.parts[rank] is not None,
        first_task=sum(len(part.binding.tasks) for part in job.allocation.bindings[:rank]),
        suspend=job.state is JobState.SUSPENDED,
        restarts=job.restarts,
    )


def _grace_s(job: Job) -> float:
    """A job that gives its nodes up has the grace of its QOS."""
    return float(job.preempt_grace_s if job.preempt_mode and not job.cancel_requested else job.spec.grace_s)


def _worker(tables: Tables, worker: Job, node: Node) -> DesiredContainer | None:
    """It has no command of its own; it is released when it gets no more work and has none."""
    wanted = desired_container(worker, node)
    if wanted is None:
        return None
    works = tuple(_work(tables.jobs[work.job_id], work, node) for work in worker.assigned)
    idle = worker.dismissed and not any(work.ranges for work in worker.assigned)
    return replace(wanted, is_worker=True, works=works, command=None, time_limit_s=0, stdout="", release=idle)


def _work(job: Job, work: Assigned, node: Node) -> Work:
    env = {**dict(job.spec.env), **_names(job, (node.name,), 0)}
    return Work(
        job_id=job.id,
        ranges=work.ranges,
        slots=tuple(TaskBinding(slot.cpus, slot.mems, slot.gpus) for slot in work.slots),
        command=replace(_command(job), env=tuple(env.items())),
        array=job.spec.array,
        time_limit_s=job.spec.time_limit_s if job.array is not None else limit_s(job),
        grace_s=float(job.spec.grace_s),
        stdout=job.spec.stdout.replace("%N", node.name).replace("%n", "0"),
        cancel=job.cancel_requested or job.requeue_requested,
        restarts=job.restarts,
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
            **_names(job, job.allocation.nodes, rank),
            "HPCSCHED_CPUS": str(binding.cpus),
            "HPCSCHED_GPUS": ",".join(binding.gpus),
            "HPCSCHED_NICS": ",".join(binding.nics),
            **_task_counts(job, binding),
        }.items()
    )


def _names(job: Job, nodes: tuple[str, ...], rank: int) -> dict[str, str]:
    return {
        "HPCSCHED_JOB_ID": str(job.id),
        "HPCSCHED_JOB_NAME": job.spec.title,
        "HPCSCHED_NNODES": str(len(nodes)),
        "HPCSCHED_NODELIST": ",".join(nodes),
        "HPCSCHED_NODEID": str(rank),
    }


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
