from hpcsched.v1 import container_pb2 as _container_pb2
from hpcsched.v1 import job_pb2 as _job_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Record(_message.Message):
    __slots__ = ("job", "waited_s", "ran_s", "usage")
    JOB_FIELD_NUMBER: _ClassVar[int]
    WAITED_S_FIELD_NUMBER: _ClassVar[int]
    RAN_S_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    job: _job_pb2.Job
    waited_s: float
    ran_s: float
    usage: _container_pb2.Usage
    def __init__(self, job: _Optional[_Union[_job_pb2.Job, _Mapping]] = ..., waited_s: _Optional[float] = ..., ran_s: _Optional[float] = ..., usage: _Optional[_Union[_container_pb2.Usage, _Mapping]] = ...) -> None: ...
