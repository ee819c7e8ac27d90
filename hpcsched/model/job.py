"""Jobs: what was asked, and where each one stands."""

from __future__ import annotations

import enum

from hpcsched.model.allocation import Allocation
from hpcsched.model.array import ArrayProgress, Assigned
from hpcsched.model.changed import changer
from hpcsched.model.container import ContainerStatus, EndCause, Mount
from hpcsched.model.noun import noun
from hpcsched.model.site import PreemptMode


class JobState(enum.StrEnum):
    """Slurm's names (squeue(1), JOB STATE CODES)."""

    PENDING = "PENDING"
    CONFIGURING = "CONFIGURING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    COMPLETING = "COMPLETING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    NODE_FAIL = "NODE_FAIL"
    PREEMPTED = "PREEMPTED"
    DEADLINE = "DEADLINE"

    @property
    def ended(self) -> bool:
        return self not in _ALIVE


_ALIVE = frozenset({JobState.PENDING, JobState.CONFIGURING, JobState.RUNNING, JobState.SUSPENDED, JobState.COMPLETING})


class Reason(enum.StrEnum):
    """Why a job waits or how it ended, in Slurm's words."""

    NONE = "None"
    PRIORITY = "Priority"
    RESOURCES = "Resources"
    JOB_HELD = "JobHeldUser"
    REQ_NODE_NOT_AVAIL = "ReqNodeNotAvail"
    DEPENDENCY = "Dependency"
    DEPENDENCY_NEVER = "DependencyNeverSatisfied"
    BEGIN_TIME = "BeginTime"
    RESERVATION = "Reservation"
    PARTITION_DOWN = "PartitionDown"
    PARTITION_NODES = "PartitionNodeLimit"
    PARTITION_TIME = "PartitionTimeLimit"
    PARTITION_JOBS = "PartitionMaxJobs"
    PARTITION_NODE_HOURS = "PartitionMaxNodeHoursLimit"
    PARTITION_CONFIG = "PartitionConfig"
    INVALID_ACCOUNT = "InvalidAccount"
    INVALID_QOS = "InvalidQOS"
    QOS_JOBS = "QOSMaxJobsLimit"
    QOS_NODES = "QOSMaxNodesLimit"
    QOS_NODE_HOURS = "QOSMaxNodeHoursLimit"
    QOS_TIME = "QOSMaxWallDurationPerJobLimit"
    ACCOUNT_TIME = "AssocMaxWallDurationPerJobLimit"
    ACCOUNT_JOBS = "AssocMaxJobsLimit"
    ACCOUNT_NODES = "AssocMaxNodesLimit"
    ACCOUNT_NODE_HOURS = "AssocMaxNodeHoursLimit"
    ARRAY_TASK_LIMIT = "JobArrayTaskLimit"
    SUSPENDED = "Suspended"
    PREEMPTED = "Preempted"
    DEADLINE = "DeadLine"
    NON_ZERO_EXIT = "NonZeroExitCode"
    RAISED_SIGNAL = "RaisedSignal"
    TIME_LIMIT = "TimeLimit"
    OUT_OF_MEMORY = "OutOfMemory"
    LAUNCH_FAILED = "JobLaunchFailure"
    BINDING_MISMATCH = "BindingMismatch"
    NODE_DOWN = "NodeDown"
    CANCELLED = "Cancelled"


class TaskBind(enum.StrEnum):
    """How the tasks of a job share its cpus on a node: each a part of it for itself, made of this; NONE: all share all."""

    CORES = "cores"
    L3 = "l3"
    NUMA = "numa"
    NONE = "none"


@noun(frozen=True, slots=True)
class ResourceRequest:
    """What one node must give; 0 means all that the node hands out. Memory in bytes. `cpus` counts PUs, `cores` whole cores.

    `threads_per_core`: at most so many PUs of each core (1: no SMT siblings). `gpus_per_node` None: all. `numa`: `pack` (as
    empty), `spread`, or the OS indexes of NUMA nodes. `hugepages`: (page size in bytes, pages). `ntasks_per_node` 0: the
    command runs once, unbound within the job's cpus. `tuning`: the name of a node tuning (empty: the site's).
    """

    cpus_per_node: int = 0
    cores_per_node: int = 0
    mem_per_node: int = 0
    threads_per_core: int = 0
    gpus_per_node: int | None = None
    numa: str = ""
    hugepages: tuple[tuple[int, int], ...] = ()
    ntasks_per_node: int = 0
    cpus_per_task: int = 0
    bind: TaskBind = TaskBind.CORES
    tuning: str = ""


@noun(frozen=True, slots=True)
class JobSpec:
    """What was asked. One of `command` and `script` is given; with a script, `command` holds its arguments.

    `time_limit_s` 0: no limit. `workdir` is a path inside (empty: `/`). `stdout` a path on the node. `priority`: higher starts
    first, before all other factors; `nice`: taken off its priority. `nodes` to `max_nodes` (0: exactly `nodes`) nodes. Empty
    `partition`, `account`, `qos`: the defaults of the site. `constraint`: over node features, as `epyc&ib`; `array`: as
    `0-99:2%8`; `dependency`: as `afterok:12,afterany:13`. Times in Unix seconds, 0: none. `deadline`: it has
    ended by then, or never starts. `requeue`: it may run a second time, after preemption or the loss of a node. `nodelist`: names
    of the only nodes that it may have (empty: any). `require`: of the certified figures of its nodes, `stream.triad >= 20 GB/s`,
    all of which must be met.
    """

    command: tuple[str, ...] = ()
    script: bytes = b""
    name: str = ""
    user: str = ""
    nodes: int = 1
    resources: ResourceRequest = ResourceRequest()
    image: str = "host"
    runtime: str = "lxc"
    time_limit_s: int = 0
    grace_s: int = 30
    priority: int = 0
    workdir: str = ""
    stdout: str = ""
    output_cap: int = 64 << 20
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    keep: bool = False
    hold: bool = False
    max_nodes: int = 0
    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    array: str = ""
    dependency: str = ""
    begin_time: float = 0.0
    deadline: float = 0.0
    reservation: str = ""
    nice: int = 0
    requeue: bool = False
    nodelist: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    canary: bool = False
    """The controller's own, which measures an idle node and gets out of the way of jobs; see `hpcsched.state.canaries`."""

    @property
    def most_nodes(self) -> int:
        return self.max_nodes or self.nodes

    @property
    def title(self) -> str:
        """Its name, or that of its command."""
        return self.name or (self.command[0].rpartition("/")[2] if self.command and not self.script else "script")


@noun(frozen=True, slots=True)
class Job:
    """A job that has not left memory. Times are Unix seconds, 0 when not yet.

    `parts`: what each node of the allocation last reported, by the allocation's order.
    `cause`, `exit_code`, `signal`, `message`: how its first node ended it.
    """

    id: int
    spec: JobSpec
    request_id: str
    state: JobState
    submit_time: float
    reason: Reason = Reason.NONE
    message: str = ""
    start_time: float = 0.0
    end_time: float = 0.0
    allocation: Allocation | None = None
    parts: tuple[ContainerStatus | None, ...] = ()
    cancel_requested: bool = False
    cause: EndCause | None = None
    exit_code: int | None = None
    signal: int | None = None
    granted_time: float = 0.0
    eligible_time: float = 0.0
    """Since when nothing but the queue keeps it waiting."""
    restarts: int = 0
    suspended_s: float = 0.0
    suspend_time: float = 0.0
    array: ArrayProgress | None = None
    worker: int | None = None
    """The job whose container it runs in; its allocation is a slot of that."""
    assigned: tuple[Assigned, ...] = ()
    """Of a worker: what its container has to run."""
    is_worker: bool = False
    """It is no one's submitted job: its container runs the tasks of arrays and small jobs of one owner."""
    preempted_by: int | None = None
    """The last job that took its nodes, or is about to."""
    preempt_mode: PreemptMode | None = None
    """How it gives them up, from being told until it waits again or goes on."""
    preempt_grace_s: int = 0
    not_before: float = 0.0
    """It gave its nodes up and waits again, behind the job that they are for until then."""
    dismissed: bool = False
    """A worker that gets no more work and ends when what it has is done."""
    multifactor: float | None = None
    """The sum of the site's priority factors, in answers about a job that has a place in the queue; the state keeps none."""
    requeue_requested: bool = False
    """A small job that is to be ended in its worker, and waits again then."""
    left_worker: int | None = None
    """The worker with which the small job was lost last: it starts again when nothing is left of that."""

    @property
    def held(self) -> bool:
        """Of an array that runs: nothing more of it is given out."""
        return self.reason is Reason.JOB_HELD and (self.state is JobState.PENDING or self.array is not None)

    @property
    def queued(self) -> bool:
        """It wants nodes: it waits, or it is an array with tasks that no worker has."""
        if self.array is None or self.held:
            return self.state is JobState.PENDING and not self.held
        return not self.cancel_requested and self.array.left > 0


changed_job = changer(Job)
