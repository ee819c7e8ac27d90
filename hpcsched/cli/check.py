"""What `hpcsched doctor` finds: one answer each, and the words for it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Status(enum.StrEnum):
    """FAIL: jobs cannot run here. WARN: they can, at a cost."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """`cost` and `mend` (a command) are empty when all is well."""

    name: str
    status: Status
    found: str
    cost: str = ""
    mend: str = ""


def ok(name: str, found: str) -> Check:
    return Check(name, Status.OK, found)


def warn(name: str, found: str, cost: str, mend: str) -> Check:
    return Check(name, Status.WARN, found, cost, mend)


def fail(name: str, found: str, cost: str, mend: str) -> Check:
    return Check(name, Status.FAIL, found, cost, mend)
