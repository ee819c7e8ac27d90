"""What one call or the policy does wrong does not end the controller's loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hpcsched.controller.ledger import Ledger
from hpcsched.controller.loop import REPLAN_S, Loop
from hpcsched.errors import StoreError, StoreFull
from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.idset import IdSet
from hpcsched.model.job import JobSpec
from hpcsched.model.reservation import Reservation
from hpcsched.model.snapshot import Plan, Snapshot
from hpcsched.state import decide
from hpcsched.state.events import AllocationGranted, Event, NodeRegistered, ReservationMade
from hpcsched.state.state import State
from hpcsched.state.timeline import CONFIRM_S, Reading
from hpcsched.stores.sqlite import SqliteJournal
from hpcsched.testing.world import TRUE, offer

NOON, YEAR = 1_790_000_000.0, 365.25 * 86400


@dataclass
class Clocks:
    wall: float = NOON
    steady: float = 5.0

    def read(self) -> Reading:
        return Reading(self.wall, self.steady)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


async def turned(loop: Loop) -> None:
    """It has planned."""
    loop.wake()
    await loop.do(lambda state, now: ())


@contextlib.contextmanager
def refusing(loop: Loop) -> Iterator[None]:
    """Its disk is full."""

    def full(*arguments: object) -> None:
        raise StoreFull("no space")

    ledger: Any = loop._ledger
    ledger.commit = full
    yield
    del ledger.commit


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("the clock")]


class FailingPolicy:
    def plan(self, snapshot: Snapshot) -> Plan:
        raise KeyError("n1")


class PolicyAt:
    """`asked` once it has planned for that time or later."""

    def __init__(self, time: float) -> None:
        self._time, self.asked = time, asyncio.Event()

    def plan(self, snapshot: Snapshot) -> Plan:
        if snapshot.now >= self._time:
            self.asked.set()
        return Plan()


@contextlib.asynccontextmanager
async def running(
    folder: Path, clocks: Callable[[], Reading] = lambda: Reading(NOON, 0.0), policy: Any = None
) -> AsyncIterator[Loop]:
    ledger = Ledger(SqliteJournal(folder / "journal"), 1000)
    loop = Loop(ledger, policy or FailingPolicy(), clocks, lambda name: None, lambda job_id: None)
    await loop.open()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(loop.run())
        yield loop
        loop.stop()
    await loop.close()


def wrong(state: State, now: float) -> Sequence[Event]:
    raise ZeroDivisionError


async def test_jobs_wait_and_say_why_while_the_policy_fails(tmp_path: Path) -> None:
    async with running(tmp_path) as loop:
        await loop.do(lambda state, now: [decide.submit(state, "r", [TRUE], now, 10)])
        await loop.do(lambda state, now: ())
        assert "policy failed with KeyError" in loop.plan.wait(1).message  # type: ignore[union-attr]


async def test_a_bug_met_by_one_call_is_that_calls_alone(tmp_path: Path) -> None:
    async with running(tmp_path) as loop:
        with pytest.raises(ZeroDivisionError):
            await loop.do(wrong)
        await loop.do(lambda state, now: [decide.submit(state, "r", [TRUE], now, 10)])
        assert list(loop.state.jobs) == [1]


async def test_the_start_of_a_reservation_is_planned_for_also_where_the_alarm_rings_late(tmp_path: Path) -> None:
    clocks, policy = Clocks(), PolicyAt(NOON + 0.05)
    talk = Reservation("talk", NOON + 0.05, NOON + 3600.0, ("n1",))
    async with running(tmp_path, clocks.read, policy) as loop:
        await loop.do(lambda state, now: [NodeRegistered(now, offer("n1")), ReservationMade(now, talk)])
        clocks.pass_by(1.0)
        await loop.do(lambda state, now: ())
        async with asyncio.timeout(20):
            await policy.asked.wait()


async def test_a_job_that_waits_is_looked_at_again_within_a_minute_although_nothing_happens(tmp_path: Path) -> None:
    clocks, policy = Clocks(), PolicyAt(NOON + REPLAN_S)
    async with running(tmp_path, clocks.read, policy) as loop:
        await loop.do(lambda state, now: [decide.submit(state, "r", [TRUE], now, 10)])
        clocks.pass_by(REPLAN_S)
        await loop.do(lambda state, now: ())
        async with asyncio.timeout(20):
            await policy.asked.wait()


async def test_a_clock_that_is_set_back_is_told_once_and_time_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clocks = Clocks()
    async with running(tmp_path, clocks.read) as loop:
        clocks.wall -= 600.0
        for _ in range(3):
            clocks.pass_by(20.0)
            await turned(loop)
        assert loop.now() == NOON + 30.0
    assert told(caplog) == [
        "the clock is 590 s behind the journal: time goes on from there, at half speed until it has caught up"
    ]


async def test_a_controller_that_starts_with_an_earlier_clock_goes_on_from_the_journal_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clocks = Clocks()
    async with running(tmp_path, clocks.read) as loop:
        later = JobSpec(command=("true",), begin_time=NOON + 60.0)
        await loop.do(lambda state, now: [decide.submit(state, "r", [later], now, 10)])
    clocks.wall -= 3600.0
    async with running(tmp_path, clocks.read) as loop:
        assert loop.now() == NOON
        clocks.pass_by(60.0)
        await turned(loop)
        assert loop.state.blocked(1, loop.now()) is not None
        clocks.pass_by(60.0)
        await turned(loop)
        assert loop.state.blocked(1, loop.now()) is None
        clocks.pass_by(7200.0)
        assert loop.now() == clocks.wall
    assert len(told(caplog)) == 1
    assert "3600 s behind" in told(caplog)[0]


async def test_a_jump_of_ten_years_is_told_and_drops_nothing_until_it_has_stood(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clocks = Clocks()
    urgent = JobSpec(command=("true",), time_limit_s=60, deadline=NOON + 7200.0)
    async with running(tmp_path, clocks.read) as loop:
        await loop.do(lambda state, now: [decide.submit(state, "r", [urgent], now, 10)])
        clocks.wall += 10 * YEAR
        await turned(loop)
        clocks.pass_by(CONFIRM_S - 1.0)
        await turned(loop)
        assert (list(loop.state.jobs), loop.now()) == ([1], NOON + CONFIRM_S - 1.0)
        clocks.pass_by(1.0)
        await turned(loop)
        assert (list(loop.state.jobs), loop.now()) == ([], clocks.wall)
    assert [line[:28] for line in told(caplog)] == ["the clock jumped 315576000 s", "the clock was set 315576000 "]


async def test_a_step_of_the_clock_is_in_the_journal_once(tmp_path: Path) -> None:
    clocks = Clocks()
    async with running(tmp_path, clocks.read) as loop:
        await loop.do(lambda state, now: [NodeRegistered(now, offer())])
        await loop.do(lambda state, now: [decide.submit(state, "r", [TRUE], now, 10)])
        await loop.do(lambda state, now: [AllocationGranted(now, 1, _whole("n1"))])
        clocks.wall += 900.0
        for _ in range(3):
            await turned(loop)
        assert loop.state.jobs[1].granted_time == NOON + 900.0
    async with running(tmp_path, clocks.read) as loop:
        await turned(loop)
        assert loop.state.jobs[1].granted_time == NOON + 900.0


async def test_a_step_that_a_full_disk_kept_from_the_journal_is_noted_later(tmp_path: Path) -> None:
    clocks = Clocks()
    async with running(tmp_path, clocks.read) as loop:
        await loop.do(lambda state, now: [NodeRegistered(now, offer())])
        await loop.do(lambda state, now: [decide.submit(state, "r", [TRUE], now, 10)])
        await loop.do(lambda state, now: [AllocationGranted(now, 1, _whole("n1"))])
        clocks.wall += 900.0
        with refusing(loop):
            with pytest.raises(StoreError):
                await loop.do(lambda state, now: [NodeRegistered(now, offer("n2"))])
            assert loop.state.jobs[1].granted_time == NOON
        await loop.do(lambda state, now: [NodeRegistered(now, offer("n2"))])
        assert loop.state.jobs[1].granted_time == NOON + 900.0


def _whole(name: str) -> Allocation:
    cpus = offer(name).cpus
    return Allocation((NodeBinding(name, Binding(cpus, IdSet.of([0]))),))
