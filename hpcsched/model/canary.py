"""What canaries have found on a node, for people."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Stand(enum.StrEnum):
    """LEARNING: too few figures to judge. SUSPECT: measured again before it is judged. SLOW: drained for it."""

    LEARNING = "LEARNING"
    OK = "OK"
    SUSPECT = "SUSPECT"
    SLOW = "SLOW"


@dataclass(frozen=True, slots=True)
class Median:
    """Of a node's latest figures in one metric; `value`, above 0, in `unit`."""

    metric: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class CanaryFigure:
    """`value`: the last, in `unit`; `usual`: the median of its history, moved as its class has moved (0: not known yet).

    `loss`: slower than usual by that share. `z`: robust, of the last figure in the node's history; `class_z`: of that history
    among those of its class (0: too few nodes). Below 0 is slower. `moved`: the class, a share. `figures`: how many there were
    of late. `median`: of these, in `unit`; `deviation`: of that from `usual`, a share; below 0 is less.
    """

    metric: str
    value: float
    unit: str
    usual: float = 0.0
    loss: float = 0.0
    z: float = 0.0
    class_z: float = 0.0
    moved: float = 0.0
    figures: int = 0
    median: float = 0.0
    deviation: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeCanaries:
    """`likeness`: names its class. Times in Unix seconds: since when it stands so, when it was measured last (0: never), and
    when it is due. `note`: a sentence.
    """

    node: str
    stand: Stand
    likeness: str
    since: float
    measured: float
    due: float
    note: str = ""
    figures: tuple[CanaryFigure, ...] = ()
