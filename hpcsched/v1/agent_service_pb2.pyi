from hpcsched.v1 import container_pb2 as _container_pb2
from hpcsched.v1 import job_service_pb2 as _job_service_pb2
from hpcsched.v1 import node_pb2 as _node_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Hello(_message.Message):
    __slots__ = ("protocol", "offer")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    offer: _node_pb2.NodeOffer
    def __init__(self, protocol: _Optional[int] = ..., offer: _Optional[_Union[_node_pb2.NodeOffer, _Mapping]] = ...) -> None: ...

class NodeReport(_message.Message):
    __slots__ = ("containers", "faults", "time")
    CONTAINERS_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    containers: _containers.RepeatedCompositeFieldContainer[_container_pb2.ContainerStatus]
    faults: _containers.RepeatedScalarFieldContainer[str]
    time: float
    def __init__(self, containers: _Optional[_Iterable[_Union[_container_pb2.ContainerStatus, _Mapping]]] = ..., faults: _Optional[_Iterable[str]] = ..., time: _Optional[float] = ...) -> None: ...

class SyncRequest(_message.Message):
    __slots__ = ("hello", "report")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    report: NodeReport
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., report: _Optional[_Union[NodeReport, _Mapping]] = ...) -> None: ...

class DesiredContainer(_message.Message):
    __slots__ = ("job_id", "runtime", "container", "command", "time_limit_s", "grace_s", "stdout", "cancel", "release", "started", "first_task", "works", "suspend", "is_worker", "restarts")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    TIME_LIMIT_S_FIELD_NUMBER: _ClassVar[int]
    GRACE_S_FIELD_NUMBER: _ClassVar[int]
    STDOUT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    FIRST_TASK_FIELD_NUMBER: _ClassVar[int]
    WORKS_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_FIELD_NUMBER: _ClassVar[int]
    IS_WORKER_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    job_id: int
    runtime: str
    container: _container_pb2.ContainerSpec
    command: _container_pb2.StepSpec
    time_limit_s: int
    grace_s: float
    stdout: str
    cancel: bool
    release: bool
    started: bool
    first_task: int
    works: _containers.RepeatedCompositeFieldContainer[_container_pb2.Work]
    suspend: bool
    is_worker: bool
    restarts: int
    def __init__(self, job_id: _Optional[int] = ..., runtime: _Optional[str] = ..., container: _Optional[_Union[_container_pb2.ContainerSpec, _Mapping]] = ..., command: _Optional[_Union[_container_pb2.StepSpec, _Mapping]] = ..., time_limit_s: _Optional[int] = ..., grace_s: _Optional[float] = ..., stdout: _Optional[str] = ..., cancel: _Optional[bool] = ..., release: _Optional[bool] = ..., started: _Optional[bool] = ..., first_task: _Optional[int] = ..., works: _Optional[_Iterable[_Union[_container_pb2.Work, _Mapping]]] = ..., suspend: _Optional[bool] = ..., is_worker: _Optional[bool] = ..., restarts: _Optional[int] = ...) -> None: ...

class DesiredSet(_message.Message):
    __slots__ = ("epoch", "containers")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    CONTAINERS_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    containers: _containers.RepeatedCompositeFieldContainer[DesiredContainer]
    def __init__(self, epoch: _Optional[int] = ..., containers: _Optional[_Iterable[_Union[DesiredContainer, _Mapping]]] = ...) -> None: ...

class OpenChannel(_message.Message):
    __slots__ = ("channel_id", "exec", "output")
    CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    channel_id: str
    exec: _job_service_pb2.ExecStepStart
    output: _job_service_pb2.ReadOutputRequest
    def __init__(self, channel_id: _Optional[str] = ..., exec: _Optional[_Union[_job_service_pb2.ExecStepStart, _Mapping]] = ..., output: _Optional[_Union[_job_service_pb2.ReadOutputRequest, _Mapping]] = ...) -> None: ...

class SyncResponse(_message.Message):
    __slots__ = ("desired", "open")
    DESIRED_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    desired: DesiredSet
    open: OpenChannel
    def __init__(self, desired: _Optional[_Union[DesiredSet, _Mapping]] = ..., open: _Optional[_Union[OpenChannel, _Mapping]] = ...) -> None: ...

class ChannelRequest(_message.Message):
    __slots__ = ("channel_id", "exec", "output", "error")
    CHANNEL_ID_FIELD_NUMBER: _ClassVar[int]
    EXEC_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    channel_id: str
    exec: _job_service_pb2.ExecStepResponse
    output: bytes
    error: str
    def __init__(self, channel_id: _Optional[str] = ..., exec: _Optional[_Union[_job_service_pb2.ExecStepResponse, _Mapping]] = ..., output: _Optional[bytes] = ..., error: _Optional[str] = ...) -> None: ...

class ChannelResponse(_message.Message):
    __slots__ = ("exec",)
    EXEC_FIELD_NUMBER: _ClassVar[int]
    exec: _job_service_pb2.ExecStepRequest
    def __init__(self, exec: _Optional[_Union[_job_service_pb2.ExecStepRequest, _Mapping]] = ...) -> None: ...
