"""One canary on one node: a job that nobody submitted, and what it printed."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from typing import Any

from hpcsched.bench.about import Size
from hpcsched.bench.drift import Reading
from hpcsched.bench.prepared import Prepared
from hpcsched.bench.submit import GRACE_S, OUTPUT_CAP
from hpcsched.bench.suite import Entry
from hpcsched.controller import channels
from hpcsched.controller.desk import Desk
from hpcsched.errors import Conflict, WrongResult
from hpcsched.model.job import Job, JobSpec
from hpcsched.state import canaries, decide
from hpcsched.state.events import Event
from hpcsched.state.state import State
from hpcsched.v1 import job_service_pb2 as pb

SLACK_S = 60.0
"""What starting and ending may take beside the time limit."""


class DrivenOff(Exception):
    """It had to make way, or could not begin now."""


def canary_spec(entry: Entry, command: Sequence[str], image: str, runtime: str) -> JobSpec:
    return JobSpec(
        command=tuple(command),
        name=f"canary-{entry.about.name}",
        image=image,
        runtime=runtime,
        time_limit_s=entry.about.time_limit_s(Size.QUICK),
        grace_s=0,
        output_cap=OUTPUT_CAP,
        workdir="/",
        env=(("PYTHONDONTWRITEBYTECODE", "1"),),
        canary=True,
    )


async def run(desk: Desk, node: str, spec: JobSpec) -> dict[str, Any]:
    """The JSON object that it printed last. Raises DrivenOff, WrongResult, HpcschedError."""
    number = await _begin(desk, node, spec)
    try:
        async with asyncio.timeout(spec.time_limit_s + GRACE_S + SLACK_S):
            job = await _ended(desk, node, number)
    except TimeoutError:
        await desk.loop.do(lambda state, now: decide.cancel(state, number, now) if number in state.jobs else ())
        raise WrongResult(f"canary {number} did not end within its time limit") from None
    if job.cancel_requested:
        raise DrivenOff
    return _answer(number, await _output(desk, node, number))


async def _begin(desk: Desk, node: str, spec: JobSpec) -> int:
    begun: list[int] = []
    request = f"canary-{uuid.uuid4()}"

    def intent(state: State, now: float) -> Sequence[Event]:
        begun.clear()
        found = canaries.begin(state, node, spec, request, desk.loop.plan, now) if not desk.loop.paused else []
        begun.extend([state.next_job_id] if found else [])
        return found

    await desk.loop.do(intent)
    if not begun:
        raise DrivenOff
    return begun[0]


async def _ended(desk: Desk, name: str, number: int) -> Job:
    """As it was last seen, once nothing of it is left on its node."""
    last: list[Job] = []

    def is_gone(state: State) -> bool:
        job, node = state.jobs.get(number), state.nodes.get(name)
        last[:] = [job] if job else last
        return job is None and (node is None or number not in node.cleaning)

    await desk.loop.until(is_gone)
    if not last:
        raise DrivenOff
    return last[0]


async def _output(desk: Desk, node: str, number: int) -> bytes:
    pieces = [piece async for piece in channels.once(desk.agents, node, pb.ReadOutputRequest(job_id=number))]
    return b"".join(pieces)


def _answer(number: int, output: bytes) -> dict[str, Any]:
    for line in reversed(output.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    last = output.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
    raise WrongResult(f"canary {number} printed no result: {last[0][:200]}")


def readings(entry: Entry, prepared: Prepared, body: dict[str, Any]) -> list[Reading]:
    """Of the metrics that the node can measure. Raises WrongResult."""
    metrics = entry.about.metrics if prepared.metrics is None else prepared.metrics
    try:
        values = [float(body["metrics"][metric.name]["value"]) for metric in metrics]
    except (KeyError, TypeError, ValueError) as error:
        raise WrongResult(f"{entry.about.name} printed an incomplete result: {error!r}") from None
    if body.get("verified") is not True or not all(0 < value < float("inf") for value in values):
        raise WrongResult(f"{entry.about.name} printed a result that is not verified, or no positive number")
    name = entry.about.name
    return [
        Reading(f"{name}.{metric.name}", value, metric.unit, metric.higher_is_better)
        for metric, value in zip(metrics, values, strict=True)
    ]


def is_away(error: Exception) -> bool:
    """The node's agent went away, which is no fault of the benchmark."""
    return isinstance(error, Conflict)
