"""What a benchmark finds out once on a node, before any sample: how much work, and what this node can and cannot show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from hpcsched.bench.about import Limit, Metric
from hpcsched.errors import WrongResult

Settings = dict[str, Any]


def partly_cached(wanted: str, but: str = "it is smaller") -> str:
    """What a node lacks where the data of a benchmark are not as large as `wanted`."""
    return f"{wanted}: {but}, so part of this is the speed of a cache"


@dataclass(frozen=True, slots=True)
class Spared:
    """What is not measured without a program: in words, and the names of the metrics."""

    what: str
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """`settings`: whatever JSON can hold, the same for all samples. `metrics`: those that this node can measure; None: all that
    the benchmark names. `limits`: by metric. `lacks`: a sentence for each thing that this node has not, and so is not measured.
    `mounts`: folders of the node that each sample must find as they are, which a container does by a bind mount. `absent`: why
    nothing can be measured here at all (empty: something can). `spared`: settings with a program that may also be empty.
    """

    settings: Settings = field(default_factory=dict)
    metrics: tuple[Metric, ...] | None = None
    limits: dict[str, Limit] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    absent: str = ""
    spared: dict[str, Spared] = field(default_factory=dict)

    def without(self, lacking: Mapping[str, str]) -> Prepared:
        """What is left where programs are not, by path, and why."""
        gone = {name: lacking[value] for name, value in self.settings.items() if isinstance(value, str) and value in lacking}
        vital = next((why for name, why in gone.items() if name not in self.spared), "")
        if vital:
            return Prepared(absent=vital)
        settings = {**self.settings, **dict.fromkeys(gone, "")}
        dropped = {metric for name in gone for metric in self.spared[name].metrics}
        metrics = self.metrics and tuple(metric for metric in self.metrics if metric.name not in dropped)
        lacks = (f"{self.spared[name].what}: {why}" for name, why in gone.items())
        return replace(self, settings=settings, metrics=metrics, lacks=(*self.lacks, *lacks))

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Prepared:
        """Raises WrongResult."""
        try:
            return msgspec.json.decode(text, type=cls, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise WrongResult(f"these are no settings ({error}); give what --prepare printed") from None
