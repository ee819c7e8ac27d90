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
    __slots__ = ("name", "start", "end", "nodes", "users", "accounts", "maintenance", "repeat", "comment")
    NAME_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    REPEAT_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    start: float
    end: float
    nodes: _containers.RepeatedScalarFieldContainer[str]
    users: _containers.RepeatedScalarFieldContainer[str]
    accounts: _containers.RepeatedScalarFieldContainer[str]
    maintenance: bool
    repeat: Repeat
    comment: str
    def __init__(self, name: _Optional[str] = ..., start: _Optional[float] = ..., end: _Optional[float] = ..., nodes: _Optional[_Iterable[str]] = ..., users: _Optional[_Iterable[str]] = ..., accounts: _Optional[_Iterable[str]] = ..., maintenance: _Optional[bool] = ..., repeat: _Optional[_Union[Repeat, str]] = ..., comment: _Optional[str] = ...) -> None: ...
