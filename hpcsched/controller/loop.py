"""Fold, plan, act: the one place where the controller's state changes.

Callers hand in intents. A turn takes all that wait, turns each into events, applies them, plans once, writes all of it in one
durable transaction, and only then answers the callers and acts on the commands. When the write fails nothing has happened:
the state is read again from the journal and the callers get the error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hpcsched.controller.clock import Clock
from hpcsched.controller.ledger import Ledger
from hpcsched.errors import HpcschedError, PlanRejected, QueueFull, Stopping, StoreBusy, StoreError
from hpcsched.model.container import DesiredContainer
from hpcsched.model.job import Reason
from hpcsched.model.snapshot import Plan, Snapshot, Wait
from hpcsched.sched.verify import verify
from hpcsched.state import canaries, commands, decide
from hpcsched.state.due import due
from hpcsched.state.events import ClockStepped, ControllerStarted, Event
from hpcsched.state.state import State
from hpcsched.state.timeline import Reading
from hpcsched.state.works import feed

log = logging.getLogger(__name__)
Intent = Callable[[State, float], Sequence[Event]]
"""Turns the state and the time into events, or raises HpcschedError; must not change the state."""

MAX_INBOX = 20_000
TURN_INTENTS = 1000
RETRY_S = 1.0
MIN_ALARM_S = 0.02
MAX_ALARM_S = 30.0
REPLAN_S = 60.0
"""While jobs wait a plan follows at least as often, as in Slurm (sched_interval): some policies order by time alone."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    intent: Intent
    done: asyncio.Future[None]


class Loop:
    """`on_sync(node)` and `on_job(job_id)` are called after the change that they tell of is durable.

    `watched()`: ids of the jobs that somebody waits for.
    """

    def __init__(
        self,
        ledger: Ledger,
        policy: Any,
        clocks: Callable[[], Reading],
        on_sync: Callable[[str], None],
        on_job: Callable[[int], None],
        watched: Callable[[], Sequence[int]] = tuple,
    ) -> None:
        self.state = State()
        self.plan = Plan()
        self.desired: dict[str, tuple[DesiredContainer, ...]] = {}
        """What each node shall run, by what is durable; the state itself may be ahead of the journal during a turn."""
        self._ledger, self.policy = ledger, policy
        self._clocks, self._clock = clocks, Clock(clocks, 0.0)
        self._on_sync, self._on_job, self._watched = on_sync, on_job, watched
        self._inbox: asyncio.Queue[_Waiting] = asyncio.Queue(MAX_INBOX)
        self._thread = ThreadPoolExecutor(1, "journal")
        self._replan = True
        self._turned = asyncio.Event()
        self._writing = False
        self._in_store = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._planned_at = 0.0
        self.paused = False
        """Start no more jobs."""
        self.stopped_by: HpcschedError | None = None

    async def open(self) -> None:
        """Take the lease and read the journal. Raises StoreBusy, StoreCorrupt, StoreError."""
        self.state = await self.in_store(self._ledger.open)
        self._clock = Clock(self._clocks, self.state.last_time)
        started = ControllerStarted(self.now())
        self.state.apply(started)
        await self.in_store(self._ledger.commit, [started], [])
        self._desire_all()

    def _tell_all(self) -> None:
        """What was written after all is news to everyone."""
        for name in self.state.nodes:
            self._on_sync(name)
        for job_id in self._watched():
            self._on_job(job_id)

    def _desire_all(self) -> None:
        self.desired = {name: self.state.desired(name) for name in self.state.nodes}

    async def close(self) -> None:
        """Write a snapshot where that is possible, and give the lease back."""
        await self.in_store(self._ledger.close, None if self.stopped_by else self.state)
        self._thread.shutdown()

    async def in_store(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run something on the journal's one thread."""
        self._in_store += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
        finally:
            self._in_store -= 1

    async def look_up(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """A read of one row: at once when the journal's thread has nothing to do, which saves a change of threads."""
        return await self.in_store(function, *arguments) if self._in_store else function(*arguments)

    async def do(self, intent: Intent) -> None:
        """Return once what the intent asked for is durable. Raises what the intent raised, QueueFull, StoreError."""
        if self.stopped_by:
            raise self.stopped_by
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            self._inbox.put_nowait(_Waiting(intent, done))
        except asyncio.QueueFull:
            raise QueueFull(f"the controller is busy: {MAX_INBOX} calls wait already; try again in a moment") from None
        await done

    async def insist(self, intent: Intent) -> None:
        """As `do`, but tries until the journal takes it."""
        while True:
            try:
                return await self.do(intent)
            except (StoreError, QueueFull) as error:
                if isinstance(error, StoreBusy):
                    raise
                log.warning("will try again: %s", error)
                await asyncio.sleep(RETRY_S)

    async def run(self) -> None:
        """Turn until `stop`. Raises StoreBusy when another controller took the journal over."""
        while not self.stopped_by:
            await self._turn(await self._gather())
            self._set_alarm()

    def _set_alarm(self) -> None:
        """Wake when time alone changes something; early when that is far away, for clocks are set."""
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        if not (self.paused or self.stopped_by):
            at = self._next_time()
            wait_s = MAX_ALARM_S if at is None else min(max(at - self.now(), MIN_ALARM_S), MAX_ALARM_S)
            self._alarm = asyncio.get_running_loop().call_later(wait_s, self._ring)

    def _ring(self) -> None:
        """Plan again if it is time or time has jumped, and else look at the clock again later."""
        now, at = self.now(), self._next_time()
        if self._clock.stepped_s or (at is not None and at - now <= MIN_ALARM_S):
            self.wake()
        else:
            self._set_alarm()

    def _next_time(self) -> float | None:
        """When time alone changes something, since the last plan: it may have come already, as alarms ring late."""
        at = self.state.next_time(self._planned_at)
        again = self._planned_at + REPLAN_S if self.state.queue else None
        return min((time for time in (at, again) if time is not None), default=None)

    def stop(self) -> None:
        """`run` ends after the turn that it is in; who still waits gets Stopping."""
        self.stopped_by = self.stopped_by or Stopping("the controller is stopping")
        while not self._inbox.empty():
            done = self._inbox.get_nowait().done
            if not done.done():
                done.set_exception(self.stopped_by)
        self._inbox.put_nowait(_idle())
        if self._alarm:
            self._alarm.cancel()

    async def _gather(self) -> list[_Waiting]:
        waiting = [] if self._replan else [await self._inbox.get()]
        while not self._inbox.empty() and len(waiting) < TURN_INTENTS:
            waiting.append(self._inbox.get_nowait())
        return waiting

    async def _turn(self, waiting: list[_Waiting]) -> None:
        events: list[Event] = []
        told: list[commands.Command] = []
        now, stepped_s = self.now(), self._clock.stepped_s
        if stepped_s:
            self._apply([ClockStepped(now, stepped_s)], events, told)
        accepted = [item for item in waiting if self._take(item, now, events, told)]
        self._plan(now, events, told)
        if not self.paused:
            self._apply(feed(self.state, now), events, told)
        if not events:
            return _answer(accepted)
        self._writing = True
        try:
            await self.in_store(self._ledger.commit, events, [item for item in told if isinstance(item, commands.RecordJob)])
            self._clock.noted(stepped_s)
            _answer(accepted)
            self._act(told)
        except StoreError as error:
            await self._undo(accepted, error)
        finally:
            self._writing = False
            self._turned.set()
            self._turned = asyncio.Event()
        if self._ledger.wants_snapshot:
            await self._snapshot()
        return None

    def _take(self, item: _Waiting, now: float, events: list[Event], told: list[commands.Command]) -> bool:
        if item.done.cancelled():
            return False
        try:
            new = item.intent(self.state, now)
        except HpcschedError as error:
            item.done.set_exception(error)
            return False
        except Exception as bug:
            log.exception("a bug of the controller met by one call; nothing has changed")
            item.done.set_exception(bug)
            return False
        self._apply(new, events, told)
        return True

    def _apply(self, new: Sequence[Event], events: list[Event], told: list[commands.Command]) -> None:
        for event in new:
            events.append(event)
            caused = self.state.apply(event)
            told.extend(caused)
            self._replan = self._replan or any(isinstance(item, commands.Replan) for item in caused)

    def _plan(self, now: float, events: list[Event], told: list[commands.Command]) -> None:
        if not self._replan or self.paused:
            self._replan = False
            return
        self._planned_at = now
        self._apply(due(self.state, now), events, told)
        snapshot: Snapshot = self.state.snapshot(now)
        self.plan = self._judged(snapshot)
        self._replan = False
        self._apply(decide.allocate(self.state, self.plan, now), events, told)
        self._apply(canaries.make_way(self.state, self.plan, now), events, told)

    def _judged(self, snapshot: Snapshot) -> Plan:
        """The policy's plan; a policy that fails, or whose plan the second judge refuses, starts nothing."""
        try:
            plan: Plan = self.policy.plan(snapshot)
            verify(plan, snapshot)
        except PlanRejected as error:
            log.error("the policy's plan is refused: %s", error)
            return _no_plan(f"the scheduling policy made a wrong plan: {error}")
        except Exception as bug:
            log.exception("a bug of the scheduling policy")
            return _no_plan(f"the scheduling policy failed with {type(bug).__name__}: see the controller's log")
        return plan

    def _act(self, told: Sequence[commands.Command]) -> None:
        for name in dict.fromkeys(item.name for item in told if isinstance(item, commands.SyncNode)):
            self.desired[name] = self.state.desired(name)
            self._on_sync(name)
        for job_id in dict.fromkeys(item.job_id for item in told if isinstance(item, commands.JobChanged)):
            self._on_job(job_id)

    async def _undo(self, waiting: list[_Waiting], error: StoreError) -> None:
        """Nothing was written: go back to what the journal says, and tell the callers."""
        log.error("%s", error)
        if isinstance(error, StoreBusy):
            self.stopped_by = error
        else:
            self.state = await self.in_store(self._ledger.reload)
            self._desire_all()
            self._tell_all()
        for item in waiting:
            if not item.done.done():
                item.done.set_exception(error)
        if isinstance(error, StoreBusy):
            raise error
        asyncio.get_running_loop().call_later(RETRY_S, self.wake)

    async def until(self, condition: Callable[[State], bool]) -> None:
        """Return when the state, looked at after every turn, fulfils the condition."""
        await self.settled()
        while not condition(self.state):
            await self._turned.wait()
            await self.settled()

    async def settled(self) -> None:
        """Return when the state is what the journal holds, so that nobody is told what a full disk may undo."""
        while self._writing:
            await self._turned.wait()

    def wake(self) -> None:
        """Plan again, although nothing came in."""
        self._replan = True
        if self._inbox.empty():
            self._inbox.put_nowait(_idle())

    async def _snapshot(self) -> None:
        try:
            await self.in_store(self._ledger.snapshot, self.state.dump())
        except StoreError as error:
            log.warning("no snapshot of the journal this time: %s", error)

    def now(self) -> float:
        """Unix seconds as the state counts them, never behind what the journal has seen."""
        return self._clock.now()


def _no_plan(why: str) -> Plan:
    return Plan(others=Wait(Reason.RESOURCES, why))


def _idle() -> _Waiting:
    return _Waiting(lambda state, now: (), asyncio.get_running_loop().create_future())


def _answer(waiting: Sequence[_Waiting]) -> None:
    for item in waiting:
        if not item.done.done():
            item.done.set_result(None)
