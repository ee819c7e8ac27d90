from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Repeat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPEAT_UNSPECIFIED: _ClassVar[Repeat]
    REPEAT_NEVER: _ClassVar[Repeat]
    REPEAT_HOURLY: _ClassVar[Repeat]
    REPEAT_DAILY: _ClassVar[Repeat]
    REPEAT_WEEKLY: _ClassVar[Repeat]
REPEAT_UNSPECIFIED: Repeat
REPEAT_NEVER: Repeat
REPEAT_HOURLY: Repeat
REPEAT_DAILY: Repeat
REPEAT_WEEKLY: Repeat

class Reservation(_message.Message):
    __slots__ = ("name", "start", "end", "nodes", "users", "accounts", "maintenance", "repeat", "comment", "made")
    NAME_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    REPEAT_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    MADE_FIELD_NUMBER: _ClassVar[int]
    name: str
    start: float
    end: float
    nodes: _containers.RepeatedScalarFieldContainer[str]
    users: _containers.RepeatedScalarFieldContainer[str]
    accounts: _containers.RepeatedScalarFieldContainer[str]
    maintenance: bool
    repeat: Repeat
    comment: str
    made: float
    def __init__(self, name: _Optional[str] = ..., start: _Optional[float] = ..., end: _Optional[float] = ..., nodes: _Optional[_Iterable[str]] = ..., users: _Optional[_Iterable[str]] = ..., accounts: _Optional[_Iterable[str]] = ..., maintenance: _Optional[bool] = ..., repeat: _Optional[_Union[Repeat, str]] = ..., comment: _Optional[str] = ..., made: _Optional[float] = ...) -> None: ...

class ReservationRequest(_message.Message):
    __slots__ = ("name", "duration_s", "start", "nodes", "count", "partition", "constraint", "users", "accounts", "maintenance", "repeat", "comment", "ignore_jobs")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    REPEAT_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    IGNORE_JOBS_FIELD_NUMBER: _ClassVar[int]
    name: str
    duration_s: int
    start: float
    nodes: _containers.RepeatedScalarFieldContainer[str]
    count: int
    partition: str
    constraint: str
    users: _containers.RepeatedScalarFieldContainer[str]
    accounts: _containers.RepeatedScalarFieldContainer[str]
    maintenance: bool
    repeat: Repeat
    comment: str
    ignore_jobs: bool
    def __init__(self, name: _Optional[str] = ..., duration_s: _Optional[int] = ..., start: _Optional[float] = ..., nodes: _Optional[_Iterable[str]] = ..., count: _Optional[int] = ..., partition: _Optional[str] = ..., constraint: _Optional[str] = ..., users: _Optional[_Iterable[str]] = ..., accounts: _Optional[_Iterable[str]] = ..., maintenance: _Optional[bool] = ..., repeat: _Optional[_Union[Repeat, str]] = ..., comment: _Optional[str] = ..., ignore_jobs: _Optional[bool] = ...) -> None: ...
