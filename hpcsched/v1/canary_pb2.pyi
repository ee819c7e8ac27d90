from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Stand(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STAND_UNSPECIFIED: _ClassVar[Stand]
    STAND_LEARNING: _ClassVar[Stand]
    STAND_OK: _ClassVar[Stand]
    STAND_SUSPECT: _ClassVar[Stand]
    STAND_SLOW: _ClassVar[Stand]
STAND_UNSPECIFIED: Stand
STAND_LEARNING: Stand
STAND_OK: Stand
STAND_SUSPECT: Stand
STAND_SLOW: Stand

class Median(_message.Message):
    __slots__ = ("metric", "value", "unit")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    metric: str
    value: float
    unit: str
    def __init__(self, metric: _Optional[str] = ..., value: _Optional[float] = ..., unit: _Optional[str] = ...) -> None: ...

class CanaryFigure(_message.Message):
    __slots__ = ("metric", "value", "unit", "usual", "loss", "z", "class_z", "moved", "figures", "median", "deviation")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    USUAL_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    CLASS_Z_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_FIELD_NUMBER: _ClassVar[int]
    DEVIATION_FIELD_NUMBER: _ClassVar[int]
    metric: str
    value: float
    unit: str
    usual: float
    loss: float
    z: float
    class_z: float
    moved: float
    figures: int
    median: float
    deviation: float
    def __init__(self, metric: _Optional[str] = ..., value: _Optional[float] = ..., unit: _Optional[str] = ..., usual: _Optional[float] = ..., loss: _Optional[float] = ..., z: _Optional[float] = ..., class_z: _Optional[float] = ..., moved: _Optional[float] = ..., figures: _Optional[int] = ..., median: _Optional[float] = ..., deviation: _Optional[float] = ...) -> None: ...

class NodeCanaries(_message.Message):
    __slots__ = ("node", "stand", "likeness", "since", "measured", "due", "note", "figures")
    NODE_FIELD_NUMBER: _ClassVar[int]
    STAND_FIELD_NUMBER: _ClassVar[int]
    LIKENESS_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    DUE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    node: str
    stand: Stand
    likeness: str
    since: float
    measured: float
    due: float
    note: str
    figures: _containers.RepeatedCompositeFieldContainer[CanaryFigure]
    def __init__(self, node: _Optional[str] = ..., stand: _Optional[_Union[Stand, str]] = ..., likeness: _Optional[str] = ..., since: _Optional[float] = ..., measured: _Optional[float] = ..., due: _Optional[float] = ..., note: _Optional[str] = ..., figures: _Optional[_Iterable[_Union[CanaryFigure, _Mapping]]] = ...) -> None: ...
