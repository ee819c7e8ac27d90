"""Our own accounting as a trace: what `hpcsched records --output json` prints."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from hpcsched.errors import InvalidValue
from hpcsched.sim.swf import MAX_SAMPLES, opened, read_swf
from hpcsched.sim.trace import MAX_JOBS, MAX_PROCESSORS, Trace, TraceJob, in_order

MAX_BYTES = 1 << 30


def read_trace(path: Path) -> Trace:
    """Of either form. Raises NotFound, InvalidValue."""
    with opened(path) as file:
        try:
            first = file.read(64).lstrip()[:1]
        except (EOFError, OSError) as error:
            raise InvalidValue(f"{path} is damaged: {error}") from None
    return read_accounting(path) if first == b"[" else read_swf(path)


def read_accounting(path: Path) -> Trace:
    """A node is a processor. Jobs that never started are left out. An array, of whose tasks accounting keeps no times, is
    one job on as many nodes as it ran on; so is a job that shared a node. Raises NotFound, InvalidValue.
    """
    with opened(path) as file:
        body = file.read(MAX_BYTES + 1)
    records = _records(path, body)
    jobs, skipped, samples = list[TraceJob](), Counter[str](), list[str]()
    for number, record in enumerate(records[:MAX_JOBS], 1):
        try:
            jobs.append(_job(record))
        except (KeyError, TypeError, ValueError) as error:
            why = str(error) if type(error) is ValueError else "not a record of an ended job"
            skipped[why] += 1
            samples += [f"record {number}, {why}"] if len(samples) < MAX_SAMPLES else []
    if not jobs:
        raise InvalidValue(f"{path} has no job that ran" + (f": {samples[0]}" if samples else ""))
    return Trace(
        path.name,
        in_order(jobs),
        skipped=tuple(skipped.most_common()),
        samples=tuple(samples),
        no_estimate=_unknown(records),
        own=True,
        whole=sum(map(_is_part_of_a_node, records)),
    )


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


def _job(record: dict[str, Any]) -> TraceJob:
    job = record["job"]
    spec, nodes = job["spec"], _nodes(job)
    submit, start, end = float(job["submit_time"]), float(job["start_time"]), float(job["end_time"])
    if not (start and all(map(math.isfinite, (submit, start, end)))):
        raise ValueError("it never started")
    if not (0 <= submit <= start <= end and 1 <= nodes <= MAX_PROCESSORS):
        raise ValueError("its times or nodes are impossible")
    asked = 0.0 if job.get("array") else float(spec["time_limit_s"])
    estimate = asked if asked > 0 else max(end - start, 1.0)
    account, partition, qos = (str(spec.get(key, "")) for key in ("account", "partition", "qos"))
    run, cut = min(end - start, estimate), end - start > estimate
    return TraceJob(int(job["id"]), submit, run, nodes, estimate, str(spec["user"]), account, partition, qos, cut)


def _nodes(job: dict[str, Any]) -> int:
    array = job.get("array")
    return len(array["nodes"]) or 1 if array else len(job["bindings"]) or int(job["spec"]["nodes"])


def _is_part_of_a_node(record: Any) -> bool:
    job = record.get("job") if isinstance(record, dict) else None
    return isinstance(job, dict) and bool(job.get("array") or job.get("worker"))


def _unknown(records: list[Any]) -> int:
    """Jobs without a time limit."""
    return sum(1 for record in records if isinstance(record, dict) and not _limit(record))


def _limit(record: dict[str, Any]) -> Any:
    job = record.get("job")
    return job.get("spec", {}).get("time_limit_s") if isinstance(job, dict) else 1
