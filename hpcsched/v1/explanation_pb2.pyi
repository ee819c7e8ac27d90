from hpcsched.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Blocker(_message.Message):
    __slots__ = ("reason", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Ahead(_message.Message):
    __slots__ = ("job_id", "name", "user", "nodes", "time_limit_s", "priority", "reason")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    TIME_LIMIT_S_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    name: str
    user: str
    nodes: int
    time_limit_s: int
    priority: float
    reason: str
    def __init__(self, job_id: _Optional[int] = ..., name: _Optional[str] = ..., user: _Optional[str] = ..., nodes: _Optional[int] = ..., time_limit_s: _Optional[int] = ..., priority: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...

class Factor(_message.Message):
    __slots__ = ("name", "factor", "weight", "product")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_FIELD_NUMBER: _ClassVar[int]
    name: str
    factor: float
    weight: float
    product: float
    def __init__(self, name: _Optional[str] = ..., factor: _Optional[float] = ..., weight: _Optional[float] = ..., product: _Optional[float] = ...) -> None: ...

class NodeGroup(_message.Message):
    __slots__ = ("what", "count", "nodes", "usable")
    WHAT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    USABLE_FIELD_NUMBER: _ClassVar[int]
    what: str
    count: int
    nodes: _containers.RepeatedScalarFieldContainer[str]
    usable: bool
    def __init__(self, what: _Optional[str] = ..., count: _Optional[int] = ..., nodes: _Optional[_Iterable[str]] = ..., usable: _Optional[bool] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("options", "start")
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    options: str
    start: float
    def __init__(self, options: _Optional[str] = ..., start: _Optional[float] = ...) -> None: ...

class Planned(_message.Message):
    __slots__ = ("job_id", "name", "user", "nodes", "start", "end", "running", "tasks", "gives_way")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    GIVES_WAY_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    name: str
    user: str
    nodes: int
    start: float
    end: float
    running: bool
    tasks: int
    gives_way: bool
    def __init__(self, job_id: _Optional[int] = ..., name: _Optional[str] = ..., user: _Optional[str] = ..., nodes: _Optional[int] = ..., start: _Optional[float] = ..., end: _Optional[float] = ..., running: _Optional[bool] = ..., tasks: _Optional[int] = ..., gives_way: _Optional[bool] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("job_id", "state", "summary", "blockers", "position", "waiting", "ahead", "priority", "factors", "node_groups", "earliest", "latest", "fraction", "changes", "timeline", "end_by", "notes", "after")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    BLOCKERS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    AHEAD_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    FACTORS_FIELD_NUMBER: _ClassVar[int]
    NODE_GROUPS_FIELD_NUMBER: _ClassVar[int]
    EARLIEST_FIELD_NUMBER: _ClassVar[int]
    LATEST_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    TIMELINE_FIELD_NUMBER: _ClassVar[int]
    END_BY_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    state: _job_pb2.JobState
    summary: str
    blockers: _containers.RepeatedCompositeFieldContainer[Blocker]
    position: int
    waiting: int
    ahead: _containers.RepeatedCompositeFieldContainer[Ahead]
    priority: float
    factors: _containers.RepeatedCompositeFieldContainer[Factor]
    node_groups: _containers.RepeatedCompositeFieldContainer[NodeGroup]
    earliest: float
    latest: float
    fraction: float
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    timeline: _containers.RepeatedCompositeFieldContainer[Planned]
    end_by: float
    notes: _containers.RepeatedScalarFieldContainer[str]
    after: float
    def __init__(self, job_id: _Optional[int] = ..., state: _Optional[_Union[_job_pb2.JobState, str]] = ..., summary: _Optional[str] = ..., blockers: _Optional[_Iterable[_Union[Blocker, _Mapping]]] = ..., position: _Optional[int] = ..., waiting: _Optional[int] = ..., ahead: _Optional[_Iterable[_Union[Ahead, _Mapping]]] = ..., priority: _Optional[float] = ..., factors: _Optional[_Iterable[_Union[Factor, _Mapping]]] = ..., node_groups: _Optional[_Iterable[_Union[NodeGroup, _Mapping]]] = ..., earliest: _Optional[float] = ..., latest: _Optional[float] = ..., fraction: _Optional[float] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., timeline: _Optional[_Iterable[_Union[Planned, _Mapping]]] = ..., end_by: _Optional[float] = ..., notes: _Optional[_Iterable[str]] = ..., after: _Optional[float] = ...) -> None: ...
