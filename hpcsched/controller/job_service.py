"""JobService: jobs, their output and their steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from typing import Any

from hpcsched.controller import channels
from hpcsched.controller.answers import answering, brief, first_message, limit, request_id
from hpcsched.controller.array_output import ArrayOutput, position_of
from hpcsched.controller.desk import Desk
from hpcsched.controller.explain import Explainer
from hpcsched.controller.metrics import Metrics
from hpcsched.errors import Conflict, InvalidValue
from hpcsched.model.change import JobChange
from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.state import changing, decide
from hpcsched.state.events import Event
from hpcsched.state.state import State
from hpcsched.v1 import job_service_pb2 as pb
from hpcsched.v1 import job_service_pb2_grpc
from hpcsched.wire.convert import from_message, to_message

MAX_BATCH = 10_000
MAX_ARGUMENTS = 10_000


class JobService(job_service_pb2_grpc.JobServiceServicer):  # type: ignore[misc]
    """See proto/hpcsched/v1/job_service.proto for what each call promises."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._explainer = Explainer(desk)
        self._metrics = Metrics(desk.config.canary.folder)

    @answering
    async def SubmitJob(self, request: Any, context: Any) -> Any:
        ids = await self._submit(request.request_id, [request.spec])
        return pb.SubmitJobResponse(job_id=ids[0])

    @answering
    async def SubmitJobs(self, request: Any, context: Any) -> Any:
        return pb.SubmitJobsResponse(job_ids=await self._submit(request.request_id, request.specs))

    async def _submit(self, request: str, messages: Sequence[Any]) -> Sequence[int]:
        key = request_id(request)
        if not 1 <= len(messages) <= MAX_BATCH:
            raise InvalidValue(f"a batch holds 1 to {MAX_BATCH} jobs, not {len(messages)}")
        known = await self._desk.known_request(key)
        if known:
            return known
        specs = await self._specs(messages)
        return await self._desk.submit(key, specs)

    async def _specs(self, messages: Iterable[Any]) -> list[JobSpec]:
        """Raises InvalidValue."""
        specs = [from_message(JobSpec, message) for message in messages]
        await self._metrics.require(specs, self._desk.loop.state.nodes.values())
        return specs

    @answering
    async def GetJob(self, request: Any, context: Any) -> Any:
        return pb.GetJobResponse(job=to_message(await self._desk.job(request.job_id)))

    @answering
    async def ListJobs(self, request: Any, context: Any) -> Any:
        jobs = await self._desk.jobs(request.include_ended, limit(request.limit), request.include_workers)
        return pb.ListJobsResponse(jobs=[brief(to_message(job)) for job in jobs])

    @answering
    async def ExplainJob(self, request: Any, context: Any) -> Any:
        if request.WhichOneof("about") == "spec":
            told = await self._explainer.spec((await self._specs([request.spec]))[0])
        else:
            told = await self._explainer.job(request.job_id)
        return pb.ExplainJobResponse(explanation=to_message(told))

    @answering
    async def WaitJob(self, request: Any, context: Any) -> Any:
        waited = self._desk.granted if request.granted else self._desk.ended
        return pb.WaitJobResponse(job=to_message(await waited(request.job_id)))

    @answering
    async def CancelJob(self, request: Any, context: Any) -> Any:
        """Doing it again does no harm. To cancel an ended job changes nothing: the answer is the job as it ended."""
        request_id(request.request_id)
        await self._desk.loop.do(partial(_cancel, request.job_id, request.tasks))
        return pb.CancelJobResponse(job=to_message(await self._desk.job(request.job_id)))

    @answering
    async def HoldJob(self, request: Any, context: Any) -> Any:
        return pb.HoldJobResponse(job=await self._change(request, decide.hold))

    @answering
    async def ReleaseJob(self, request: Any, context: Any) -> Any:
        return pb.ReleaseJobResponse(job=await self._change(request, decide.release))

    @answering
    async def RequeueJob(self, request: Any, context: Any) -> Any:
        return pb.RequeueJobResponse(job=await self._change(request, changing.requeue))

    @answering
    async def SuspendJob(self, request: Any, context: Any) -> Any:
        return pb.SuspendJobResponse(job=await self._change(request, changing.suspend))

    @answering
    async def ResumeJob(self, request: Any, context: Any) -> Any:
        return pb.ResumeJobResponse(job=await self._change(request, changing.resume))

    @answering
    async def UpdateJob(self, request: Any, context: Any) -> Any:
        change = from_message(JobChange, request.change)
        if not change.given():
            raise InvalidValue("nothing to change: name at least one field")
        key = request_id(request.request_id)
        if not await self._desk.served(key):
            await self._require_alive(request.job_id)
            await self._desk.update(key, request.job_id, change)
        return pb.UpdateJobResponse(job=to_message(await self._desk.job(request.job_id)))

    async def _change(self, request: Any, decision: Callable[[State, int, float], Sequence[Event]]) -> Any:
        """Raises NotFound, Conflict."""
        key = request_id(request.request_id)
        if not await self._desk.served(key):
            await self._require_alive(request.job_id)
            await self._desk.once(key, lambda state, now: decision(state, request.job_id, now))
        return to_message(await self._desk.job(request.job_id))

    async def _require_alive(self, job_id: int) -> None:
        job = await self._desk.job(job_id)
        if job.state.ended:
            raise Conflict(f"job {job.id} is {job.state}: it can no longer be changed")

    @answering
    async def ReadOutput(self, request: Any, context: Any) -> AsyncIterator[Any]:
        job = await self._desk.job(request.job_id)
        position = position_of(job, request.task_id if request.HasField("task_id") else None)
        if request.follow and not job.state.ended and job.array is None:
            job = await self._desk.granted(request.job_id)
        if job.array is not None:
            source = ArrayOutput(self._desk, job, request.node, position, request.offset).read(request.follow)
        else:
            source = channels.output(self._desk, job, request.node, request.offset, request.follow)
        async for data in source:
            yield pb.ReadOutputResponse(data=data)
        job = await (self._desk.ended if request.follow and position is None else self._desk.job)(request.job_id)
        yield pb.ReadOutputResponse(job=to_message(job) if job.state.ended else None)

    @answering
    async def ExecStep(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        start = _checked(await first_message(requests, "start"))
        node = _running_on(await self._desk.job(start.job_id), start.node)
        channel = await self._desk.agents.open(node, start)
        feeder = asyncio.create_task(channels.feed(channel, requests))
        try:
            async for message in channel.responses():
                yield message.exec
        finally:
            feeder.cancel()
            self._desk.agents.end(channel)


def _cancel(job_id: int, tasks: str, state: State, now: float) -> Sequence[Event]:
    if job_id not in state.jobs:
        return ()
    return decide.cancel_tasks(state, job_id, tasks, now) if tasks else decide.cancel(state, job_id, now)


def _checked(start: Any) -> Any:
    request_id(start.request_id)
    if not 1 <= len(start.argv) <= MAX_ARGUMENTS:
        raise InvalidValue(f"a step needs 1 to {MAX_ARGUMENTS} arguments, not {len(start.argv)}")
    return start


def _running_on(job: Job, node: str) -> str:
    """The node whose container takes the step. Raises Conflict, NotFound."""
    if job.state is not JobState.RUNNING or job.allocation is None:
        raise Conflict(f"job {job.id} is {job.state}, not RUNNING: a step needs its container")
    return channels.node_of(job, node)
