"""Our own accounting as a trace: what `hpcsched records --output json` prints."""

from __future__ import annotations

import json
import math
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpcsched.errors import InvalidValue
from hpcsched.sim.swf import MAX_SAMPLES, opened, read_swf
from hpcsched.sim.trace import MAX_JOBS, MAX_PROCESSORS, Trace, TraceJob, in_order

MAX_BYTES = 1 << 30
MAX_PARTS = 1000
"""Of an array with more tasks, several one after the other are one."""


def read_trace(path: Path) -> Trace:
    """Of either form. Raises NotFound, InvalidValue."""
    with opened(path) as file:
        try:
            first = file.read(64).lstrip()[:1]
        except (EOFError, OSError, zlib.error) as error:
            raise InvalidValue(f"{path} is damaged: {error}") from None
    return read_accounting(path) if first == b"[" else read_swf(path)


def read_accounting(path: Path) -> Trace:
    """A node is a processor. Jobs that never started are left out. The tasks of an array are all alike, for accounting keeps no
    times of tasks; the jobs of one shared container are one job. Raises NotFound, InvalidValue.
    """
    with opened(path) as file:
        try:
            body = file.read(MAX_BYTES + 1)
        except (EOFError, OSError, zlib.error) as error:
            raise InvalidValue(f"{path} is damaged: {error}") from None
    reader = _Reader()
    for number, record in enumerate(_records(path, body)[:MAX_JOBS], 1):
        reader.take(number, record)
    if not (jobs := reader.jobs()):
        why = f"has no job that ran: {reader.samples[0]}" if reader.samples else "is empty: no job has ended yet"
        raise InvalidValue(f"{path} {why}")
    return Trace(
        path.name,
        in_order(jobs),
        skipped=tuple(reader.skipped.most_common()),
        samples=tuple(reader.samples),
        no_estimate=reader.no_estimate,
        own=True,
        shared=reader.shared,
        guessed=reader.guessed,
    )


class _Reader:
    def __init__(self) -> None:
        self._jobs: list[TraceJob] = []
        self._containers: dict[int, list[tuple[TraceJob, float]]] = {}
        self.skipped: Counter[str] = Counter()
        self.samples: list[str] = []
        self.no_estimate = self.shared = self.guessed = 0

    def take(self, number: int, record: Any) -> None:
        try:
            self._keep(record["job"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            why = str(error) if type(error) is ValueError else "not a record of an ended job"
            self.skipped[why] += 1
            self.samples += [f"record {number}, {why}"] if len(self.samples) < MAX_SAMPLES else []

    def _keep(self, record: dict[str, Any]) -> None:
        job = _job(record)
        worker = record.get("worker")
        if job.tasks and not record["array"].get("node_s"):
            self.guessed += 1
        self.no_estimate += float(record["spec"]["time_limit_s"]) <= 0
        if worker is None or job.tasks:
            self._jobs.append(job)
        else:
            self.shared += 1
            self._containers.setdefault(int(worker), []).append((job, float(record["start_time"])))

    def jobs(self) -> list[TraceJob]:
        return [*self._jobs, *map(_together, self._containers.values())]


def _together(parts: list[tuple[TraceJob, float]]) -> TraceJob:
    """From the first start to the last end, on one node; it may take as long as the longest of its limits allows."""
    first = min(parts, key=lambda part: part[1])
    run = max(start + job.run for job, start in parts) - first[1]
    estimate = max(start + job.estimate for job, start in parts) - first[1]
    return replace(first[0], run=run, estimate=max(estimate, run), processors=1, cut=False)


def _records(path: Path, body: bytes) -> list[Any]:
    if len(body) > MAX_BYTES:
        raise InvalidValue(f"{path} is larger than {MAX_BYTES >> 20} MiB: split it")
    try:
        records = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"{path} is no JSON: {error}; write it with `hpcsched records --output json`") from None
    if not isinstance(records, list):
        raise InvalidValue(f"{path} is no list of records: write it with `hpcsched records --output json`")
    return records


def _job(job: dict[str, Any]) -> TraceJob:
    """Raises KeyError, TypeError, ValueError on what is no record, or none that a machine can have had."""
    spec, nodes, array = job["spec"], _nodes(job), job.get("array")
    submit, start, end = float(job["submit_time"]), float(job["start_time"]), float(job["end_time"])
    if not (start and all(map(math.isfinite, (submit, start, end)))):
        raise ValueError("it never started")
    if not (0 <= submit <= start <= end and 1 <= nodes <= MAX_PROCESSORS):
        raise ValueError("its times or nodes are impossible")
    account, partition, qos = (str(spec.get(key, "")) for key in ("account", "partition", "qos"))
    asked, names = float(spec["time_limit_s"]), (str(spec["user"]), account, partition, qos)
    if array:
        return _array(job, _node_s(array, nodes * (end - start)), asked, names)
    estimate = asked if asked > 0 else max(end - start, 1.0)
    run, cut = min(end - start, estimate), end - start > estimate
    return TraceJob(int(job["id"]), submit, run, nodes, estimate, *names, cut)


def _array(job: dict[str, Any], node_s: float, asked: float, names: tuple[str, str, str, str]) -> TraceJob:
    """Its tasks that ended, or of many so many parts, each on a node of its own for its part of the array's time on nodes."""
    array = job["array"]
    tasks = max(1, min(int(array["done"]) + int(array["failed"]), MAX_PARTS))
    run = node_s / tasks
    throttled = "%" in str(job["spec"]["array"])
    given = TraceJob(int(job["id"]), float(job["submit_time"]), run, 1, max(asked, run, 1.0), *names)
    return replace(given, tasks=tasks, width=_nodes(job), throttled=throttled)


def _node_s(array: dict[str, Any], most: float) -> float:
    known = float(array.get("node_s") or most)
    if not (math.isfinite(known) and known >= 0):
        raise ValueError("its times or nodes are impossible")
    return known


def _nodes(job: dict[str, Any]) -> int:
    array = job.get("array")
    return len(array["nodes"]) or 1 if array else len(job["bindings"]) or int(job["spec"]["nodes"])
