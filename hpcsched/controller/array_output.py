"""What the tasks of an array have written, from all nodes that it had workers on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from hpcsched.controller.channels import NAMED_NODES, RETRY_S, once
from hpcsched.controller.desk import Desk
from hpcsched.errors import Conflict, InvalidValue, NotFound
from hpcsched.model.array import parse_array
from hpcsched.model.job import Job
from hpcsched.v1 import job_service_pb2 as pb

_log = logging.getLogger(__name__)


def position_of(job: Job, task_id: int | None) -> int | None:
    """Raises InvalidValue for a task that there is not."""
    if task_id is None:
        return None
    if job.array is None:
        raise InvalidValue(f"job {job.id} is no array: it has no task {task_id}")
    return parse_array(job.spec.array).position(task_id)


class ArrayOutput:
    """Of one task, or of all: one node after the other. `offset`: so many bytes are left out at first."""

    def __init__(self, desk: Desk, job: Job, asked: str, position: int | None, offset: int) -> None:
        self._desk, self._job, self._asked, self._position = desk, job, asked, position
        self._skip = offset
        self._read: dict[str, int] = {}
        self._away: set[str] = set()

    async def read(self, follow: bool) -> AsyncIterator[bytes]:
        """What there is; with `follow` until the task, or the array, has ended. Raises Conflict when a node cannot be asked."""
        while True:
            last = not follow or self._over()
            for node in self._nodes():
                async for data in self._of(node):
                    yield data
            if last:
                break
            await asyncio.sleep(RETRY_S)
            self._job = await self._desk.job(self._job.id)
        if self._away:
            names = ", ".join(sorted(self._away)[:NAMED_NODES])
            raise Conflict(f"job {self._job.id} may have output on {names}, not connected to the controller now; try again later")

    def _over(self) -> bool:
        done = self._position is not None and self._job.array is not None and self._job.array.is_ok(self._position)
        return done or self._job.state.ended

    def _nodes(self) -> tuple[str, ...]:
        names = self._job.array.nodes if self._job.array else ()
        if self._asked and self._asked not in names:
            raise NotFound(f"job {self._job.id} had no worker on a node {self._asked[:70]!r}; hpcsched job {self._job.id}")
        return (self._asked,) if self._asked else names

    async def _of(self, node: str) -> AsyncIterator[bytes]:
        if node not in self._desk.agents.links:
            self._away.add(node)
            return
        self._away.discard(node)
        request = pb.ReadOutputRequest(job_id=self._job.id, offset=self._read.get(node, 0), position=self._position)
        try:
            async for data in once(self._desk.agents, node, request):
                self._read[node] = self._read.get(node, 0) + len(data)
                self._skip, left = max(0, self._skip - len(data)), data[self._skip :]
                if left:
                    yield left
        except Conflict as error:
            _log.debug("no output of job %d on node %s: %s", self._job.id, node, error)
