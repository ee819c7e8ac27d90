"""Bounds on what a job may ask of the queue. Raises InvalidValue with the value in the message."""

from __future__ import annotations

import math
import re

from hpcsched.errors import InvalidValue
from hpcsched.model.array import parse_array
from hpcsched.model.job import JobSpec
from hpcsched.sched import requirement
from hpcsched.sched.bounds import short, within
from hpcsched.sched.dependency import parse_dependency
from hpcsched.sched.nodelist import check_nodelist
from hpcsched.sched.speeds import check_metric

MAX_NODES = 100_000
MAX_NICE = (1 << 31) - 1
MAX_CONSTRAINT = 1000
MAX_TIME = 253_402_300_799.0
"""The last second of the year 9999."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)


def check_queueing(spec: JobSpec) -> None:
    within("nice", spec.nice, -MAX_NICE, MAX_NICE)
    _check_max_nodes(spec)
    _check_name("partition", spec.partition)
    _check_name("account", spec.account)
    _check_name("QOS", spec.qos)
    _check_name("reservation", spec.reservation)
    if len(spec.constraint) > MAX_CONSTRAINT:
        raise InvalidValue(f"a constraint of {len(spec.constraint)} characters, at most {MAX_CONSTRAINT}")
    _check_time("begin", spec.begin_time)
    _check_time("deadline", spec.deadline)
    if spec.dependency:
        parse_dependency(spec.dependency)
    if spec.array:
        _check_array(spec)
    check_nodelist(spec)
    requirement.check(spec.require)
    check_metric(spec.equal_speed)


def _check_name(what: str, name: str) -> None:
    if name and not _NAME.fullmatch(name):
        raise InvalidValue(f"bad {what} {short(name)}: up to 64 letters, digits and ._-")


def _check_max_nodes(spec: JobSpec) -> None:
    if not spec.max_nodes:
        return
    within("most nodes", spec.max_nodes, 1, MAX_NODES)
    if spec.max_nodes < spec.nodes:
        raise InvalidValue(f"bad number of nodes {spec.nodes}-{spec.max_nodes}: the most is below the least")


def _check_time(what: str, time: float) -> None:
    if not (math.isfinite(time) and 0 <= time <= MAX_TIME):
        raise InvalidValue(f"bad {what} time {time:g}: give Unix seconds before the year 10000, 0 for none")


def _check_array(spec: JobSpec) -> None:
    parse_array(spec.array)
    if spec.most_nodes != 1:
        raise InvalidValue(f"an array of jobs with {spec.most_nodes} nodes: a task of an array runs on one node (--nodes 1)")
    if spec.resources.ntasks_per_node:
        raise InvalidValue("a task of an array is one process: give its size as --cpus-per-node, not as --ntasks-per-node")
    if spec.keep:
        raise InvalidValue("the tasks of an array share a container: --keep is for other jobs")
