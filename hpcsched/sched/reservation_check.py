"""Bounds on what a reservation may ask for. Raises InvalidValue with the value in the message."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from hpcsched.errors import InvalidValue
from hpcsched.model.reservation import ReservationRequest
from hpcsched.model.units import MAX_SECONDS, format_duration
from hpcsched.sched.bounds import short
from hpcsched.sched.constraint import parse
from hpcsched.sched.reserved import PERIODS, moment

MAX_RESERVATIONS = 1000
MAX_NAMES = 10_000
MAX_COMMENT = 200
LATE_S = 60.0
"""A start that is past by less was "now" when it was asked for."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


def check_request(wanted: ReservationRequest, now: float) -> None:
    if not _NAME.fullmatch(wanted.name):
        raise InvalidValue(f"bad reservation name {short(wanted.name)}: up to 64 of letters, digits and _.-")
    _check_time(wanted, now)
    _check_nodes(wanted)
    for what, names in (("users", wanted.users), ("accounts", wanted.accounts)):
        _check_list(what, names)
    if wanted.maintenance and (wanted.users or wanted.accounts):
        raise InvalidValue("a reservation for maintenance is for no job: leave its users and accounts out")
    if len(wanted.comment) > MAX_COMMENT or not (wanted.comment + "x").isprintable():
        raise InvalidValue(f"the comment must be one line of at most {MAX_COMMENT} characters")


def _check_time(wanted: ReservationRequest, now: float) -> None:
    if not 1 <= wanted.duration_s <= MAX_SECONDS:
        raise InvalidValue(f"a reservation takes 1 s to 10 years, not {wanted.duration_s} s: it must end after it starts")
    period = PERIODS[wanted.repeat]
    if wanted.duration_s > period:
        longest = format_duration(period)
        raise InvalidValue(
            f"it takes {format_duration(wanted.duration_s)} and repeats {wanted.repeat}: at most --duration {longest}"
        )
    if not math.isfinite(wanted.start) or wanted.start > now + MAX_SECONDS:
        raise InvalidValue("it starts later than in ten years")
    if wanted.start and wanted.start < now - LATE_S:
        raise InvalidValue(f"it would start in the past, at {moment(max(wanted.start, 0.0))}: give --start now or a later time")


def _check_nodes(wanted: ReservationRequest) -> None:
    _check_list("nodes", wanted.nodes)
    if bool(wanted.nodes) == bool(wanted.count):
        raise InvalidValue("name the nodes (--nodes) or say how many (--count), one of the two")
    if wanted.nodes and (wanted.partition or wanted.constraint):
        raise InvalidValue("a partition and a constraint choose nodes: give them with --count, not with --nodes")
    if wanted.constraint:
        parse(wanted.constraint)


def _check_list(what: str, names: Sequence[str]) -> None:
    if len(names) > MAX_NAMES:
        raise InvalidValue(f"{len(names)} {what}, at most {MAX_NAMES}")
    for name in names:
        if not 0 < len(name) <= 64 or not name.isprintable() or name.strip() != name:
            raise InvalidValue(f"bad name {short(name)} among its {what}")
