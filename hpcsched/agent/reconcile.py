"""Desired against actual: what to do next on this node. Pure, and safe to stop after any step."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from hpcsched.model.container import DesiredContainer, EndCause


class Stage(enum.StrEnum):
    """How far a container is. SPAWNED: its command may have run. REMOVED: nothing of it is left on the node."""

    STARTING = "STARTING"
    SPAWNED = "SPAWNED"
    ENDED = "ENDED"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class Launch:
    """Start this container, which the node does not know yet."""

    desired: DesiredContainer


@dataclass(frozen=True, slots=True)
class Lose:
    """It had been started, and the node knows nothing of it any more: it must not run twice."""

    desired: DesiredContainer


@dataclass(frozen=True, slots=True)
class Command:
    """All parts of the job are up: run its command here."""

    desired: DesiredContainer


@dataclass(frozen=True, slots=True)
class Stop:
    """End it for that cause; a container that is ending already is left alone."""

    job_id: int
    cause: EndCause


@dataclass(frozen=True, slots=True)
class Forget:
    """It has ended, the controller knows, and nothing of it is left."""

    job_id: int


@dataclass(frozen=True, slots=True)
class Release:
    """It has ended and the controller knows: remove what is left."""

    job_id: int


Step = Launch | Lose | Command | Stop | Release | Forget


def reconcile(desired: Mapping[int, DesiredContainer], actual: Mapping[int, Stage]) -> tuple[Step, ...]:
    """Steps by job id; what has its way already gives none."""
    steps = [_step(job_id, desired.get(job_id), actual.get(job_id)) for job_id in sorted({*desired, *actual})]
    return tuple(step for step in steps if step is not None)


def _step(job_id: int, wanted: DesiredContainer | None, stage: Stage | None) -> Step | None:
    if wanted is None:
        return _unwanted(job_id, stage)
    if stage is None:
        return Lose(wanted) if wanted.started else Launch(wanted)
    if stage in (Stage.ENDED, Stage.REMOVED):
        return None
    return _alive(wanted, stage)


def _unwanted(job_id: int, stage: Stage | None) -> Step | None:
    if stage is Stage.REMOVED:
        return Forget(job_id)
    return Release(job_id) if stage is Stage.ENDED else Stop(job_id, EndCause.STOPPED)


def _alive(wanted: DesiredContainer, stage: Stage) -> Step | None:
    if wanted.cancel:
        return Stop(wanted.job_id, EndCause.CANCELLED)
    if wanted.release:
        return Stop(wanted.job_id, EndCause.STOPPED)
    return Command(wanted) if stage is Stage.STARTING and wanted.command else None
