"""Jobs that hold what they were given while a test looks at them from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcsched.client import Client, JobSpec, ResourceRequest
from hpcsched.hardware.cgroup_layout import read
from hpcsched.model.allocation import Binding
from hpcsched.model.array import parse_array
from hpcsched.model.container import Observed
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobState
from tests.integration.daemons import DEADLINE_S, Daemons, eventually
from tests.numa.gpus import gpus
from tests.numa.machine import allowed, figures, ids, pages

MIB = 1 << 20
HOLD = """
import mmap, signal, sys
block = mmap.mmap(-1, int(sys.argv[1]) << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range(0, len(block), 4096): block[page] = 1
print("ready", flush=True)
signal.pause()
"""
BURN = HOLD.replace("signal.pause()", "while True: pass")


HOLD_HUGE = """
import mmap, os, signal, sys
HUGETLB, LENGTH = 0x40000, int(sys.argv[1]) << 21
def take(length):
    block = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | HUGETLB)
    for page in range(0, length, 1 << 21): block[page] = 1
    return block
block = take(LENGTH)
child = os.fork()
if child == 0:
    try: take(1 << 21)
    except OSError as error: os._exit(error.errno)
    os._exit(0)
status = os.waitpid(child, 0)[1]
print("one more page:", f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"code {os.WEXITSTATUS(status)}")
print("ready", flush=True)
signal.pause()
"""


@dataclass(frozen=True)
class Held:
    """`pids`: the processes that hold the memory, by task. `group`: folder of the control group that they are in.

    `host`: the job whose container that is: itself, or a worker.
    """

    job: Job
    host: Job
    pids: tuple[int, ...]
    group: Path
    output: bytes

    @property
    def pid(self) -> int:
        return self.pids[0]

    @property
    def binding(self) -> Binding:
        assert self.job.allocation
        return self.job.allocation.bindings[0].binding

    @property
    def observed(self) -> Observed:
        return _observed(self.host)

    def cpuset(self) -> tuple[IdSet, IdSet]:
        """What its control group allows it now."""
        return ids(self.group / "cpuset.cpus.effective"), ids(self.group / "cpuset.mems.effective")


@contextmanager
def held(
    both: Daemons,
    resources: ResourceRequest,
    amount: int = 24,
    program: str = HOLD,
    under: tuple[str, ...] = (),
    **fields: Any,
) -> Iterator[Held]:
    """A job that has touched so many MiB (`HOLD_HUGE`: huge pages of 2 MiB); cancelled when the test is through with it.

    `under`: a command that becomes the one that is given to it.
    """
    command = (*under, "python3", "-IS", "-c", program, str(amount))
    spec = JobSpec(command=command, resources=resources, grace_s=1, **fields)
    with both.client() as client:
        job_id = client.submit(spec)
        try:
            yield ready(client, job_id, program)
        finally:
            client.cancel(job_id)
            client.wait(job_id, DEADLINE_S)
            eventually(lambda: not client.node("n1").busy or client.jobs(), "the node is free or another job's", every_s=0.25)


def ready(client: Client, job_id: int, program: str = HOLD) -> Held:
    """When each of its processes holds its memory; after a restart all of them anew."""
    eventually(lambda: _told(client, job_id), "the job is ready", every_s=0.25)
    job, output = client.job(job_id), client.output(job_id)
    assert job.state is JobState.RUNNING, (job.state, job.reason, job.message, output)
    host = client.job(_host_id(job))
    group = Path(_observed(host).cgroup)
    return Held(job, host, _pids(group, program, job_id), group, output)


def _told(client: Client, job_id: int) -> bool:
    job = client.job(job_id)
    processes = len(parse_array(job.spec.array)) if job.array else max(1, job.spec.resources.ntasks_per_node)
    return job.state.ended or client.output(job_id).count(b"ready") == processes * (1 + job.restarts)


def _host_id(job: Job) -> int:
    if job.array:
        return job.array.workers[0]
    return job.id if job.worker is None else job.worker


def _observed(job: Job) -> Observed:
    part = job.parts[0]
    assert part
    assert part.observed
    return part.observed


def _pids(group: Path, program: str, job_id: int) -> tuple[int, ...]:
    pids = [int(line) for line in (group / "cgroup.procs").read_text().split()]
    holders = [pid for pid in pids if program in read(Path(f"/proc/{pid}/cmdline"))]
    numbers = {pid: _numbers(pid) for pid in holders}
    return tuple(sorted((pid for pid in holders if numbers[pid]["JOB_ID"] == job_id), key=lambda pid: _task(numbers[pid])))


def _numbers(pid: int) -> dict[str, int]:
    """What hpcsched told a process in its environment, without the prefix of the names."""
    entries = (entry.decode().partition("=") for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    return {
        name.removeprefix("HPCSCHED_"): int(text) for name, _, text in entries if name.startswith("HPCSCHED_") and text.isdigit()
    }


def _task(numbers: dict[str, int]) -> int:
    """0 for a job without tasks."""
    return numbers.get("ARRAY_TASK_ID", numbers.get("LOCAL_TASK_ID", 0))


def state(job: Held) -> tuple[dict[str, str], tuple[IdSet, IdSet], set[int]]:
    """What limits it, where it may run, on which NUMA nodes its pages lie: all that nobody may change while it runs."""
    return figures(job.group, [gpu.path for gpu in gpus()]), allowed(job.pid), set(pages(job.pid))


def ended(both: Daemons, spec: JobSpec) -> tuple[Job, bytes]:
    """A job run to its end, and its output."""
    with both.client() as client:
        job = client.wait(client.submit(spec), DEADLINE_S)
        return job, client.output(job.id)
