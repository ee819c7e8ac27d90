"""The output of a job on all of the nodes that run its command."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from hpcsched.cli.each import for_each
from hpcsched.cli.follow import Output, patiently
from hpcsched.cli.lines import Lines
from hpcsched.errors import HpcschedError, Unreachable
from hpcsched.model.job import Job, JobSpec

if TYPE_CHECKING:
    from hpcsched.client.client import Client

QUEUED_PARTS = 64
"""Pieces of output that wait to be written; those who read the outputs wait beyond that."""
Write = Callable[[bytes], object]


def runs_on_several(spec: JobSpec) -> bool:
    """Its command runs, as tasks, on more nodes than the first."""
    return spec.nodes > 1 and spec.resources.ntasks_per_node > 0


def output_nodes(job: Job) -> tuple[str, ...]:
    """The nodes that run its command, by rank; none while it waits for its nodes."""
    names = job.allocation.nodes if job.allocation else ()
    return names if runs_on_several(job.spec) else names[:1]


def print_outputs(client: Client, job: Job, nodes: tuple[str, ...], write: Write, label: bool) -> int:
    """What there is now, node by node; says what could not be had and returns 1 then. Raises Unreachable."""
    return for_each(nodes, lambda node: _print(client, job.id, node, Lines(write, node if label else "")))


def _print(client: Client, job_id: int, node: str, lines: Lines) -> None:
    for part in client.read_output(job_id, node=node):
        if isinstance(part, bytes):
            lines.take(part)
    lines.finish()


class Everywhere:
    """Follows the outputs of all nodes (or of `node`) at once, a thread for each; only the caller's writes.

    `failed`: the output of a node could not be had, which has been said. `read` may be called again after an interrupt.
    """

    def __init__(self, client: Client, job_id: int, write: Write, label: bool, node: str = "") -> None:
        self._client, self._job_id, self._write, self._label, self._node = client, job_id, write, label, node
        self._parts: queue.Queue[tuple[str, bytes | BaseException | None]] = queue.Queue(QUEUED_PARTS)
        self._lines: dict[str, Lines] = {}
        self._reading: set[str] = set()
        self.failed = False

    def read(self) -> Job:
        """The ended job. Raises Unreachable once the controller was away for long, through which it is patient."""
        job = patiently(partial(self._client.granted, self._job_id))
        for node in (self._node,) if self._node else output_nodes(job):
            self._begin(node)
        while self._reading:
            self._take(*self._parts.get())
        return patiently(partial(self._client.wait, self._job_id))

    def _begin(self, node: str) -> None:
        if node not in self._lines:
            self._lines[node] = Lines(self._write, node if self._label else "")
            self._reading.add(node)
            threading.Thread(target=self._follow, args=(node,), daemon=True).start()

    def _follow(self, node: str) -> None:
        """Hands on what comes, then None or the error that ended it."""
        output = Output(self._client, self._job_id, lambda data: self._parts.put((node, data)), node)
        try:
            patiently(output.read)
            self._parts.put((node, None))
        except BaseException as error:
            self._parts.put((node, error))

    def _take(self, node: str, part: bytes | BaseException | None) -> None:
        if isinstance(part, bytes):
            return self._lines[node].take(part)
        self._reading.discard(node)
        self._lines[node].finish()
        return self._complain(part) if part else None

    def _complain(self, error: BaseException) -> None:
        if isinstance(error, Unreachable) or not isinstance(error, HpcschedError):
            raise error
        self.failed = True
        click.echo(f"hpcsched: {error}", err=True)
