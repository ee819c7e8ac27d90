from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Topology(_message.Message):
    __slots__ = ("version", "cpu_model", "cores", "numa_nodes", "caches", "devices", "core_kinds", "offline", "disallowed")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CPU_MODEL_FIELD_NUMBER: _ClassVar[int]
    CORES_FIELD_NUMBER: _ClassVar[int]
    NUMA_NODES_FIELD_NUMBER: _ClassVar[int]
    CACHES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    CORE_KINDS_FIELD_NUMBER: _ClassVar[int]
    OFFLINE_FIELD_NUMBER: _ClassVar[int]
    DISALLOWED_FIELD_NUMBER: _ClassVar[int]
    version: int
    cpu_model: str
    cores: _containers.RepeatedCompositeFieldContainer[Core]
    numa_nodes: _containers.RepeatedCompositeFieldContainer[NumaNode]
    caches: _containers.RepeatedCompositeFieldContainer[Cache]
    devices: _containers.RepeatedCompositeFieldContainer[PciDevice]
    core_kinds: _containers.RepeatedScalarFieldContainer[str]
    offline: str
    disallowed: str
    def __init__(self, version: _Optional[int] = ..., cpu_model: _Optional[str] = ..., cores: _Optional[_Iterable[_Union[Core, _Mapping]]] = ..., numa_nodes: _Optional[_Iterable[_Union[NumaNode, _Mapping]]] = ..., caches: _Optional[_Iterable[_Union[Cache, _Mapping]]] = ..., devices: _Optional[_Iterable[_Union[PciDevice, _Mapping]]] = ..., core_kinds: _Optional[_Iterable[str]] = ..., offline: _Optional[str] = ..., disallowed: _Optional[str] = ...) -> None: ...

class PciDevice(_message.Message):
    __slots__ = ("address", "kind", "numa", "cpus", "vendor_id", "device_id", "names", "model")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NUMA_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    VENDOR_ID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    address: str
    kind: str
    numa: int
    cpus: str
    vendor_id: int
    device_id: int
    names: _containers.RepeatedScalarFieldContainer[str]
    model: str
    def __init__(self, address: _Optional[str] = ..., kind: _Optional[str] = ..., numa: _Optional[int] = ..., cpus: _Optional[str] = ..., vendor_id: _Optional[int] = ..., device_id: _Optional[int] = ..., names: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ...) -> None: ...

class Core(_message.Message):
    __slots__ = ("logical", "package", "numa", "pus", "die", "kind")
    LOGICAL_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_FIELD_NUMBER: _ClassVar[int]
    NUMA_FIELD_NUMBER: _ClassVar[int]
    PUS_FIELD_NUMBER: _ClassVar[int]
    DIE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    logical: int
    package: int
    numa: int
    pus: str
    die: int
    kind: int
    def __init__(self, logical: _Optional[int] = ..., package: _Optional[int] = ..., numa: _Optional[int] = ..., pus: _Optional[str] = ..., die: _Optional[int] = ..., kind: _Optional[int] = ...) -> None: ...

class NumaNode(_message.Message):
    __slots__ = ("os_index", "memory", "pus", "distances", "tier", "near")
    OS_INDEX_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    PUS_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    NEAR_FIELD_NUMBER: _ClassVar[int]
    os_index: int
    memory: int
    pus: str
    distances: _containers.RepeatedCompositeFieldContainer[Distance]
    tier: str
    near: str
    def __init__(self, os_index: _Optional[int] = ..., memory: _Optional[int] = ..., pus: _Optional[str] = ..., distances: _Optional[_Iterable[_Union[Distance, _Mapping]]] = ..., tier: _Optional[str] = ..., near: _Optional[str] = ...) -> None: ...

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
