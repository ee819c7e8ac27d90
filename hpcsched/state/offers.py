"""What nodes offer, kept once for all that offer the same: whoever compares them need not look inside."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from hpcsched.model.node import NodeOffer

_ITS_OWN = frozenset({"name", "boot_id"})
_NAMES = tuple(field.name for field in fields(NodeOffer) if field.name not in _ITS_OWN)
_MOST = 10_000


class Offers:
    def __init__(self) -> None:
        self._kept: dict[tuple[str, Any], Any] = {}

    def shared(self, offer: NodeOffer) -> NodeOffer:
        """An equal one, of parts that are the same objects as in all that have such parts."""
        if len(self._kept) >= _MOST:
            self._kept.clear()
        parts = {name: getattr(offer, name) for name in _NAMES}
        kept = {name: self._kept.setdefault((name, value), value) for name, value in parts.items()}
        return offer if all(kept[name] is value for name, value in parts.items()) else replace(offer, **kept)
