"""Model values to messages and back: the only such place.

The fields of a noun and of its message have the same names; what differs is in `_CODECS`, by the field's type, and in the
functions of `Job` and `Node` at the end. How one class is converted is worked out once and kept.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from hpcsched.errors import InvalidValue
from hpcsched.model import (
    allocation,
    array,
    canary,
    certificate,
    change,
    container,
    device,
    explanation,
    job,
    node,
    record,
    reservation,
    site,
    site_use,
    topology,
)
from hpcsched.model.idset import IdSet
from hpcsched.v1 import (
    agent_service_pb2,
    canary_pb2,
    container_pb2,
    explanation_pb2,
    job_pb2,
    job_service_pb2,
    node_pb2,
    record_pb2,
    reservation_pb2,
    site_pb2,
    topology_pb2,
)

Noun = TypeVar("Noun")

_MESSAGES: dict[type, type[Message]] = {
    allocation.Binding: container_pb2.Binding,
    allocation.HugePages: container_pb2.HugePages,
    allocation.TaskBinding: container_pb2.TaskBinding,
    allocation.NodeBinding: container_pb2.NodeBinding,
    container.Mount: container_pb2.Mount,
    container.DeviceNode: container_pb2.DeviceNode,
    container.Rlimit: container_pb2.Rlimit,
    container.ContainerSpec: container_pb2.ContainerSpec,
    container.StepSpec: container_pb2.StepSpec,
    container.StepExit: job_service_pb2.StepExit,
    container.OpenedDevice: container_pb2.OpenedDevice,
    container.TunedSetting: container_pb2.TunedSetting,
    container.ObservedTask: container_pb2.ObservedTask,
    container.Sampled: container_pb2.Sampled,
    container.Observed: container_pb2.Observed,
    container.Usage: container_pb2.Usage,
    container.ContainerStatus: container_pb2.ContainerStatus,
    container.Work: container_pb2.Work,
    container.TaskEnd: container_pb2.TaskEnd,
    container.WorkStatus: container_pb2.WorkStatus,
    container.DesiredContainer: agent_service_pb2.DesiredContainer,
    job.ResourceRequest: job_pb2.ResourceRequest,
    job.JobSpec: job_pb2.JobSpec,
    job.Job: job_pb2.Job,
    change.JobChange: job_service_pb2.JobChange,
    array.ArrayProgress: job_pb2.ArrayProgress,
    array.Assigned: job_pb2.Assigned,
    array.Following: job_pb2.Following,
    explanation.Blocker: explanation_pb2.Blocker,
    explanation.Ahead: explanation_pb2.Ahead,
    explanation.Factor: explanation_pb2.Factor,
    explanation.NodeGroup: explanation_pb2.NodeGroup,
    explanation.Change: explanation_pb2.Change,
    explanation.Planned: explanation_pb2.Planned,
    explanation.Explanation: explanation_pb2.Explanation,
    reservation.Reservation: reservation_pb2.Reservation,
    site.Limits: site_pb2.Limits,
    site.Partition: site_pb2.Partition,
    site.Qos: site_pb2.Qos,
    site_use.PartitionUse: site_pb2.PartitionUse,
    site_use.QosUse: site_pb2.QosUse,
    site_use.Share: site_pb2.Share,
    reservation.ReservationRequest: reservation_pb2.ReservationRequest,
    device.Device: node_pb2.Device,
    certificate.Certified: node_pb2.Certified,
    certificate.CertifiedFigure: node_pb2.CertifiedFigure,
    canary.Median: canary_pb2.Median,
    canary.CanaryFigure: canary_pb2.CanaryFigure,
    canary.NodeCanaries: canary_pb2.NodeCanaries,
    node.NodeOffer: node_pb2.NodeOffer,
    node.Node: node_pb2.Node,
    record.Record: record_pb2.Record,
    topology.Topology: topology_pb2.Topology,
    topology.Core: topology_pb2.Core,
    topology.NumaNode: topology_pb2.NumaNode,
    topology.Cache: topology_pb2.Cache,
    topology.PciDevice: topology_pb2.PciDevice,
}
_ZERO_IS_DEFAULT = frozenset({job.JobSpec, job.ResourceRequest})
"""Classes in which a number or text left at zero means the noun's default."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    name: str
    default: Any
    presence: bool
    zero_is_default: bool
    put: Callable[[Any, Any], Any]
    get: Callable[[Any], Any]


_FIELDS: dict[type, tuple[_Field, ...]] = {}


def to_message(value: Any) -> Any:
    """The message of a noun; its class is the noun's in `_MESSAGES`."""
    message = _MESSAGES[type(value)]()
    _fill(message, value)
    return message


def from_message(kind: type[Noun], message: Any) -> Noun:
    """The noun of a message. Raises InvalidValue on ids, names or enum values that do not exist."""
    special = _FROM.get(kind)
    return special(message) if special else _plain(kind, message, {})


def _fill(message: Any, value: Any) -> None:
    for field in _fields(type(value)):
        item = getattr(value, field.name)
        if item is not None:
            field.put(message, item)
    extra = _INTO.get(type(value))
    if extra:
        extra(message, value)


def _plain(kind: type[Noun], message: Any, given: dict[str, Any]) -> Noun:
    for field in _fields(kind):
        given[field.name] = _value(field, message)
    return kind(**given)


def _value(field: _Field, message: Any) -> Any:
    if field.presence and not message.HasField(field.name):
        return field.default
    value = field.get(getattr(message, field.name))
    if field.zero_is_default and not value:
        return field.default
    return value


def _fields(kind: type) -> tuple[_Field, ...]:
    if kind not in _FIELDS:
        _FIELDS[kind] = _work_out(kind)
    return _FIELDS[kind]


def _work_out(kind: type) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(kind)
    descriptor = _MESSAGES[kind].DESCRIPTOR
    skipped = _BY_HAND.get(kind, frozenset())
    return tuple(
        _field(kind, item, hints[item.name], descriptor) for item in dataclasses.fields(kind) if item.name not in skipped
    )


def _field(kind: type, item: dataclasses.Field[Any], hint: Any, descriptor: Any) -> _Field:
    there = descriptor.fields_by_name.get(item.name)
    if there is None:
        raise TypeError(f"{descriptor.full_name} has no field {item.name}")
    put, get = _codec(there, _without_none(hint))
    default = None if item.default is dataclasses.MISSING else item.default
    return _Field(item.name, default, there.has_presence, kind in _ZERO_IS_DEFAULT and not there.has_presence, put, get)


def _without_none(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


def _codec(there: Any, hint: Any) -> tuple[Callable[[Any, Any], Any], Callable[[Any], Any]]:
    name = there.name
    if hint is IdSet:
        return _setter(name, str), IdSet.parse
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _enum(name, hint)
    if hint in _MESSAGES:
        return _nested(name), lambda message: from_message(hint, message)
    if typing.get_origin(hint) is tuple:
        return _tuple(there, typing.get_args(hint)[0])
    return _setter(name, lambda value: value), lambda value: value


def _pairs(there: Any) -> tuple[Callable[[Any, Any], Any], Callable[[Any], Any]]:
    """Pairs are messages of two fields, in that order."""
    kind = there.message_type._concrete_class
    first, second = (field.name for field in there.message_type.fields)
    put = _put_list(there.name, lambda pair: kind(**{first: pair[0], second: pair[1]}))
    return put, lambda messages: tuple((getattr(item, first), getattr(item, second)) for item in messages)


def _setter(name: str, convert: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda message, value: setattr(message, name, convert(value))


def _put_list(name: str, convert: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda message, values: getattr(message, name).extend([convert(value) for value in values])


def _nested(name: str) -> Callable[[Any, Any], Any]:
    def put(message: Any, value: Any) -> None:
        field = getattr(message, name)
        field.SetInParent()
        _fill(field, value)

    return put


def _tuple(there: Any, inner: Any) -> tuple[Callable[[Any, Any], Any], Callable[[Any], Any]]:
    name = there.name
    if typing.get_origin(inner) is tuple:
        return _pairs(there)
    if inner in _MESSAGES:
        return _put_list(name, to_message), lambda messages: tuple([from_message(inner, item) for item in messages])
    return _put_list(name, lambda value: value), tuple


def _enum(name: str, kind: type[enum.Enum]) -> tuple[Callable[[Any, Any], Any], Callable[[Any], Any]]:
    if kind is job.Reason:
        return _setter(name, str), _reason
    there = _ENUMS[kind]
    prefix = _prefix(kind)
    numbers = {value: there.Value(prefix + value.name) for value in kind}
    values: dict[int, Any] = {number: value for value, number in numbers.items()}

    def get(number: int) -> Any:
        if number == 0:
            return None
        if number not in values:
            raise InvalidValue(f"{name}: there is no {kind.__name__} number {number}")
        return values[number]

    return _setter(name, numbers.__getitem__), get


def _prefix(kind: type) -> str:
    return "".join("_" + letter if letter.isupper() else letter.upper() for letter in kind.__name__)[1:] + "_"


def _reason(text: str) -> job.Reason:
    try:
        return job.Reason(text or "None")
    except ValueError:
        raise InvalidValue(f"there is no reason {text!r}") from None


_ENUMS: dict[type[enum.Enum], Any] = {
    container.Phase: container_pb2.Phase,
    container.EndCause: container_pb2.EndCause,
    job.JobState: job_pb2.JobState,
    job.TaskBind: job_pb2.TaskBind,
    reservation.Repeat: reservation_pb2.Repeat,
    site.PartitionState: site_pb2.PartitionState,
    site.PreemptMode: job_pb2.PreemptMode,
    device.DeviceKind: node_pb2.DeviceKind,
    node.NodeState: node_pb2.NodeState,
    canary.Stand: canary_pb2.Stand,
}


def _job_into(message: Any, value: job.Job) -> None:
    for part in value.allocation.bindings if value.allocation else ():
        message.bindings.append(to_message(part))
    for status in value.parts:
        message.parts.append(to_message(status) if status else container_pb2.ContainerStatus())


def _job_from(message: Any) -> job.Job:
    bindings = tuple(from_message(allocation.NodeBinding, part) for part in message.bindings)
    parts = tuple(from_message(container.ContainerStatus, part) if part.job_id else None for part in message.parts)
    given = {"allocation": allocation.Allocation(bindings) if bindings else None, "parts": parts}
    return _plain(job.Job, message, given)


def _node_into(message: Any, value: node.Node) -> None:
    message.state = node_pb2.NodeState.Value(_prefix(node.NodeState) + value.state.name)
    message.job_id = value.job_id or 0


def _node_from(message: Any) -> node.Node:
    return _plain(node.Node, message, {"job_id": message.job_id or None})


_BY_HAND: dict[type, frozenset[str]] = {
    job.Job: frozenset({"allocation", "parts"}),
    node.Node: frozenset({"job_id"}),
    container.StepExit: frozenset({"step_id", "max_rss", "user_s", "system_s"}),
}
_INTO: dict[type, Callable[[Any, Any], None]] = {job.Job: _job_into, node.Node: _node_into}


def _step_exit_from(message: Any) -> container.StepExit:
    return _plain(container.StepExit, message, {"step_id": 0})


_FROM: dict[type, Callable[[Any], Any]] = {job.Job: _job_from, node.Node: _node_from, container.StepExit: _step_exit_from}
