from hpcsched.v1 import site_pb2 as _site_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListPartitionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListPartitionsResponse(_message.Message):
    __slots__ = ("partitions",)
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    partitions: _containers.RepeatedCompositeFieldContainer[_site_pb2.PartitionUse]
    def __init__(self, partitions: _Optional[_Iterable[_Union[_site_pb2.PartitionUse, _Mapping]]] = ...) -> None: ...

class ListQosRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListQosResponse(_message.Message):
    __slots__ = ("qos",)
    QOS_FIELD_NUMBER: _ClassVar[int]
    qos: _containers.RepeatedCompositeFieldContainer[_site_pb2.QosUse]
    def __init__(self, qos: _Optional[_Iterable[_Union[_site_pb2.QosUse, _Mapping]]] = ...) -> None: ...

class ListSharesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListSharesResponse(_message.Message):
    __slots__ = ("shares",)
    SHARES_FIELD_NUMBER: _ClassVar[int]
    shares: _containers.RepeatedCompositeFieldContainer[_site_pb2.Share]
    def __init__(self, shares: _Optional[_Iterable[_Union[_site_pb2.Share, _Mapping]]] = ...) -> None: ...
