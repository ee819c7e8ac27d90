"""A worker's container and its tasks, through the whole agent; what the controller would want is given by hand."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from hpcsched.agent.agent import Agent, agent
from hpcsched.config import AgentConfig
from hpcsched.model.allocation import Binding, TaskBinding
from hpcsched.model.container import (
    ContainerSpec,
    ContainerStatus,
    DesiredContainer,
    EndCause,
    Phase,
    StepSpec,
    TaskEnd,
    Work,
    WorkStatus,
)
from hpcsched.model.idset import IdSet
from hpcsched.model.ranges import count, normal, without
from tests.containers import DEADLINE_S, TOO_MUCH, eventually
from tests.supervisor import compiled_for

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore::ResourceWarning")]
CPUS = sorted(os.sched_getaffinity(0))[:2]
SLOTS = tuple(TaskBinding(IdSet.of([cpu]), IdSet.of([0])) for cpu in CPUS)
WORKER = 900


def sh(script: str, size: int = 4, **fields: object) -> Work:
    """An array, job 7, whose task ids go up by two from 10."""
    command = StepSpec(0, ("/bin/sh", "-c", script), output_cap=1 << 20)
    work = Work(7, ((0, size),), SLOTS, command, array=f"10-{10 + 2 * (size - 1)}:2", grace_s=0.2)
    return replace(work, **fields)  # type: ignore[arg-type]


def worker(*works: Work, runtime: str = "lxc", **fields: object) -> DesiredContainer:
    container = ContainerSpec("", "host", Binding(IdSet.of(CPUS), IdSet.of([0]), 256 << 20), "inside")
    return DesiredContainer(WORKER, runtime, container, None, works=works, is_worker=True, **fields)  # type: ignore[arg-type]


class Unlinked:
    """Instead of the link to a controller."""

    up: ClassVar[dict[Agent, asyncio.Event]] = {}

    def __init__(self, agent: Agent) -> None:
        self._up = self.up.setdefault(agent, asyncio.Event())

    async def run(self) -> None:
        self._up.set()
        await asyncio.Event().wait()

    @classmethod
    async def dialled(cls, agent: Agent) -> None:
        """It has looked at what is there and would take orders."""
        await cls.up.setdefault(agent, asyncio.Event()).wait()


@pytest.fixture(autouse=True)
def unlinked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpcsched.agent.agent.Link", Unlinked)


class Controller:
    """What a controller does to one agent."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def want(self, *containers: DesiredContainer) -> None:
        self.agent.want(1, containers)

    @property
    def container(self) -> ContainerStatus | None:
        return next(iter(self.agent.statuses()), None)

    def work(self, job_id: int = 7) -> WorkStatus:
        works = self.container.works if self.container else ()
        return next((work for work in works if work.job_id == job_id), WorkStatus(job_id))

    def ends(self, job_id: int = 7) -> dict[int, TaskEnd]:
        return {end.position: end for end in self.work(job_id).ended}

    async def ended(self, tasks: int, job_id: int = 7) -> WorkStatus:
        def all_ended() -> bool:
            return count(self.work(job_id).done) + len(self.ends(job_id)) >= tasks

        await eventually(all_ended, f"{tasks} tasks have ended, of {self.work(job_id)}")
        return self.work(job_id)

    async def output(self, job_id: int = 7, position: int | None = None) -> list[str]:
        parts = [chunk async for chunk in self.agent.outputs.read(job_id, 0, None, position)]
        return b"".join(parts).decode().splitlines()

    async def gone(self) -> None:
        self.want()
        await eventually(lambda: not self.agent.statuses(), "nothing is left of it")


@contextlib.asynccontextmanager
async def controlled(folder: Path, leave: bool = False, keep: int = 1000) -> AsyncIterator[Controller]:
    """An agent that finds no controller; `leave`: its containers go on when it ends. `keep`: outputs of so many jobs."""
    config = AgentConfig(
        controller=f"unix://{folder}/no.sock",
        name="n1",
        state_dir=str(folder / "agent"),
        image_dir=str(folder),
        mount_allow=(str(folder),),
        output_keep=keep,
    )
    compiled_for(folder / "agent")
    async with agent(config) as running:
        task = asyncio.create_task(running.run())
        await Unlinked.dialled(running)
        controller = Controller(running)
        try:
            yield controller
            if not leave:
                await controller.gone()
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.mark.parametrize("runtime", ["lxc", "baremetal"])
async def test_tasks_run_in_their_slots_with_their_ids_and_each_has_its_own_output(tmp_path: Path, runtime: str) -> None:
    names = "$HPCSCHED_ARRAY_TASK_ID of $HPCSCHED_ARRAY_JOB_ID $HPCSCHED_JOB_ID"
    script = f"echo {names} on $(taskset -pc $$ | sed 's/.*: //') $HPCSCHED_CPUS"
    async with controlled(tmp_path) as controller:
        controller.want(worker(sh(script), runtime=runtime))
        status = await controller.ended(4)
        assert (status.done, status.ended, status.started) == (((0, 4),), (), 4)
        lines = [(await controller.output(position=position))[0].split() for position in range(4)]
        assert [line[:4] for line in lines] == [[str(10 + 2 * position), "of", "7", "7"] for position in range(4)]
        assert all(line[5] == line[6] and line[5] in map(str, CPUS) for line in lines)
        assert len(await controller.output()) == 4


async def test_each_way_to_end_is_told_and_a_noted_end_is_forgotten(tmp_path: Path) -> None:
    script = "case $HPCSCHED_ARRAY_TASK_ID in 10) exit 3;; 12) kill -SEGV $$;; 14) sleep 100;; esac"
    async with controlled(tmp_path) as controller:
        controller.want(worker(sh(script, time_limit_s=1)))
        await controller.ended(4)
        ends = controller.ends()
        assert (ends[0].cause, ends[0].exit_code) == (EndCause.EXIT, 3)
        assert (ends[1].cause, ends[1].signal) == (EndCause.SIGNAL, 11)
        assert ends[2].cause is EndCause.TIMEOUT
        assert controller.work().done == ((3, 4),)
        controller.want(worker(sh(script, ranges=((1, 2), (4, 6)), array="10-20:2")))
        await eventually(
            lambda: controller.work().done == ((4, 6),) and list(controller.ends()) == [1], "the others are forgotten"
        )
        assert controller.work().started == 6


async def test_a_command_that_is_not_there_ends_each_task_and_says_so(tmp_path: Path) -> None:
    async with controlled(tmp_path) as controller:
        controller.want(worker(sh("", command=StepSpec(0, ("/nowhere/solve",)))))
        await controller.ended(4)
        end = controller.ends()[0]
        assert (end.cause, end.exit_code) == (EndCause.LAUNCH_FAILED, 127)
        assert "'/nowhere/solve' not found" in end.message


async def test_cancel_ends_what_runs_and_what_has_not_begun(tmp_path: Path) -> None:
    async with controlled(tmp_path) as controller:
        controller.want(worker(sh("sleep 1000", size=5000)))
        await eventually(lambda: controller.work().started == 2, "both slots are in use")
        controller.want(worker(sh("sleep 1000", size=5000, cancel=True)))
        await controller.ended(1000)
        assert {end.cause for end in controller.work().ended} == {EndCause.CANCELLED}
        await eventually(lambda: {0, 1} <= set(controller.ends()), "those that ran have ended")
        rest = sh("sleep 1000", size=5000, cancel=True, ranges=((1000, 5000),))
        controller.want(worker(rest))
        await eventually(lambda: 1000 in controller.ends(), "then the next ones are told")
        assert controller.work().started == 2


async def test_a_task_that_the_kernel_took_for_memory_is_told_apart(tmp_path: Path) -> None:
    async with controlled(tmp_path) as controller:
        controller.want(worker(sh("", size=1, command=StepSpec(0, ("python3", "-c", TOO_MUCH)))))
        await controller.ended(1)
        assert controller.ends()[0].cause is EndCause.OUT_OF_MEMORY


async def test_a_small_job_has_its_own_output_and_end(tmp_path: Path) -> None:
    small = Work(8, ((0, 1),), SLOTS[:1], StepSpec(0, ("/bin/sh", "-c", "echo hello; exit 5")))
    async with controlled(tmp_path) as controller:
        controller.want(worker(small))
        await controller.ended(1, job_id=8)
        assert controller.ends(8)[0].exit_code == 5
        assert await controller.output(8) == ["hello"]
        assert controller.agent.keeper_of(8) is controller.agent.keepers[WORKER]


async def test_whoever_follows_a_small_job_is_told_when_its_container_is_lost(tmp_path: Path) -> None:
    small = Work(8, ((0, 1),), SLOTS[:1], StepSpec(0, ("sleep", "1000")))
    async with controlled(tmp_path) as controller:
        controller.want(worker(small))
        await eventually(lambda: controller.work(8).started == 1, "it runs")
        assert controller.container
        assert controller.container.observed
        end = controller.agent.outputs.end_of(8)
        assert end
        assert not end.is_set()
        os.kill(controller.container.observed.pid, signal.SIGKILL)
        await asyncio.wait_for(end.wait(), DEADLINE_S)
        await eventually(lambda: controller.container and controller.container.cause is EndCause.LOST, "it is lost")


async def test_tasks_with_files_of_their_own_find_their_output_there(tmp_path: Path) -> None:
    async with controlled(tmp_path) as controller:
        controller.want(worker(sh("echo I am $HPCSCHED_ARRAY_TASK_ID", stdout=f"{tmp_path}/out-%A-%a")))
        await controller.ended(4)
        assert [(tmp_path / f"out-7-{number}").read_text() for number in (10, 16)] == ["I am 10\n", "I am 16\n"]


async def test_a_released_worker_that_has_nothing_left_ends_well(tmp_path: Path) -> None:
    async with controlled(tmp_path) as controller:
        controller.want(worker(sh("true")))
        await controller.ended(4)
        controller.want(worker(release=True))
        await eventually(lambda: controller.container and controller.container.phase is Phase.EXITED, "it has ended")
        assert controller.container
        assert (controller.container.cause, controller.container.exit_code) == (EndCause.EXIT, 0)


async def test_a_worker_that_ends_leaves_nothing_that_nobody_asks_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with controlled(tmp_path) as controller:
        controller.want(worker(sh("true")))
        await controller.ended(4)
        await controller.gone()
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_an_agent_that_comes_back_runs_nothing_twice_and_loses_nothing(tmp_path: Path) -> None:
    """The agent ends without any notice to its containers, as with kill -9, again and again."""
    size = 400
    wish = sh("echo $HPCSCHED_ARRAY_TASK_ID; sleep 0.00$((HPCSCHED_ARRAY_TASK_ID % 9))", size=size)
    noted: tuple[tuple[int, int], ...] = ()
    deadline = time.monotonic() + DEADLINE_S
    while count(noted) < size:
        assert time.monotonic() < deadline, noted
        async with controlled(tmp_path, leave=True) as controller:
            left = without(((0, size),), noted)
            controller.want(worker(replace(wish, ranges=left), started=bool(noted)))
            await controller.ended(min(60, size - count(noted)))
            noted = normal((*noted, *controller.work().done))
    async with controlled(tmp_path) as controller:
        lines = await controller.output()
        controller.want(worker(started=True))
    assert sorted(map(int, lines)) == [10 + 2 * position for position in range(size)]


async def test_a_suspended_worker_stands_still_through_a_restart_of_the_agent(tmp_path: Path) -> None:
    wish = sh("while :; do date +%s%N; sleep 0.01; done", size=2, time_limit_s=3)
    async with controlled(tmp_path, leave=True) as controller:
        controller.want(worker(wish))
        await eventually(lambda: controller.work().started == 2, "they run")
        controller.want(worker(wish, suspend=True))
        await eventually(lambda: controller.container and controller.container.suspended, "they are frozen")
        before = len(await controller.output())
    async with controlled(tmp_path) as controller:
        controller.want(worker(wish, suspend=True, started=True))
        assert controller.container
        assert controller.container.suspended
        assert len(await controller.output()) == before
        controller.want(worker(wish, started=True))
        await eventually(lambda: controller.container and not controller.container.suspended, "they go on")
        await controller.ended(2)
        assert {end.cause for end in controller.ends().values()} == {EndCause.TIMEOUT}
        assert len(await controller.output()) > before


async def test_output_of_a_running_array_outlives_a_restart_of_an_agent_that_keeps_little(tmp_path: Path) -> None:
    """Newer jobs have files beyond `output_keep`, and a restarted agent knows no works yet."""
    async with controlled(tmp_path, leave=True) as controller:
        controller.want(worker(sh("echo here; sleep 1000", size=2)))
        await eventually(lambda: controller.work().started == 2, "they run")
        for number in range(1000, 1005):
            (tmp_path / f"agent/output/job{number}.out").write_text("newer")
    async with controlled(tmp_path, keep=3) as controller:
        controller.want(worker(sh("echo here; sleep 1000", size=2), started=True))
        assert not (tmp_path / "agent/output/job1000.out").exists()
        assert await controller.output() == ["here", "here"]


async def test_a_requeued_small_job_runs_again_and_appends_though_it_was_wanted_all_the_time(tmp_path: Path) -> None:
    small = Work(8, ((0, 1),), SLOTS[:1], StepSpec(0, ("/bin/sh", "-c", "echo begun; exit 5")))
    async with controlled(tmp_path, leave=True) as controller:
        controller.want(worker(small))
        await controller.ended(1, job_id=8)
        controller.want(worker(replace(small, restarts=1)))
        await eventually(lambda: controller.work(8).restarts == 1 and controller.ends(8), "it has run again")
        assert await controller.output(8) == ["begun", "begun"]
    async with controlled(tmp_path) as controller:
        controller.want(worker(replace(small, restarts=2), started=True))
        await eventually(lambda: controller.work(8).restarts == 2 and controller.ends(8), "it has run a third time")
        assert await controller.output(8) == ["begun", "begun", "begun"]


@pytest.mark.parametrize("runtime", ["lxc", "baremetal"])
async def test_each_task_is_told_of_its_own_slot(tmp_path: Path, runtime: str) -> None:
    """By what a program asks: cpus, threads and places."""
    script = "echo $HPCSCHED_CPUS $OMP_NUM_THREADS $OMP_PLACES ${HPCSCHED_GPUS-unset}none; sleep 0.2"
    slots = (TaskBinding(IdSet.of(CPUS[:1]), IdSet.of([0])), TaskBinding(IdSet.of(CPUS[1:]), IdSet.of([0])))
    if len(CPUS) < 2:
        slots = slots[:1]
    async with controlled(tmp_path) as controller:
        controller.want(worker(sh(script, slots=slots), runtime=runtime))
        await controller.ended(4)
        lines = {line.strip() for line in await controller.output()}
    assert lines == {f"{cpu} 1 {{{cpu}}} none" for cpu in CPUS}


async def test_a_users_own_thread_count_wins(tmp_path: Path) -> None:
    env = (("OMP_NUM_THREADS", "7"), ("HPCSCHED_CPUS", "x"))
    command = StepSpec(0, ("/bin/sh", "-c", "echo $OMP_NUM_THREADS $HPCSCHED_CPUS"), env)
    async with controlled(tmp_path) as controller:
        controller.want(worker(sh("", size=1, command=command)))
        await controller.ended(1)
        assert await controller.output() == [f"7 {CPUS[0]}"]
