"""JSON Schema of a run's file, from the types that it is made of (draft 2020-12)."""

from __future__ import annotations

import json
from typing import Any

from hpcsched.bench.result import SCHEMA, Result

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """As `docs/bench.schema.json` has it. A later version may add keys; all that it names are always there."""
    import msgspec

    found = msgspec.json.schema(Result)
    kinds = {name: _written(kind) for name, kind in sorted(found["$defs"].items())}
    kinds["Result"]["properties"]["schema"] = {"const": SCHEMA}
    whole = {"$schema": DRAFT, "title": "hpcsched bench run --json FILE", "$ref": found["$ref"], "$defs": kinds}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _written(kind: dict[str, Any]) -> dict[str, Any]:
    """Of a noun as it is written: every field, whatever may be left out when it is read."""
    made = {**kind, "description": " ".join(kind.get("description", "").split())}
    if "properties" in kind:
        made["properties"] = {name: _without_default(field) for name, field in kind["properties"].items()}
        made["required"] = list(kind["properties"])
    return made


def _without_default(field: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in field.items() if name != "default"}
