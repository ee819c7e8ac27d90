"""`dataclasses.replace` for what is changed most often, in half the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def changer(kind: type[T]) -> Callable[..., T]:
    """Of a dataclass: what returns an item with some fields, given by their names, changed. Raises KeyError for another name."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    values_of, places = attrgetter(*names), {name: place for place, name in enumerate(names)}

    def changed(item: T, **new: Any) -> T:
        values = list(values_of(item))
        for name, value in new.items():
            values[places[name]] = value
        return kind(*values)

    return changed
