from hpcsched.v1 import canary_pb2 as _canary_pb2
from hpcsched.v1 import container_pb2 as _container_pb2
from hpcsched.v1 import topology_pb2 as _topology_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NodeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_STATE_UNSPECIFIED: _ClassVar[NodeState]
    NODE_STATE_UNKNOWN: _ClassVar[NodeState]
    NODE_STATE_IDLE: _ClassVar[NodeState]
    NODE_STATE_ALLOCATED: _ClassVar[NodeState]
    NODE_STATE_DRAINING: _ClassVar[NodeState]
    NODE_STATE_DRAINED: _ClassVar[NodeState]
    NODE_STATE_DOWN: _ClassVar[NodeState]

class DeviceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEVICE_KIND_UNSPECIFIED: _ClassVar[DeviceKind]
    DEVICE_KIND_GPU: _ClassVar[DeviceKind]
    DEVICE_KIND_NIC: _ClassVar[DeviceKind]
NODE_STATE_UNSPECIFIED: NodeState
NODE_STATE_UNKNOWN: NodeState
NODE_STATE_IDLE: NodeState
NODE_STATE_ALLOCATED: NodeState
NODE_STATE_DRAINING: NodeState
NODE_STATE_DRAINED: NodeState
NODE_STATE_DOWN: NodeState
DEVICE_KIND_UNSPECIFIED: DeviceKind
DEVICE_KIND_GPU: DeviceKind
DEVICE_KIND_NIC: DeviceKind

class NodeOffer(_message.Message):
    __slots__ = ("name", "topology", "cpus", "memory", "version", "boot_id", "runtimes", "devices", "hugepages", "tunings", "machine", "features", "facts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOPOLOGY_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    RUNTIMES_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    HUGEPAGES_FIELD_NUMBER: _ClassVar[int]
    TUNINGS_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    topology: _topology_pb2.Topology
    cpus: str
    memory: int
    version: str
    boot_id: str
    runtimes: _containers.RepeatedScalarFieldContainer[str]
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    hugepages: _containers.RepeatedCompositeFieldContainer[_container_pb2.HugePages]
    tunings: _containers.RepeatedScalarFieldContainer[str]
    machine: str
    features: _containers.RepeatedScalarFieldContainer[str]
    facts: _containers.RepeatedCompositeFieldContainer[Fact]
    def __init__(self, name: _Optional[str] = ..., topology: _Optional[_Union[_topology_pb2.Topology, _Mapping]] = ..., cpus: _Optional[str] = ..., memory: _Optional[int] = ..., version: _Optional[str] = ..., boot_id: _Optional[str] = ..., runtimes: _Optional[_Iterable[str]] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., hugepages: _Optional[_Iterable[_Union[_container_pb2.HugePages, _Mapping]]] = ..., tunings: _Optional[_Iterable[str]] = ..., machine: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., facts: _Optional[_Iterable[_Union[Fact, _Mapping]]] = ...) -> None: ...

class Fact(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Certified(_message.Message):
    __slots__ = ("id", "image", "facts", "issued", "figures")
    ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    ISSUED_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    id: str
    image: str
    facts: _containers.RepeatedCompositeFieldContainer[Fact]
    issued: float
    figures: _containers.RepeatedCompositeFieldContainer[CertifiedFigure]
    def __init__(self, id: _Optional[str] = ..., image: _Optional[str] = ..., facts: _Optional[_Iterable[_Union[Fact, _Mapping]]] = ..., issued: _Optional[float] = ..., figures: _Optional[_Iterable[_Union[CertifiedFigure, _Mapping]]] = ...) -> None: ...

class CertifiedFigure(_message.Message):
    __slots__ = ("name", "value", "unit")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    unit: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., unit: _Optional[str] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("id", "kind", "vendor", "numa", "cpus", "index", "model", "uuid", "pci", "names")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    VENDOR_FIELD_NUMBER: _ClassVar[int]
    NUMA_FIELD_NUMBER: _ClassVar[int]
    CPUS_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    UUID_FIELD_NUMBER: _ClassVar[int]
    PCI_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: DeviceKind
    vendor: str
    numa: int
    cpus: str
    index: int
    model: str
    uuid: str
    pci: str
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[_Union[DeviceKind, str]] = ..., vendor: _Optional[str] = ..., numa: _Optional[int] = ..., cpus: _Optional[str] = ..., index: _Optional[int] = ..., model: _Optional[str] = ..., uuid: _Optional[str] = ..., pci: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("offer", "state", "connected", "drain_reason", "job_id", "since", "down", "cleaning", "suspended", "certified", "canary", "canaries", "medians")
    OFFER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    DRAIN_REASON_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    DOWN_FIELD_NUMBER: _ClassVar[int]
    CLEANING_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    CERTIFIED_FIELD_NUMBER: _ClassVar[int]
    CANARY_FIELD_NUMBER: _ClassVar[int]
    CANARIES_FIELD_NUMBER: _ClassVar[int]
    MEDIANS_FIELD_NUMBER: _ClassVar[int]
    offer: NodeOffer
    state: NodeState
    connected: bool
    drain_reason: str
    job_id: int
    since: float
    down: bool
    cleaning: _containers.RepeatedScalarFieldContainer[int]
    suspended: _containers.RepeatedScalarFieldContainer[int]
    certified: _containers.RepeatedCompositeFieldContainer[Certified]
    canary: bool
    canaries: _canary_pb2.NodeCanaries
    medians: _containers.RepeatedCompositeFieldContainer[_canary_pb2.Median]
    def __init__(self, offer: _Optional[_Union[NodeOffer, _Mapping]] = ..., state: _Optional[_Union[NodeState, str]] = ..., connected: _Optional[bool] = ..., drain_reason: _Optional[str] = ..., job_id: _Optional[int] = ..., since: _Optional[float] = ..., down: _Optional[bool] = ..., cleaning: _Optional[_Iterable[int]] = ..., suspended: _Optional[_Iterable[int]] = ..., certified: _Optional[_Iterable[_Union[Certified, _Mapping]]] = ..., canary: _Optional[bool] = ..., canaries: _Optional[_Union[_canary_pb2.NodeCanaries, _Mapping]] = ..., medians: _Optional[_Iterable[_Union[_canary_pb2.Median, _Mapping]]] = ...) -> None: ...
