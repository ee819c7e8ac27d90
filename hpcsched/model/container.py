"""What a runtime is told, and what the kernel shows."""

from __future__ import annotations

import enum

from hpcsched.model.allocation import Binding, TaskBinding
from hpcsched.model.idset import IdSet
from hpcsched.model.noun import noun

HOST = "host"
"""The image that is the node's own files."""


class Phase(enum.StrEnum):
    """Where a container is in its life on its node."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"


class EndCause(enum.StrEnum):
    """Why the job's step ended; what the agent alone can know."""

    EXIT = "EXIT"
    SIGNAL = "SIGNAL"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    LAUNCH_FAILED = "LAUNCH_FAILED"
    BINDING_MISMATCH = "BINDING_MISMATCH"
    LOST = "LOST"
    STOPPED = "STOPPED"
    """Ended because the job ended on its first node."""


@noun(frozen=True, slots=True)
class Mount:
    """A bind mount: `source` on the node, `target` inside; both absolute and without `..`."""

    source: str
    target: str
    read_only: bool = True


@noun(frozen=True, slots=True)
class DeviceNode:
    """A device node of the node that a container may open: `kind` c or b, `access` of r, w, m as in `devices.allow`."""

    path: str
    major: int
    minor: int
    kind: str = "c"
    access: str = "rw"


@noun(frozen=True, slots=True)
class Rlimit:
    """getrlimit(2) resource in lower case without RLIMIT_ (`memlock`); -1 is unlimited."""

    resource: str
    soft: int
    hard: int


@noun(frozen=True, slots=True)
class ContainerSpec:
    """What a runtime is told; the same value goes to every runtime.

    `name` is unique on the node and safe as a file name. `image` is `host`, an absolute path or a name in the node's image
    directory. `hostname` is the name inside. `shm_bytes` is the size of /dev/shm (0: half of the memory limit or of the node).
    `keep` leaves the writable layer on the node after the end. `devices`: nodes that exist and open inside; `refused`: nodes of
    devices of the same kinds that must not. `tuning`: name of a node tuning (empty: none).
    """

    name: str
    image: str
    binding: Binding
    hostname: str
    env: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mount, ...] = ()
    rlimits: tuple[Rlimit, ...] = ()
    shm_bytes: int = 0
    keep: bool = False
    devices: tuple[DeviceNode, ...] = ()
    refused: tuple[DeviceNode, ...] = ()
    drivers: tuple[tuple[str, str], ...] = ()
    tuning: str = ""


@noun(frozen=True, slots=True)
class StepSpec:
    """A command run inside a container.

    `script`, if not empty, is run instead of `argv[0]` (its first line names the interpreter, execve(2)), `argv[1:]` are its
    arguments.
    `output_cap` is in bytes (0: none); what comes after it is read and dropped, behind a marker in the file.
    `cpus`: its affinity, `mems`: the memory nodes that it prefers (set_mempolicy(2)); empty: those of the container.
    `whole_lines`: output goes to the file up to the last line end only; the rest of a line follows when it is whole.
    """

    step_id: int
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    workdir: str = "/"
    script: bytes = b""
    output_cap: int = 0
    tty: bool = False
    cpus: IdSet = IdSet()
    mems: IdSet = IdSet()
    whole_lines: bool = False


@noun(frozen=True, slots=True)
class StepExit:
    """wait(2)'s answer for a step: `exit_code` (0..255) or `signal` (1..64) is set, unless `failure` says why nothing ran.

    With a failure `exit_code` may be what a shell would give: 127 not found, 126 cannot be run.

    `max_rss` in bytes is of the largest process that was waited for; times in seconds, from wait4(2).
    """

    step_id: int
    exit_code: int | None = None
    signal: int | None = None
    failure: str = ""
    max_rss: int = 0
    user_s: float = 0.0
    system_s: float = 0.0


@noun(frozen=True, slots=True)
class OpenedDevice:
    """What happened when a device node was opened from the container's control groups: `ok`, or a name of errno(3) as `EPERM`."""

    path: str
    granted: bool
    outcome: str


@noun(frozen=True, slots=True)
class TunedSetting:
    """One setting of the node, e.g. `transparent_hugepage`: before the job, as asked for, and as read back."""

    name: str
    before: str
    asked: str
    observed: str


@noun(frozen=True, slots=True)
class ObservedTask:
    """`cpus`: its affinity as the kernel shows it; `policy`: its memory policy as in numa_maps (numa(7))."""

    cpus: IdSet
    policy: str = ""


@noun(frozen=True, slots=True)
class Sampled:
    """Seen while the job ran, `samples` times; -1: this node does not say.

    `misplaced`: the largest share of its memory on nodes that it was not given (0..1). `migrations`: processes that changed their
    CPU, `throttled`: times that the CPUs were slowed down for heat or power, or by a quota, over the whole run. `steal`: share of
    the CPUs' time that a hypervisor took, `others`: that they were busy with something that is not the job (0..1).
    """

    samples: int = 0
    misplaced: float = -1.0
    migrations: int = -1
    throttled: int = -1
    steal: float = -1.0
    others: float = -1.0


@noun(frozen=True, slots=True)
class Observed:
    """What the kernel shows of a started container; every field read back, none copied from what was asked.

    `memory` is the cgroup's limit in bytes (0: none). `root` is the mount that `/` inside is on. `cfs_quota`: a CPU quota is set.
    `devices`: paths under /dev inside. `seccomp`, `speculation`: as in /proc/PID/status.
    """

    runtime: str
    cpus: IdSet
    mems: IdSet
    memory: int
    cfs_quota: bool
    cgroup: str
    pid: int
    root: str
    rlimits: tuple[Rlimit, ...] = ()
    devices: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    capabilities: str = ""
    seccomp: str = ""
    speculation: str = ""
    kernel: str = ""
    clock_source: str = ""
    thp: str = ""
    governor: str = ""
    numa_balancing: str = ""
    partition: str = ""
    """cpuset.cpus.partition as the kernel shows it, with its reason when invalid; empty under v1."""
    partition_asked: str = ""
    pids_max: int = 0
    """Processes and threads that the control group allows (0: no limit)."""
    hugepages: tuple[tuple[int, int], ...] = ()
    """Page size and limit, both in bytes, of all sizes that are limited: those not given to a job that has some are 0."""
    opened: tuple[OpenedDevice, ...] = ()
    drivers: tuple[tuple[str, str], ...] = ()
    tuning: tuple[TunedSetting, ...] = ()
    tasks: tuple[ObservedTask, ...] = ()
    lacks: tuple[str, ...] = ()
    """What this node could not give, limit or confine, one sentence each; the job runs without it."""


@noun(frozen=True, slots=True)
class Usage:
    """Of the whole container: CPU seconds of all its processes, peak memory in bytes, processes the OOM killer took."""

    cpu_s: float = 0.0
    peak_memory: int = 0
    oom_kills: int = 0


NOTHING_USED = Usage()


@noun(frozen=True, slots=True)
class Work:
    """Tasks of one job that run side by side in another job's container, one in each slot at a time, each in its slot's binding.

    `ranges`: half-open, of positions in the array: this container's to run, ended ones too until their end is noted. A job
    that is no array has the one position 0. `array`: as the spec has it. `time_limit_s`, `grace_s`: of each task.
    `cancel`: end it all. `stdout`: a path on the node (%A: job id, %a: task id); empty: the agent's own files.
    """

    job_id: int
    ranges: tuple[tuple[int, int], ...]
    slots: tuple[TaskBinding, ...]
    command: StepSpec
    array: str = ""
    time_limit_s: int = 0
    grace_s: float = 30.0
    stdout: str = ""
    cancel: bool = False
    restarts: int = 0
    """How often the job was requeued: its output is appended to."""


@noun(frozen=True, slots=True)
class TaskEnd:
    """How a task ended that did not end with exit code 0; `position` in its array."""

    position: int
    cause: EndCause
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""


@noun(frozen=True, slots=True)
class WorkStatus:
    """Of one job's tasks in a container, as long as the controller still wants them: `done`, half-open ranges of positions that
    ended with exit code 0; `ended`: the others that ended. `started`: how many have been started. `start_time`: of the first.
    `cpu_s`: CPU seconds, `max_rss`: bytes of the largest process, of all that ended in this container, noted or not (wait4(2)).
    `restarts`: how often the job had been requeued when it was given to this container.
    """

    job_id: int
    done: tuple[tuple[int, int], ...] = ()
    ended: tuple[TaskEnd, ...] = ()
    started: int = 0
    start_time: float = 0.0
    end_time: float = 0.0
    cpu_s: float = 0.0
    max_rss: int = 0
    restarts: int = 0


@noun(frozen=True, slots=True)
class ContainerStatus:
    """What an agent reports of one container; times are Unix seconds, 0 when not yet."""

    job_id: int
    phase: Phase
    observed: Observed | None = None
    cause: EndCause | None = None
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""
    usage: Usage = NOTHING_USED
    start_time: float = 0.0
    end_time: float = 0.0
    sampled: Sampled | None = None
    works: tuple[WorkStatus, ...] = ()
    suspended: bool = False
    """Its processes are frozen."""


@noun(frozen=True, slots=True)
class DesiredContainer:
    """What the controller wants on one node. `command` is None on all nodes but the job's first, unless the job has tasks.

    `time_limit_s` 0: none; counted from the start on the node. `cancel`: stop it, with `grace_s` between SIGTERM and SIGKILL.
    `stdout` is a path on the node (empty: the agent's own file).
    """

    job_id: int
    runtime: str
    container: ContainerSpec
    command: StepSpec | None
    time_limit_s: int = 0
    grace_s: float = 30.0
    stdout: str = ""
    cancel: bool = False
    release: bool = False
    """The job ended on its first node: stop this part as well."""
    started: bool = False
    """This node has reported it running before."""
    first_task: int = 0
    """Number over all nodes of the first task here."""
    works: tuple[Work, ...] = ()
    """Of a worker container, which has no command of its own and lives until `release`."""
    suspend: bool = False
    """Freeze its processes; the time limit stands still meanwhile."""
    is_worker: bool = False
    restarts: int = 0
    """How often the job was requeued: its output is appended to."""
