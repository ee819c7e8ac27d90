"""The one error tree. Each message is a single line that says what is wrong and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class HpcschedError(Exception):
    """Whatever hpcsched raises on purpose."""

    @property
    def line(self) -> str:
        """Its words on one line, for a status or a message."""
        return " ".join(str(self).split())


class InvalidValue(HpcschedError):
    """The caller sent something malformed or out of bounds."""


class Infeasible(HpcschedError):
    """No node of this cluster could ever run it; the message names the limit and the nearest that fits."""


class NotFound(HpcschedError):
    """A job, node, image or file of that name does not exist."""


class AlreadyExists(HpcschedError):
    """The name or id is taken by something else."""


class Conflict(HpcschedError):
    """The object is in a state that does not allow the call."""


class PlanRejected(HpcschedError):
    """A policy's plan breaks a rule; nothing of it was done."""


class QueueFull(HpcschedError):
    """A limit on what may wait was reached; try again later."""


class Unreachable(HpcschedError):
    """The daemon at the address does not answer."""


class Stopping(Unreachable):
    """The daemon is being stopped."""


class DeadlineExceeded(HpcschedError):
    """The call took longer than its deadline."""


class VersionMismatch(HpcschedError):
    """The two sides speak different versions of the protocol."""


class StoreError(HpcschedError):
    """The journal could not be read or written."""


class StoreFull(StoreError):
    """No room for the journal; nothing was accepted, free some space."""


class StoreCorrupt(StoreError):
    """The journal is damaged; the message says where and how to save what is whole."""


class StoreBusy(StoreError):
    """Another controller holds the state directory, or took it over."""


class RuntimeFailure(HpcschedError):
    """A container could not be started, observed or removed."""


class ContainerGone(RuntimeFailure):
    """The container no longer runs."""


class DeviceFailure(HpcschedError):
    """A device is gone, or its driver and libraries do not fit together; `mend` says what to do, a command where there is one."""

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(f"{what}; {mend}" if mend else what)
        self.what, self.mend = what, mend


class ImageError(HpcschedError):
    """The image is missing, malformed or could not be mounted."""


class TopologyError(HpcschedError):
    """hwloc's output could not be read."""


class BindingMismatch(HpcschedError):
    """The kernel shows another binding than the one that was asked for."""

    def __init__(self, what: str, asked: str, observed: str) -> None:
        super().__init__(f"BindingMismatch: {what} asked {asked or '(none)'}, the kernel shows {observed or '(none)'}")
        self.what, self.asked, self.observed = what, asked, observed


class ConfigError(HpcschedError):
    """The configuration file is wrong; the message names the key."""


class MissingTool(HpcschedError):
    """A program or package is not installed; the message says how to install it."""


class Unsupported(HpcschedError):
    """The kernel or the machine lacks a feature; the message names it."""


class WrongResult(HpcschedError):
    """A benchmark's check of its own result failed, or its answer could not be read; it has no speed."""


@contextmanager
def alone() -> Iterator[None]:
    """Raise the error of ours that ended a group of tasks, instead of the group; what else went wrong is its cause."""
    try:
        yield
    except BaseExceptionGroup as group:
        ours, rest = group.split(HpcschedError)
        if ours is None:
            raise
        raise _first(ours) from rest


def _first(group: BaseExceptionGroup[HpcschedError]) -> HpcschedError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
