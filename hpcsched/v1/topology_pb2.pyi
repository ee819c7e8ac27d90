from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Topology(_message.Message):
    __slots__ = ("version", "cpu_model", "cores", "numa_nodes", "caches")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CPU_MODEL_FIELD_NUMBER: _ClassVar[int]
    CORES_FIELD_NUMBER: _ClassVar[int]
    NUMA_NODES_FIELD_NUMBER: _ClassVar[int]
    CACHES_FIELD_NUMBER: _ClassVar[int]
    version: int
    cpu_model: str
    cores: _containers.RepeatedCompositeFieldContainer[Core]
    numa_nodes: _containers.RepeatedCompositeFieldContainer[NumaNode]
    caches: _containers.RepeatedCompositeFieldContainer[Cache]
    def __init__(self, version: _Optional[int] = ..., cpu_model: _Optional[str] = ..., cores: _Optional[_Iterable[_Union[Core, _Mapping]]] = ..., numa_nodes: _Optional[_Iterable[_Union[NumaNode, _Mapping]]] = ..., caches: _Optional[_Iterable[_Union[Cache, _Mapping]]] = ...) -> None: ...

class Core(_message.Message):
    __slots__ = ("logical", "package", "numa", "pus")
    LOGICAL_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_FIELD_NUMBER: _ClassVar[int]
    NUMA_FIELD_NUMBER: _ClassVar[int]
    PUS_FIELD_NUMBER: _ClassVar[int]
    logical: int
    package: int
    numa: int
    pus: str
    def __init__(self, logical: _Optional[int] = ..., package: _Optional[int] = ..., numa: _Optional[int] = ..., pus: _Optional[str] = ...) -> None: ...

class NumaNode(_message.Message):
    __slots__ = ("os_index", "memory", "pus", "distances")
    OS_INDEX_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    PUS_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    os_index: int
    memory: int
    pus: str
    distances: _containers.RepeatedCompositeFieldContainer[Distance]
    def __init__(self, os_index: _Optional[int] = ..., memory: _Optional[int] = ..., pus: _Optional[str] = ..., distances: _Optional[_Iterable[_Union[Distance, _Mapping]]] = ...) -> None: ...

class Distance(_message.Message):
    __slots__ = ("os_index", "distance")
    OS_INDEX_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    os_index: int
    distance: int
    def __init__(self, os_index: _Optional[int] = ..., distance: _Optional[int] = ...) -> None: ...

class Cache(_message.Message):
    __slots__ = ("level", "size", "pus")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PUS_FIELD_NUMBER: _ClassVar[int]
    level: int
    size: int
    pus: str
    def __init__(self, level: _Optional[int] = ..., size: _Optional[int] = ..., pus: _Optional[str] = ...) -> None: ...
