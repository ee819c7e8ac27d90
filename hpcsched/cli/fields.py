"""Nouns as plain data, under the field names of their messages in `proto/`."""

from __future__ import annotations

import dataclasses
import enum
from pathlib import PurePath
from typing import Any

from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job
from hpcsched.model.node import Node

PAIRS = {
    ("Binding", "memory_split"): ("os_index", "bytes"),
    ("ContainerSpec", "drivers"): ("name", "version"),
    ("ContainerSpec", "env"): ("name", "value"),
    ("JobSpec", "env"): ("name", "value"),
    ("NumaNode", "distances"): ("os_index", "distance"),
    ("Observed", "drivers"): ("name", "version"),
    ("Observed", "hugepages"): ("size", "limit"),
    ("ResourceRequest", "hugepages"): ("size", "count"),
    ("StepSpec", "env"): ("name", "value"),
}
"""Fields that hold pairs, by noun, and how their message names the two."""


def plain_data(value: Any) -> Any:
    """In dicts, lists, numbers and text only: id sets as `0-3,8`, bytes and paths as text, what is not there as None."""
    if isinstance(value, IdSet | PurePath):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, tuple | list):
        return [plain_data(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    return value


def _fields(noun: Any) -> dict[str, Any]:
    data = {item.name: _field(noun, item.name) for item in dataclasses.fields(noun)}
    if isinstance(noun, Job):
        allocation = data.pop("allocation")
        data["bindings"] = allocation["bindings"] if allocation else []
    if isinstance(noun, Node):
        data["state"] = noun.state.value
    return data


def _field(noun: Any, name: str) -> Any:
    names, value = PAIRS.get((type(noun).__name__, name)), getattr(noun, name)
    if names:
        return [dict(zip(names, pair, strict=True)) for pair in value]
    return plain_data(value)
