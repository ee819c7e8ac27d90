"""A job has the time that it was given, by a clock that nobody sets, less what it stood still."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hpcsched.agent.book import Page, with_steady_times
from hpcsched.agent.freezer import Freezer
from hpcsched.agent.notes import Notes
from hpcsched.agent.reconcile import Stage
from hpcsched.agent.wishes import Wishes
from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec, ContainerStatus, DesiredContainer, Phase
from hpcsched.model.idset import IdSet
from tests.unit.test_keeper import surroundings

YEAR = 365.25 * 86400
LIMIT_S = 60
WALL, STEADY = 1_790_000_000.0, 5000.0


class Freezable:
    async def freeze(self, name: str, frozen: bool) -> None:
        pass


@dataclass
class Node:
    """The clocks around a job that has just begun there."""

    folder: Path
    wall: float = WALL
    steady: float = STEADY

    def __post_init__(self) -> None:
        around = dataclasses.replace(surroundings(self.folder), clock=lambda: self.wall, steady=lambda: self.steady)
        self.page = begun()
        self.wishes = Wishes(self.page.desired, False)
        self.notes = Notes(self.page, Freezable(), around)  # type: ignore[arg-type]
        self.freezer = Freezer(self.notes, self.wishes, Freezable(), around)  # type: ignore[arg-type]

    async def is_over(self) -> bool:
        """Its time."""
        never: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        until = asyncio.create_task(self.freezer.until(never, timed=True))
        for _ in range(10):
            await asyncio.sleep(0)
        over = until.done()
        until.cancel()
        return over

    async def stands_still(self, still: bool) -> None:
        self.wishes.adjust(dataclasses.replace(self.page.desired, suspend=still))
        await self.is_over()


def begun() -> Page:
    binding = Binding(IdSet.of([0]), IdSet.of([0]))
    spec = ContainerSpec("job7", "host", binding, "n1")
    desired = DesiredContainer(7, "lxc", spec, None, time_limit_s=LIMIT_S)
    status = ContainerStatus(7, Phase.RUNNING, start_time=WALL)
    return Page("job7", desired, Stage.SPAWNED, status, "boot", began=STEADY)


@pytest.mark.parametrize("jump", [-YEAR, -3600.0, 0.0, 3600.0, 10 * YEAR])
async def test_a_job_has_its_time_whatever_the_wall_clock_says(tmp_path: Path, jump: float) -> None:
    node = Node(tmp_path)
    node.wall += jump
    node.steady += LIMIT_S - 1.0
    assert not await node.is_over()
    node.steady += 1.0
    assert await node.is_over()


@pytest.mark.parametrize("jump", [-YEAR, 10 * YEAR])
async def test_what_a_job_stood_still_is_not_counted_whatever_the_wall_clock_says(tmp_path: Path, jump: float) -> None:
    node = Node(tmp_path)
    node.steady += 10.0
    await node.stands_still(True)
    node.steady += 1000.0
    node.wall += jump
    assert node.freezer.suspended
    await node.stands_still(False)
    node.steady += LIMIT_S - 11.0
    assert not await node.is_over()
    node.steady += 1.0
    assert await node.is_over()


def test_a_page_without_steady_times_has_them_worked_out() -> None:
    old = dataclasses.replace(begun(), began=0.0, frozen_since=WALL + 20.0)
    page = with_steady_times(old, WALL + 50.0, STEADY + 50.0)
    assert (page.began, page.frozen_since) == (STEADY, STEADY + 20.0)
    assert with_steady_times(page, WALL + 9e9, STEADY + 60.0) == page


def test_a_page_of_a_container_that_has_not_begun_has_no_steady_times() -> None:
    page = dataclasses.replace(begun(), began=0.0, status=ContainerStatus(7, Phase.STARTING))
    assert with_steady_times(page, WALL, STEADY) == page
