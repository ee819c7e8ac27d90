from hpcsched.v1 import container_pb2 as _container_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_PENDING: _ClassVar[JobState]
    JOB_STATE_CONFIGURING: _ClassVar[JobState]
    JOB_STATE_RUNNING: _ClassVar[JobState]
    JOB_STATE_COMPLETING: _ClassVar[JobState]
    JOB_STATE_COMPLETED: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]
    JOB_STATE_TIMEOUT: _ClassVar[JobState]
    JOB_STATE_OUT_OF_MEMORY: _ClassVar[JobState]
    JOB_STATE_NODE_FAIL: _ClassVar[JobState]
    JOB_STATE_SUSPENDED: _ClassVar[JobState]
    JOB_STATE_PREEMPTED: _ClassVar[JobState]
    JOB_STATE_DEADLINE: _ClassVar[JobState]

class TaskBind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_BIND_UNSPECIFIED: _ClassVar[TaskBind]
    TASK_BIND_CORES: _ClassVar[TaskBind]
    TASK_BIND_L3: _ClassVar[TaskBind]
    TASK_BIND_NUMA: _ClassVar[TaskBind]
    TASK_BIND_NONE: _ClassVar[TaskBind]

class PreemptMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PREEMPT_MODE_UNSPECIFIED: _ClassVar[PreemptMode]
    PREEMPT_MODE_OFF: _ClassVar[PreemptMode]
    PREEMPT_MODE_CANCEL: _ClassVar[PreemptMode]
    PREEMPT_MODE_REQUEUE: _ClassVar[PreemptMode]
    PREEMPT_MODE_SUSPEND: _ClassVar[PreemptMode]
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_PENDING: JobState
JOB_STATE_CONFIGURING: JobState
JOB_STATE_RUNNING: JobState
JOB_STATE_COMPLETING: JobState
JOB_STATE_COMPLETED: JobState
JOB_STATE_FAILED: JobState
JOB_STATE_CANCELLED: JobState
JOB_STATE_TIMEOUT: JobState
JOB_STATE_OUT_OF_MEMORY: JobState
JOB_STATE_NODE_FAIL: JobState
JOB_STATE_SUSPENDED: JobState
JOB_STATE_PREEMPTED: JobState
JOB_STATE_DEADLINE: JobState
TASK_BIND_UNSPECIFIED: TaskBind
TASK_BIND_CORES: TaskBind
TASK_BIND_L3: TaskBind
TASK_BIND_NUMA: TaskBind
TASK_BIND_NONE: TaskBind
PREEMPT_MODE_UNSPECIFIED: PreemptMode
PREEMPT_MODE_OFF: PreemptMode
PREEMPT_MODE_CANCEL: PreemptMode
PREEMPT_MODE_REQUEUE: PreemptMode
PREEMPT_MODE_SUSPEND: PreemptMode

class HugePageRequest(_message.Message):
    __slots__ = ("size", "count")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    size: int
    count: int
    def __init__(self, size: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class ResourceRequest(_message.Message):
    __slots__ = ("cpus_per_node", "cores_per_node", "mem_per_node", "threads_per_core", "gpus_per_node", "numa", "hugepages", "ntasks_per_node", "cpus_per_task", "bind", "tuning")
    CPUS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    CORES_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    MEM_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    THREADS_PER_CORE_FIELD_NUMBER: _ClassVar[int]
    GPUS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    NUMA_FIELD_NUMBER: _ClassVar[int]
    HUGEPAGES_FIELD_NUMBER: _ClassVar[int]
    NTASKS_PER_NODE_FIELD_NUMBER: _ClassVar[int]
    CPUS_PER_TASK_FIELD_NUMBER: _ClassVar[int]
    BIND_FIELD_NUMBER: _ClassVar[int]
    TUNING_FIELD_NUMBER: _ClassVar[int]
    cpus_per_node: int
    cores_per_node: int
    mem_per_node: int
    threads_per_core: int
    gpus_per_node: int
    numa: str
    hugepages: _containers.RepeatedCompositeFieldContainer[HugePageRequest]
    ntasks_per_node: int
    cpus_per_task: int
    bind: TaskBind
    tuning: str
    def __init__(self, cpus_per_node: _Optional[int] = ..., cores_per_node: _Optional[int] = ..., mem_per_node: _Optional[int] = ..., threads_per_core: _Optional[int] = ..., gpus_per_node: _Optional[int] = ..., numa: _Optional[str] = ..., hugepages: _Optional[_Iterable[_Union[HugePageRequest, _Mapping]]] = ..., ntasks_per_node: _Optional[int] = ..., cpus_per_task: _Optional[int] = ..., bind: _Optional[_Union[TaskBind, str]] = ..., tuning: _Optional[str] = ...) -> None: ...

class JobSpec(_message.Message):
    __slots__ = ("command", "script", "name", "user", "nodes", "resources", "image", "runtime", "time_limit_s", "grace_s", "priority", "workdir", "stdout", "output_cap", "env", "mounts", "keep", "hold", "max_nodes", "partition", "account", "qos", "constraint", "array", "dependency", "begin_time", "deadline", "reservation", "nice", "requeue", "nodelist", "require", "canary", "equal_speed")
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    TIME_LIMIT_S_FIELD_NUMBER: _ClassVar[int]
    GRACE_S_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    WORKDIR_FIELD_NUMBER: _ClassVar[int]
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_CAP_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    MOUNTS_FIELD_NUMBER: _ClassVar[int]
    KEEP_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    QOS_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    ARRAY_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCY_FIELD_NUMBER: _ClassVar[int]
    BEGIN_TIME_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_FIELD_NUMBER: _ClassVar[int]
    RESERVATION_FIELD_NUMBER: _ClassVar[int]
    NICE_FIELD_NUMBER: _ClassVar[int]
    REQUEUE_FIELD_NUMBER: _ClassVar[int]
    NODELIST_FIELD_NUMBER: _ClassVar[int]
    REQUIRE_FIELD_NUMBER: _ClassVar[int]
    CANARY_FIELD_NUMBER: _ClassVar[int]
    EQUAL_SPEED_FIELD_NUMBER: _ClassVar[int]
    command: _containers.RepeatedScalarFieldContainer[str]
    script: bytes
    name: str
    user: str
    nodes: int
    resources: ResourceRequest
    image: str
    runtime: str
    time_limit_s: int
    grace_s: int
    priority: int
    workdir: str
    stdout: str
    output_cap: int
    env: _containers.RepeatedCompositeFieldContainer[_container_pb2.EnvVar]
    mounts: _containers.RepeatedCompositeFieldContainer[_container_pb2.Mount]
    keep: bool
    hold: bool
    max_nodes: int
    partition: str
    account: str
    qos: str
    constraint: str
    array: str
    dependency: str
    begin_time: float
    deadline: float
    reservation: str
    nice: int
    requeue: bool
    nodelist: _containers.RepeatedScalarFieldContainer[str]
    require: _containers.RepeatedScalarFieldContainer[str]
    canary: bool
    equal_speed: str
    def __init__(self, command: _Optional[_Iterable[str]] = ..., script: _Optional[bytes] = ..., name: _Optional[str] = ..., user: _Optional[str] = ..., nodes: _Optional[int] = ..., resources: _Optional[_Union[ResourceRequest, _Mapping]] = ..., image: _Optional[str] = ..., runtime: _Optional[str] = ..., time_limit_s: _Optional[int] = ..., grace_s: _Optional[int] = ..., priority: _Optional[int] = ..., workdir: _Optional[str] = ..., stdout: _Optional[str] = ..., output_cap: _Optional[int] = ..., env: _Optional[_Iterable[_Union[_container_pb2.EnvVar, _Mapping]]] = ..., mounts: _Optional[_Iterable[_Union[_container_pb2.Mount, _Mapping]]] = ..., keep: _Optional[bool] = ..., hold: _Optional[bool] = ..., max_nodes: _Optional[int] = ..., partition: _Optional[str] = ..., account: _Optional[str] = ..., qos: _Optional[str] = ..., constraint: _Optional[str] = ..., array: _Optional[str] = ..., dependency: _Optional[str] = ..., begin_time: _Optional[float] = ..., deadline: _Optional[float] = ..., reservation: _Optional[str] = ..., nice: _Optional[int] = ..., requeue: _Optional[bool] = ..., nodelist: _Optional[_Iterable[str]] = ..., require: _Optional[_Iterable[str]] = ..., canary: _Optional[bool] = ..., equal_speed: _Optional[str] = ...) -> None: ...

class ArrayProgress(_message.Message):
    __slots__ = ("size", "next", "again", "ok", "done", "failed", "cancelled", "failures", "workers", "out", "lost_once", "lost_twice", "launch_failures", "nodes", "follows", "cpu_s", "max_rss", "barred", "exit_code", "node_s", "late")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    AGAIN_FIELD_NUMBER: _ClassVar[int]
    OK_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    OUT_FIELD_NUMBER: _ClassVar[int]
    LOST_ONCE_FIELD_NUMBER: _ClassVar[int]
    LOST_TWICE_FIELD_NUMBER: _ClassVar[int]
    LAUNCH_FAILURES_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    FOLLOWS_FIELD_NUMBER: _ClassVar[int]
    CPU_S_FIELD_NUMBER: _ClassVar[int]
    MAX_RSS_FIELD_NUMBER: _ClassVar[int]
    BARRED_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    NODE_S_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    size: int
    next: int
    again: _containers.RepeatedCompositeFieldContainer[_container_pb2.Range]
    ok: bytes
    done: int
    failed: int
    cancelled: int
    failures: _containers.RepeatedCompositeFieldContainer[TaskFailure]
    workers: _containers.RepeatedScalarFieldContainer[int]
    out: int
    lost_once: _containers.RepeatedCompositeFieldContainer[_container_pb2.Range]
    lost_twice: _containers.RepeatedCompositeFieldContainer[_container_pb2.Range]
    launch_failures: int
    nodes: _containers.RepeatedScalarFieldContainer[str]
    follows: _containers.RepeatedCompositeFieldContainer[Following]
    cpu_s: float
    max_rss: int
    barred: int
    exit_code: int
    node_s: float
    late: int
    def __init__(self, size: _Optional[int] = ..., next: _Optional[int] = ..., again: _Optional[_Iterable[_Union[_container_pb2.Range, _Mapping]]] = ..., ok: _Optional[bytes] = ..., done: _Optional[int] = ..., failed: _Optional[int] = ..., cancelled: _Optional[int] = ..., failures: _Optional[_Iterable[_Union[TaskFailure, _Mapping]]] = ..., workers: _Optional[_Iterable[int]] = ..., out: _Optional[int] = ..., lost_once: _Optional[_Iterable[_Union[_container_pb2.Range, _Mapping]]] = ..., lost_twice: _Optional[_Iterable[_Union[_container_pb2.Range, _Mapping]]] = ..., launch_failures: _Optional[int] = ..., nodes: _Optional[_Iterable[str]] = ..., follows: _Optional[_Iterable[_Union[Following, _Mapping]]] = ..., cpu_s: _Optional[float] = ..., max_rss: _Optional[int] = ..., barred: _Optional[int] = ..., exit_code: _Optional[int] = ..., node_s: _Optional[float] = ..., late: _Optional[int] = ...) -> None: ...

class Following(_message.Message):
    __slots__ = ("job_id", "ranges")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    ranges: _containers.RepeatedCompositeFieldContainer[_container_pb2.Range]
    def __init__(self, job_id: _Optional[int] = ..., ranges: _Optional[_Iterable[_Union[_container_pb2.Range, _Mapping]]] = ...) -> None: ...

class TaskFailure(_message.Message):
    __slots__ = ("position", "how")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    HOW_FIELD_NUMBER: _ClassVar[int]
    position: int
    how: str
    def __init__(self, position: _Optional[int] = ..., how: _Optional[str] = ...) -> None: ...

class Assigned(_message.Message):
    __slots__ = ("job_id", "ranges", "slots", "rate", "since", "cpu_s")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RANGES_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    CPU_S_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    ranges: _containers.RepeatedCompositeFieldContainer[_container_pb2.Range]
    slots: _containers.RepeatedCompositeFieldContainer[_container_pb2.Binding]
    rate: float
    since: float
    cpu_s: float
    def __init__(self, job_id: _Optional[int] = ..., ranges: _Optional[_Iterable[_Union[_container_pb2.Range, _Mapping]]] = ..., slots: _Optional[_Iterable[_Union[_container_pb2.Binding, _Mapping]]] = ..., rate: _Optional[float] = ..., since: _Optional[float] = ..., cpu_s: _Optional[float] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("id", "spec", "request_id", "state", "reason", "message", "submit_time", "start_time", "end_time", "bindings", "parts", "cancel_requested", "cause", "exit_code", "signal", "granted_time", "eligible_time", "restarts", "suspended_s", "suspend_time", "array", "worker", "assigned", "is_worker", "preempted_by", "dismissed", "preempt_mode", "preempt_grace_s", "not_before", "multifactor", "requeue_requested", "left_worker")
    ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SUBMIT_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    BINDINGS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    GRANTED_TIME_FIELD_NUMBER: _ClassVar[int]
    ELIGIBLE_TIME_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_S_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_TIME_FIELD_NUMBER: _ClassVar[int]
    ARRAY_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_FIELD_NUMBER: _ClassVar[int]
    IS_WORKER_FIELD_NUMBER: _ClassVar[int]
    PREEMPTED_BY_FIELD_NUMBER: _ClassVar[int]
    DISMISSED_FIELD_NUMBER: _ClassVar[int]
    PREEMPT_MODE_FIELD_NUMBER: _ClassVar[int]
    PREEMPT_GRACE_S_FIELD_NUMBER: _ClassVar[int]
    NOT_BEFORE_FIELD_NUMBER: _ClassVar[int]
    MULTIFACTOR_FIELD_NUMBER: _ClassVar[int]
    REQUEUE_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    LEFT_WORKER_FIELD_NUMBER: _ClassVar[int]
    id: int
    spec: JobSpec
    request_id: str
    state: JobState
    reason: str
    message: str
    submit_time: float
    start_time: float
    end_time: float
    bindings: _containers.RepeatedCompositeFieldContainer[_container_pb2.NodeBinding]
    parts: _containers.RepeatedCompositeFieldContainer[_container_pb2.ContainerStatus]
    cancel_requested: bool
    cause: _container_pb2.EndCause
    exit_code: int
    signal: int
    granted_time: float
    eligible_time: float
    restarts: int
    suspended_s: float
    suspend_time: float
    array: ArrayProgress
    worker: int
    assigned: _containers.RepeatedCompositeFieldContainer[Assigned]
    is_worker: bool
    preempted_by: int
    dismissed: bool
    preempt_mode: PreemptMode
    preempt_grace_s: int
    not_before: float
    multifactor: float
    requeue_requested: bool
    left_worker: int
    def __init__(self, id: _Optional[int] = ..., spec: _Optional[_Union[JobSpec, _Mapping]] = ..., request_id: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., submit_time: _Optional[float] = ..., start_time: _Optional[float] = ..., end_time: _Optional[float] = ..., bindings: _Optional[_Iterable[_Union[_container_pb2.NodeBinding, _Mapping]]] = ..., parts: _Optional[_Iterable[_Union[_container_pb2.ContainerStatus, _Mapping]]] = ..., cancel_requested: _Optional[bool] = ..., cause: _Optional[_Union[_container_pb2.EndCause, str]] = ..., exit_code: _Optional[int] = ..., signal: _Optional[int] = ..., granted_time: _Optional[float] = ..., eligible_time: _Optional[float] = ..., restarts: _Optional[int] = ..., suspended_s: _Optional[float] = ..., suspend_time: _Optional[float] = ..., array: _Optional[_Union[ArrayProgress, _Mapping]] = ..., worker: _Optional[int] = ..., assigned: _Optional[_Iterable[_Union[Assigned, _Mapping]]] = ..., is_worker: _Optional[bool] = ..., preempted_by: _Optional[int] = ..., dismissed: _Optional[bool] = ..., preempt_mode: _Optional[_Union[PreemptMode, str]] = ..., preempt_grace_s: _Optional[int] = ..., not_before: _Optional[float] = ..., multifactor: _Optional[float] = ..., requeue_requested: _Optional[bool] = ..., left_worker: _Optional[int] = ...) -> None: ...
