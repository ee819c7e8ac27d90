"""What one call or the policy does wrong does not end the controller's loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from hpcsched.controller.ledger import Ledger
from hpcsched.controller.loop import Loop
from hpcsched.model.snapshot import Plan, Snapshot
from hpcsched.state import decide
from hpcsched.state.events import Event
from hpcsched.state.state import State
from hpcsched.stores.sqlite import SqliteJournal
from hpcsched.testing.world import TRUE


class FailingPolicy:
    def plan(self, snapshot: Snapshot) -> Plan:
        raise KeyError("n1")


@contextlib.asynccontextmanager
async def running(folder: Path, clock: Callable[[], float] = lambda: 1000.0) -> AsyncIterator[Loop]:
    ledger = Ledger(SqliteJournal(folder / "journal"), 1000)
    loop = Loop(ledger, FailingPolicy(), clock, lambda name: None, lambda job_id: None)
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


async def test_a_clock_that_is_set_back_is_told_once_and_time_stands_still(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    times = [1000.0]
    async with running(tmp_path, lambda: times[-1]) as loop:
        times.append(400.0)
        for _ in range(3):
            loop.wake()
            await loop.do(lambda state, now: ())
        assert loop.now() == 1000.0
    assert [record.getMessage() for record in caplog.records if "600 s behind" in record.getMessage()] != []
    assert len([record for record in caplog.records if "behind the journal" in record.getMessage()]) == 1
