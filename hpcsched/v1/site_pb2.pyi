from hpcsched.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PartitionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PARTITION_STATE_UNSPECIFIED: _ClassVar[PartitionState]
    PARTITION_STATE_UP: _ClassVar[PartitionState]
    PARTITION_STATE_DOWN: _ClassVar[PartitionState]
    PARTITION_STATE_DRAIN: _ClassVar[PartitionState]
    PARTITION_STATE_INACTIVE: _ClassVar[PartitionState]
PARTITION_STATE_UNSPECIFIED: PartitionState
PARTITION_STATE_UP: PartitionState
PARTITION_STATE_DOWN: PartitionState
PARTITION_STATE_DRAIN: PartitionState
PARTITION_STATE_INACTIVE: PartitionState

class Limits(_message.Message):
    __slots__ = ("max_jobs", "max_nodes", "max_submit", "max_node_hours", "max_jobs_per_user", "max_nodes_per_user", "max_submit_per_user", "max_time_s", "max_nodes_per_job", "max_node_hours_per_user")
    MAX_JOBS_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_FIELD_NUMBER: _ClassVar[int]
    MAX_SUBMIT_FIELD_NUMBER: _ClassVar[int]
    MAX_NODE_HOURS_FIELD_NUMBER: _ClassVar[int]
    MAX_JOBS_PER_USER_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_PER_USER_FIELD_NUMBER: _ClassVar[int]
    MAX_SUBMIT_PER_USER_FIELD_NUMBER: _ClassVar[int]
    MAX_TIME_S_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_PER_JOB_FIELD_NUMBER: _ClassVar[int]
    MAX_NODE_HOURS_PER_USER_FIELD_NUMBER: _ClassVar[int]
    max_jobs: int
    max_nodes: int
    max_submit: int
    max_node_hours: float
    max_jobs_per_user: int
    max_nodes_per_user: int
    max_submit_per_user: int
    max_time_s: int
    max_nodes_per_job: int
    max_node_hours_per_user: float
    def __init__(self, max_jobs: _Optional[int] = ..., max_nodes: _Optional[int] = ..., max_submit: _Optional[int] = ..., max_node_hours: _Optional[float] = ..., max_jobs_per_user: _Optional[int] = ..., max_nodes_per_user: _Optional[int] = ..., max_submit_per_user: _Optional[int] = ..., max_time_s: _Optional[int] = ..., max_nodes_per_job: _Optional[int] = ..., max_node_hours_per_user: _Optional[float] = ...) -> None: ...

class Partition(_message.Message):
    __slots__ = ("name", "nodes", "default", "state", "priority", "default_time_s", "min_nodes", "limits", "allow_accounts", "allow_qos", "allow_users", "shared")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_TIME_S_FIELD_NUMBER: _ClassVar[int]
    MIN_NODES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_QOS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_USERS_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    name: str
    nodes: _containers.RepeatedScalarFieldContainer[str]
    default: bool
    state: PartitionState
    priority: float
    default_time_s: int
    min_nodes: int
    limits: Limits
    allow_accounts: _containers.RepeatedScalarFieldContainer[str]
    allow_qos: _containers.RepeatedScalarFieldContainer[str]
    allow_users: _containers.RepeatedScalarFieldContainer[str]
    shared: bool
    def __init__(self, name: _Optional[str] = ..., nodes: _Optional[_Iterable[str]] = ..., default: _Optional[bool] = ..., state: _Optional[_Union[PartitionState, str]] = ..., priority: _Optional[float] = ..., default_time_s: _Optional[int] = ..., min_nodes: _Optional[int] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., allow_accounts: _Optional[_Iterable[str]] = ..., allow_qos: _Optional[_Iterable[str]] = ..., allow_users: _Optional[_Iterable[str]] = ..., shared: _Optional[bool] = ...) -> None: ...

class Qos(_message.Message):
    __slots__ = ("name", "priority", "preempt", "preempt_mode", "grace_s", "usage_factor", "limits")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    PREEMPT_FIELD_NUMBER: _ClassVar[int]
    PREEMPT_MODE_FIELD_NUMBER: _ClassVar[int]
    GRACE_S_FIELD_NUMBER: _ClassVar[int]
    USAGE_FACTOR_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    name: str
    priority: float
    preempt: _containers.RepeatedScalarFieldContainer[str]
    preempt_mode: _job_pb2.PreemptMode
    grace_s: int
    usage_factor: float
    limits: Limits
    def __init__(self, name: _Optional[str] = ..., priority: _Optional[float] = ..., preempt: _Optional[_Iterable[str]] = ..., preempt_mode: _Optional[_Union[_job_pb2.PreemptMode, str]] = ..., grace_s: _Optional[int] = ..., usage_factor: _Optional[float] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ...) -> None: ...

class PartitionUse(_message.Message):
    __slots__ = ("partition", "nodes", "in_service", "free", "running", "waiting")
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    IN_SERVICE_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    partition: Partition
    nodes: _containers.RepeatedScalarFieldContainer[str]
    in_service: int
    free: int
    running: int
    waiting: int
    def __init__(self, partition: _Optional[_Union[Partition, _Mapping]] = ..., nodes: _Optional[_Iterable[str]] = ..., in_service: _Optional[int] = ..., free: _Optional[int] = ..., running: _Optional[int] = ..., waiting: _Optional[int] = ...) -> None: ...

class QosUse(_message.Message):
    __slots__ = ("qos", "running", "nodes", "waiting", "node_hours")
    QOS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    NODE_HOURS_FIELD_NUMBER: _ClassVar[int]
    qos: Qos
    running: int
    nodes: int
    waiting: int
    node_hours: float
    def __init__(self, qos: _Optional[_Union[Qos, _Mapping]] = ..., running: _Optional[int] = ..., nodes: _Optional[int] = ..., waiting: _Optional[int] = ..., node_hours: _Optional[float] = ...) -> None: ...

class Share(_message.Message):
    __slots__ = ("account", "user", "depth", "shares", "shares_part", "usage", "usage_part", "level", "factor", "limits")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    SHARES_PART_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    USAGE_PART_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    account: str
    user: str
    depth: int
    shares: int
    shares_part: float
    usage: float
    usage_part: float
    level: float
    factor: float
    limits: Limits
    def __init__(self, account: _Optional[str] = ..., user: _Optional[str] = ..., depth: _Optional[int] = ..., shares: _Optional[int] = ..., shares_part: _Optional[float] = ..., usage: _Optional[float] = ..., usage_part: _Optional[float] = ..., level: _Optional[float] = ..., factor: _Optional[float] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ...) -> None: ...
