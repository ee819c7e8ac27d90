from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PHASE_UNSPECIFIED: _ClassVar[Phase]
    PHASE_STARTING: _ClassVar[Phase]
    PHASE_RUNNING: _ClassVar[Phase]
    PHASE_EXITED: _ClassVar[Phase]

class EndCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    END_CAUSE_UNSPECIFIED: _ClassVar[EndCause]
    END_CAUSE_EXIT: _ClassVar[EndCause]
    END_CAUSE_SIGNAL: _ClassVar[EndCause]
    END_CAUSE_TIMEOUT: _ClassVar[EndCause]
    END_CAUSE_CANCELLED: _ClassVar[EndCause]
    END_CAUSE_OUT_OF_MEMORY: _ClassVar[EndCause]
    END_CAUSE_LAUNCH_FAILED: _ClassVar[EndCause]
    END_CAUSE_BINDING_MISMATCH: _ClassVar[EndCause]
    END_CAUSE_LOST: _ClassVar[EndCause]
    END_CAUSE_STOPPED: _ClassVar[EndCause]
PHASE_UNSPECIFIED: Phase
PHASE_STARTING: Phase
PHASE_RUNNING: Phase
PHASE_EXITED: Phase
END_CAUSE_UNSPECIFIED: EndCause
END_CAUSE_EXIT: EndCause
END_CAUSE_SIGNAL: EndCause
END_CAUSE_TIMEOUT: EndCause
END_CAUSE_CANCELLED: EndCause
END_CAUSE_OUT_OF_MEMORY: EndCause
END_CAUSE_LAUNCH_FAILED: EndCause
END_CAUSE_BINDING_MISMATCH: EndCause
END_CAUSE_LOST: EndCause
END_CAUSE_STOPPED: EndCause

class Binding(_message.Message):
    __slots__ = ("cpus", "mems", "memory", "gpus", "nics", "memory_split", "hugepages", "tasks")
    CPUS_FIELD_NUMBER: _ClassVar[int]
    MEMS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    GPUS_FIELD_NUMBER: _ClassVar[int]
    NICS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_SPLIT_FIELD_NUMBER: _ClassVar[int]
    HUGEPAGES_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    cpus: str
    mems: str
    memory: int
    gpus: _containers.RepeatedScalarFieldContainer[str]
    nics: _containers.RepeatedScalarFieldContainer[str]
    memory_split: _containers.RepeatedCompositeFieldContainer[NodeMemory]
    hugepages: _containers.RepeatedCompositeFieldContainer[HugePages]
    tasks: _containers.RepeatedCompositeFieldContainer[TaskBinding]
    def __init__(self, cpus: _Optional[str] = ..., mems: _Optional[str] = ..., memory: _Optional[int] = ..., gpus: _Optional[_Iterable[str]] = ..., nics: _Optional[_Iterable[str]] = ..., memory_split: _Optional[_Iterable[_Union[NodeMemory, _Mapping]]] = ..., hugepages: _Optional[_Iterable[_Union[HugePages, _Mapping]]] = ..., tasks: _Optional[_Iterable[_Union[TaskBinding, _Mapping]]] = ...) -> None: ...

class NodeMemory(_message.Message):
    __slots__ = ("os_index", "bytes")
    OS_INDEX_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    os_index: int
    bytes: int
    def __init__(self, os_index: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class HugePages(_message.Message):
    __slots__ = ("numa", "size", "count")
    NUMA_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    numa: int
    size: int
    count: int
    def __init__(self, numa: _Optional[int] = ..., size: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class TaskBinding(_message.Message):
    __slots__ = ("cpus", "mems", "gpus")
    CPUS_FIELD_NUMBER: _ClassVar[int]
    MEMS_FIELD_NUMBER: _ClassVar[int]
    GPUS_FIELD_NUMBER: _ClassVar[int]
    cpus: str
    mems: str
    gpus: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, cpus: _Optional[str] = ..., mems: _Optional[str] = ..., gpus: _Optional[_Iterable[str]] = ...) -> None: ...

class DeviceNode(_message.Message):
    __slots__ = ("path", "major", "minor", "kind", "access")
    PATH_FIELD_NUMBER: _ClassVar[int]
    MAJOR_FIELD_NUMBER: _ClassVar[int]
    MINOR_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACCESS_FIELD_NUMBER: _ClassVar[int]
    path: str
    major: int
    minor: int
    kind: str
    access: str
    def __init__(self, path: _Optional[str] = ..., major: _Optional[int] = ..., minor: _Optional[int] = ..., kind: _Optional[str] = ..., access: _Optional[str] = ...) -> None: ...

class NodeBinding(_message.Message):
    __slots__ = ("node", "binding")
    NODE_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    node: str
    binding: Binding
    def __init__(self, node: _Optional[str] = ..., binding: _Optional[_Union[Binding, _Mapping]] = ...) -> None: ...

class Mount(_message.Message):
    __slots__ = ("source", "target", "read_only")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    READ_ONLY_FIELD_NUMBER: _ClassVar[int]
    source: str
    target: str
    read_only: bool
    def __init__(self, source: _Optional[str] = ..., target: _Optional[str] = ..., read_only: _Optional[bool] = ...) -> None: ...

class EnvVar(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Rlimit(_message.Message):
    __slots__ = ("resource", "soft", "hard")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SOFT_FIELD_NUMBER: _ClassVar[int]
    HARD_FIELD_NUMBER: _ClassVar[int]
    resource: str
    soft: int
    hard: int
    def __init__(self, resource: _Optional[str] = ..., soft: _Optional[int] = ..., hard: _Optional[int] = ...) -> None: ...

class ContainerSpec(_message.Message):
    __slots__ = ("name", "image", "binding", "hostname", "env", "mounts", "rlimits", "shm_bytes", "keep", "devices", "refused", "drivers", "tuning")
    NAME_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    MOUNTS_FIELD_NUMBER: _ClassVar[int]
    RLIMITS_FIELD_NUMBER: _ClassVar[int]
    SHM_BYTES_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    DRIVERS_FIELD_NUMBER: _ClassVar[int]
    TUNING_FIELD_NUMBER: _ClassVar[int]
    name: str
    image: str
    binding: Binding
    hostname: str
    env: _containers.RepeatedCompositeFieldContainer[EnvVar]
    mounts: _containers.RepeatedCompositeFieldContainer[Mount]
    rlimits: _containers.RepeatedCompositeFieldContainer[Rlimit]
    shm_bytes: int
    keep: bool
    devices: _containers.RepeatedCompositeFieldContainer[DeviceNode]
    refused: _containers.RepeatedCompositeFieldContainer[DeviceNode]
    drivers: _containers.RepeatedCompositeFieldContainer[Version]
    tuning: str
    def __init__(self, name: _Optional[str] = ..., image: _Optional[str] = ..., binding: _Optional[_Union[Binding, _Mapping]] = ..., hostname: _Optional[str] = ..., env: _Optional[_Iterable[_Union[EnvVar, _Mapping]]] = ..., mounts: _Optional[_Iterable[_Union[Mount, _Mapping]]] = ..., rlimits: _Optional[_Iterable[_Union[Rlimit, _Mapping]]] = ..., shm_bytes: _Optional[int] = ..., keep: _Optional[bool] = ..., devices: _Optional[_Iterable[_Union[DeviceNode, _Mapping]]] = ..., refused: _Optional[_Iterable[_Union[DeviceNode, _Mapping]]] = ..., drivers: _Optional[_Iterable[_Union[Version, _Mapping]]] = ..., tuning: _Optional[str] = ...) -> None: ...

class StepSpec(_message.Message):
    __slots__ = ("step_id", "argv", "env", "workdir", "script", "output_cap", "tty", "cpus", "mems", "whole_lines")
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    ARGV_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    WORKDIR_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_CAP_FIELD_NUMBER: _ClassVar[int]
    TTY_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    MEMS_FIELD_NUMBER: _ClassVar[int]
    WHOLE_LINES_FIELD_NUMBER: _ClassVar[int]
    step_id: int
    argv: _containers.RepeatedScalarFieldContainer[str]
    env: _containers.RepeatedCompositeFieldContainer[EnvVar]
    workdir: str
    script: bytes
    output_cap: int
    tty: bool
    cpus: str
    mems: str
    whole_lines: bool
    def __init__(self, step_id: _Optional[int] = ..., argv: _Optional[_Iterable[str]] = ..., env: _Optional[_Iterable[_Union[EnvVar, _Mapping]]] = ..., workdir: _Optional[str] = ..., script: _Optional[bytes] = ..., output_cap: _Optional[int] = ..., tty: _Optional[bool] = ..., cpus: _Optional[str] = ..., mems: _Optional[str] = ..., whole_lines: _Optional[bool] = ...) -> None: ...

class Version(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class OpenedDevice(_message.Message):
    __slots__ = ("path", "granted", "outcome")
    PATH_FIELD_NUMBER: _ClassVar[int]
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    path: str
    granted: bool
    outcome: str
    def __init__(self, path: _Optional[str] = ..., granted: _Optional[bool] = ..., outcome: _Optional[str] = ...) -> None: ...

class TunedSetting(_message.Message):
    __slots__ = ("name", "before", "asked", "observed")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    name: str
    before: str
    asked: str
    observed: str
    def __init__(self, name: _Optional[str] = ..., before: _Optional[str] = ..., asked: _Optional[str] = ..., observed: _Optional[str] = ...) -> None: ...

class ObservedTask(_message.Message):
    __slots__ = ("cpus", "policy")
    CPUS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    cpus: str
    policy: str
    def __init__(self, cpus: _Optional[str] = ..., policy: _Optional[str] = ...) -> None: ...

class HugePageLimit(_message.Message):
    __slots__ = ("size", "limit")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    size: int
    limit: int
    def __init__(self, size: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class Sampled(_message.Message):
    __slots__ = ("samples", "misplaced", "migrations", "throttled", "steal", "others")
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    MISPLACED_FIELD_NUMBER: _ClassVar[int]
    MIGRATIONS_FIELD_NUMBER: _ClassVar[int]
    THROTTLED_FIELD_NUMBER: _ClassVar[int]
    STEAL_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    samples: int
    misplaced: float
    migrations: int
    throttled: int
    steal: float
    others: float
    def __init__(self, samples: _Optional[int] = ..., misplaced: _Optional[float] = ..., migrations: _Optional[int] = ..., throttled: _Optional[int] = ..., steal: _Optional[float] = ..., others: _Optional[float] = ...) -> None: ...

class Observed(_message.Message):
    __slots__ = ("runtime", "cpus", "mems", "memory", "cfs_quota", "cgroup", "pid", "root", "rlimits", "devices", "namespaces", "capabilities", "seccomp", "speculation", "kernel", "clock_source", "thp", "governor", "numa_balancing", "partition", "partition_asked", "pids_max", "hugepages", "opened", "drivers", "tuning", "tasks", "lacks")
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    MEMS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    CFS_QUOTA_FIELD_NUMBER: _ClassVar[int]
    CGROUP_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    RLIMITS_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    NAMESPACES_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    SECCOMP_FIELD_NUMBER: _ClassVar[int]
    SPECULATION_FIELD_NUMBER: _ClassVar[int]
    KERNEL_FIELD_NUMBER: _ClassVar[int]
    CLOCK_SOURCE_FIELD_NUMBER: _ClassVar[int]
    THP_FIELD_NUMBER: _ClassVar[int]
    GOVERNOR_FIELD_NUMBER: _ClassVar[int]
    NUMA_BALANCING_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    PARTITION_ASKED_FIELD_NUMBER: _ClassVar[int]
    PIDS_MAX_FIELD_NUMBER: _ClassVar[int]
    HUGEPAGES_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    DRIVERS_FIELD_NUMBER: _ClassVar[int]
    TUNING_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    LACKS_FIELD_NUMBER: _ClassVar[int]
    runtime: str
    cpus: str
    mems: str
    memory: int
    cfs_quota: bool
    cgroup: str
    pid: int
    root: str
    rlimits: _containers.RepeatedCompositeFieldContainer[Rlimit]
    devices: _containers.RepeatedScalarFieldContainer[str]
    namespaces: _containers.RepeatedScalarFieldContainer[str]
    capabilities: str
    seccomp: str
    speculation: str
    kernel: str
    clock_source: str
    thp: str
    governor: str
    numa_balancing: str
    partition: str
    partition_asked: str
    pids_max: int
    hugepages: _containers.RepeatedCompositeFieldContainer[HugePageLimit]
    opened: _containers.RepeatedCompositeFieldContainer[OpenedDevice]
    drivers: _containers.RepeatedCompositeFieldContainer[Version]
    tuning: _containers.RepeatedCompositeFieldContainer[TunedSetting]
    tasks: _containers.RepeatedCompositeFieldContainer[ObservedTask]
    lacks: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, runtime: _Optional[str] = ..., cpus: _Optional[str] = ..., mems: _Optional[str] = ..., memory: _Optional[int] = ..., cfs_quota: _Optional[bool] = ..., cgroup: _Optional[str] = ..., pid: _Optional[int] = ..., root: _Optional[str] = ..., rlimits: _Optional[_Iterable[_Union[Rlimit, _Mapping]]] = ..., devices: _Optional[_Iterable[str]] = ..., namespaces: _Optional[_Iterable[str]] = ..., capabilities: _Optional[str] = ..., seccomp: _Optional[str] = ..., speculation: _Optional[str] = ..., kernel: _Optional[str] = ..., clock_source: _Optional[str] = ..., thp: _Optional[str] = ..., governor: _Optional[str] = ..., numa_balancing: _Optional[str] = ..., partition: _Optional[str] = ..., partition_asked: _Optional[str] = ..., pids_max: _Optional[int] = ..., hugepages: _Optional[_Iterable[_Union[HugePageLimit, _Mapping]]] = ..., opened: _Optional[_Iterable[_Union[OpenedDevice, _Mapping]]] = ..., drivers: _Optional[_Iterable[_Union[Version, _Mapping]]] = ..., tuning: _Optional[_Iterable[_Union[TunedSetting, _Mapping]]] = ..., tasks: _Optional[_Iterable[_Union[ObservedTask, _Mapping]]] = ..., lacks: _Optional[_Iterable[str]] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("cpu_s", "peak_memory", "oom_kills")
    CPU_S_FIELD_NUMBER: _ClassVar[int]
    PEAK_MEMORY_FIELD_NUMBER: _ClassVar[int]
    OOM_KILLS_FIELD_NUMBER: _ClassVar[int]
    cpu_s: float
    peak_memory: int
    oom_kills: int
    def __init__(self, cpu_s: _Optional[float] = ..., peak_memory: _Optional[int] = ..., oom_kills: _Optional[int] = ...) -> None: ...

class ContainerStatus(_message.Message):
    __slots__ = ("job_id", "phase", "observed", "cause", "exit_code", "signal", "message", "usage", "start_time", "end_time", "sampled", "works", "suspended")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    WORKS_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    phase: Phase
    observed: Observed
    cause: EndCause
    exit_code: int
    signal: int
    message: str
    usage: Usage
    start_time: float
    end_time: float
    sampled: Sampled
    works: _containers.RepeatedCompositeFieldContainer[WorkStatus]
    suspended: bool
    def __init__(self, job_id: _Optional[int] = ..., phase: _Optional[_Union[Phase, str]] = ..., observed: _Optional[_Union[Observed, _Mapping]] = ..., cause: _Optional[_Union[EndCause, str]] = ..., exit_code: _Optional[int] = ..., signal: _Optional[int] = ..., message: _Optional[str] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., start_time: _Optional[float] = ..., end_time: _Optional[float] = ..., sampled: _Optional[_Union[Sampled, _Mapping]] = ..., works: _Optional[_Iterable[_Union[WorkStatus, _Mapping]]] = ..., suspended: _Optional[bool] = ...) -> None: ...

class Range(_message.Message):
    __slots__ = ("first", "end")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    first: int
    end: int
    def __init__(self, first: _Optional[int] = ..., end: _Optional[int] = ...) -> None: ...

class Work(_message.Message):
    __slots__ = ("job_id", "ranges", "slots", "command", "array", "time_limit_s", "grace_s", "stdout", "cancel", "restarts")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    ARRAY_FIELD_NUMBER: _ClassVar[int]
    TIME_LIMIT_S_FIELD_NUMBER: _ClassVar[int]
    GRACE_S_FIELD_NUMBER: _ClassVar[int]
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    ranges: _containers.RepeatedCompositeFieldContainer[Range]
    slots: _containers.RepeatedCompositeFieldContainer[TaskBinding]
    command: StepSpec
    array: str
    time_limit_s: int
    grace_s: float
    stdout: str
    cancel: bool
    restarts: int
    def __init__(self, job_id: _Optional[int] = ..., ranges: _Optional[_Iterable[_Union[Range, _Mapping]]] = ..., slots: _Optional[_Iterable[_Union[TaskBinding, _Mapping]]] = ..., command: _Optional[_Union[StepSpec, _Mapping]] = ..., array: _Optional[str] = ..., time_limit_s: _Optional[int] = ..., grace_s: _Optional[float] = ..., stdout: _Optional[str] = ..., cancel: _Optional[bool] = ..., restarts: _Optional[int] = ...) -> None: ...

class TaskEnd(_message.Message):
    __slots__ = ("position", "cause", "exit_code", "signal", "message")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    position: int
    cause: EndCause
    exit_code: int
    signal: int
    message: str
    def __init__(self, position: _Optional[int] = ..., cause: _Optional[_Union[EndCause, str]] = ..., exit_code: _Optional[int] = ..., signal: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class WorkStatus(_message.Message):
    __slots__ = ("job_id", "done", "ended", "started", "start_time", "end_time", "cpu_s", "max_rss", "restarts")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    CPU_S_FIELD_NUMBER: _ClassVar[int]
    MAX_RSS_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    done: _containers.RepeatedCompositeFieldContainer[Range]
    ended: _containers.RepeatedCompositeFieldContainer[TaskEnd]
    started: int
    start_time: float
    end_time: float
    cpu_s: float
    max_rss: int
    restarts: int
    def __init__(self, job_id: _Optional[int] = ..., done: _Optional[_Iterable[_Union[Range, _Mapping]]] = ..., ended: _Optional[_Iterable[_Union[TaskEnd, _Mapping]]] = ..., started: _Optional[int] = ..., start_time: _Optional[float] = ..., end_time: _Optional[float] = ..., cpu_s: _Optional[float] = ..., max_rss: _Optional[int] = ..., restarts: _Optional[int] = ...) -> None: ...
