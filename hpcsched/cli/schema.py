"""JSON Schema of what `--output json` prints, from the nouns' own types (draft 2020-12)."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import types
import typing
from typing import Any

from hpcsched.cli.fields import PAIRS
from hpcsched.model.idset import IdSet

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
_ID_LIST = r"^(\d+(-\d+)?(,\d+(-\d+)?)*)?$"

Schema = dict[str, Any]


def list_schema(kind: type, title: str) -> Schema:
    """Of an array of nouns as `plain_data` gives them. A later version may add keys; all that it names are always there."""
    found: dict[str, Schema] = {}
    items = _schema(kind, found)
    return {"$schema": DRAFT, "title": title, "type": "array", "items": items, "$defs": dict(sorted(found.items()))}


def _schema(hint: Any, found: dict[str, Schema]) -> Schema:
    if isinstance(hint, types.UnionType):
        return {"anyOf": [_schema(part, found) for part in typing.get_args(hint)]}
    if hint is type(None):
        return {"type": "null"}
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": _schema(typing.get_args(hint)[0], found)}
    if hint is IdSet:
        return {"type": "string", "pattern": _ID_LIST, "description": "Ids as in cpuset(7), List format."}
    if issubclass(hint, enum.Enum):
        return {"enum": [item.value for item in hint]}
    return {"type": _PLAIN[hint]} if hint in _PLAIN else _noun(hint, found)


def _noun(kind: type, found: dict[str, Schema]) -> Schema:
    if kind.__name__ not in found:
        found[kind.__name__] = {}
        found[kind.__name__] = _object(kind, found)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _object(kind: type, found: dict[str, Schema]) -> Schema:
    hints = typing.get_type_hints(kind)
    names = [item.name for item in dataclasses.fields(kind)]
    properties = {name: _field(kind, name, hints[name], found) for name in names}
    about = " ".join((inspect.getdoc(kind) or "").split())
    return {"type": "object", "description": about, "properties": properties, "required": names}


def _field(kind: type, name: str, hint: Any, found: dict[str, Schema]) -> Schema:
    names = PAIRS.get((kind.__name__, name))
    if names is None:
        return _schema(hint, found)
    pair = typing.get_args(typing.get_args(hint)[0])
    properties = {key: _schema(part, found) for key, part in zip(names, pair, strict=True)}
    return {"type": "array", "items": {"type": "object", "properties": properties, "required": list(names)}}
