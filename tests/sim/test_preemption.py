"""Urgent jobs, frozen ones, reservations, lost nodes: in any order, at any time, agents late by as much as they like."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hpcsched.errors import HpcschedError
from hpcsched.model.container import ContainerStatus, EndCause, Phase
from hpcsched.model.job import JobSpec, JobState
from hpcsched.model.reservation import Repeat, ReservationRequest
from hpcsched.model.site import PreemptMode, Qos, Site
from hpcsched.plugins import load, names
from hpcsched.state import changing, decide, reservations
from hpcsched.state.events import NodeDisconnected, NodeLost, NodeRegistered
from hpcsched.state.state import State
from hpcsched.testing.world import World, exited, offer, running

SITE = Site(
    qos=(
        Qos("cancel", 0.1, preempt_mode=PreemptMode.CANCEL, grace_s=5),
        Qos("requeue", 0.2, preempt_mode=PreemptMode.REQUEUE),
        Qos("suspend", 0.3, preempt_mode=PreemptMode.SUSPEND, grace_s=9),
        Qos("urgent", 0.8, preempt=("cancel", "requeue", "suspend"), preempt_mode=PreemptMode.SUSPEND),
        Qos("top", 1.0, preempt=("urgent", "suspend")),
    )
)
NODES = ("n1", "n2", "n3")
ON = st.sampled_from(NODES)


@dataclass
class Machine:
    """A node that does what is desired, when it gets to it."""

    name: str
    boots: int = 1
    connected: bool = True
    containers: dict[int, ContainerStatus] = field(default_factory=dict)

    def follow(self, state: State) -> None:
        desired = {item.job_id: item for item in state.desired(self.name)}
        for job_id in set(self.containers) - set(desired):
            del self.containers[job_id]
        for job_id, wanted in sorted(desired.items(), key=lambda pair: not pair[1].suspend):
            status = self.containers.setdefault(job_id, running(job_id, state.last_time))
            if status.phase is not Phase.RUNNING:
                continue
            if wanted.cancel or wanted.release:
                self.end(job_id, EndCause.CANCELLED if wanted.cancel else EndCause.STOPPED)
            else:
                self.containers[job_id] = replace(status, suspended=wanted.suspend)

    def end(self, job_id: int, cause: EndCause = EndCause.EXIT) -> None:
        self.containers[job_id] = exited(job_id, cause, end_time=self.containers[job_id].start_time + 1)

    def busy(self) -> list[int]:
        """Jobs whose processes run."""
        return [job_id for job_id, status in self.containers.items() if status.phase is Phase.RUNNING and not status.suspended]


class Days(RuleBasedStateMachine):
    @initialize(policy=st.sampled_from(names("policies")))
    def begin(self, policy: str) -> None:
        self.world = World(())
        self.world.state = State(SITE)
        self.world._policy = load("policies", policy)()
        self.nodes = {name: Machine(name) for name in NODES}
        self.submitted: set[int] = set()
        self.numbers = itertools.count()
        for name in NODES:
            self.world.register(name)

    @rule(
        first=st.sampled_from(["cancel", "requeue", "suspend", "suspend"]),
        then=st.sampled_from(["urgent", "urgent", "top", "suspend"]),
        nodes=st.sampled_from([(1, 1), (1, 2), (2, 1), (3, 1), (1, 3)]),
        limit=st.sampled_from([0, 100, 1000]),
        requeue=st.booleans(),
    )
    def crowd(self, first: str, then: str, nodes: tuple[int, int], limit: int, requeue: bool) -> None:
        """All nodes are taken, then someone comes who may have them."""
        low = JobSpec(("x",), qos=first, nodes=nodes[0], time_limit_s=limit, requeue=requeue)
        self._submit(*[low] * 3)
        self.turn()
        self._submit(JobSpec(("x",), qos=then, nodes=nodes[1], time_limit_s=limit))
        self.plan()

    @rule(
        qos=st.sampled_from([item.name for item in SITE.qos]),
        nodes=st.sampled_from([1, 1, 2, 3]),
        limit=st.sampled_from([0, 10, 1000]),
        inside=st.sampled_from(["", "r0", "r1"]),
    )
    def submit(self, qos: str, nodes: int, limit: int, inside: str) -> None:
        self._submit(JobSpec(("x",), qos=qos, nodes=nodes, time_limit_s=limit, reservation=inside))

    def _submit(self, *specs: JobSpec) -> None:
        self._try(lambda: self.submitted.update(self.world.submit(*specs)))

    @rule()
    def plan(self) -> None:
        self.world.plan()

    @rule(name=ON, works=st.booleans(), reports=st.booleans())
    def step(self, name: str, works: bool, reports: bool) -> None:
        node = self.nodes[name]
        if works:
            node.follow(self.world.state)
        if reports and node.connected:
            self.world.say(name, *node.containers.values())

    @rule()
    def turn(self) -> None:
        """What mostly happens."""
        self.plan()
        for name in NODES:
            self.step(name, True, True)

    @rule(name=ON, cause=st.sampled_from([EndCause.EXIT, EndCause.TIMEOUT, EndCause.LAUNCH_FAILED]))
    def end(self, name: str, cause: EndCause) -> None:
        for job_id in self.nodes[name].busy():
            self.nodes[name].end(job_id, cause)

    @precondition(lambda self: self.world.state.jobs)
    @rule(data=st.data(), deed=st.sampled_from(["cancel", "hold", "release", "requeue", "suspend", "resume"]))
    def someone(self, data: st.DataObject, deed: str) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.world.state.jobs)))
        does = getattr(decide if deed in ("cancel", "hold", "release") else changing, deed)
        arguments = ("why",) if deed == "requeue" and does.__code__.co_argcount > 3 else ()
        self._try(lambda: self.world.do(*does(self.world.state, job_id, *arguments, self.world.tick())))

    @rule(
        start=st.sampled_from([0, 0, 30, 300]),
        lasts=st.sampled_from([20, 400]),
        on=st.sets(ON, min_size=1),
        ignore=st.booleans(),
        maintenance=st.booleans(),
        repeat=st.sampled_from([Repeat.NEVER, Repeat.NEVER, Repeat.HOURLY]),
    )
    def reserve(self, start: int, lasts: int, on: set[str], ignore: bool, maintenance: bool, repeat: Repeat) -> None:
        now = self.world.tick()
        wanted = ReservationRequest(
            f"r{next(self.numbers) % 3}",
            lasts,
            now + start if start else 0.0,
            tuple(sorted(on)),
            maintenance=maintenance,
            repeat=repeat,
            ignore_jobs=ignore,
        )
        self._try(lambda: self.world.do(*reservations.make(self.world.state, wanted, now)))

    @precondition(lambda self: self.world.state.reservations)
    @rule(data=st.data())
    def unreserve(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.world.state.reservations)))
        self.world.do(*reservations.delete(self.world.state, name, self.world.tick()))

    @rule(seconds=st.sampled_from([5.0, 50.0, 500.0, 4000.0]))
    def wait(self, seconds: float) -> None:
        self.world.time += seconds

    @rule(name=ON, what=st.sampled_from(["disconnect", "disconnect", "lose", "reboot", "drain", "undrain"]))
    def trouble(self, name: str, what: str) -> None:
        if what in ("drain", "undrain"):
            return self.drain(name, "fan" if what == "drain" else "")
        return getattr(self, what)(name)  # type: ignore[no-any-return]

    def disconnect(self, name: str) -> None:
        node = self.nodes[name]
        node.connected = not node.connected
        event = NodeRegistered(self.world.tick(), offer(name, f"boot-{node.boots}"))
        self.world.do(event if node.connected else NodeDisconnected(self.world.tick(), name))

    def lose(self, name: str) -> None:
        if not self.nodes[name].connected:
            self.world.do(NodeLost(self.world.tick(), name, "gone"))

    def reboot(self, name: str) -> None:
        node = self.nodes[name]
        node.boots, node.connected = node.boots + 1, True
        node.containers.clear()
        self.world.do(NodeDisconnected(self.world.tick(), name))
        self.world.do(NodeRegistered(self.world.tick(), offer(name, f"boot-{node.boots}")))

    def drain(self, name: str, reason: str) -> None:
        now = self.world.tick()
        self.world.do(
            *(decide.drain(self.world.state, name, reason, now) if reason else decide.resume(self.world.state, name, now))
        )

    @rule()
    def restart(self) -> None:
        state = self.world.state
        again = State.load(state.dump(), SITE)
        assert (again.jobs, again.nodes, again.reservations) == (state.jobs, state.nodes, state.reservations)
        self.world.state = again

    @invariant()
    def nobody_runs_beside_another(self) -> None:
        for node in self.nodes.values() if hasattr(self, "nodes") else ():
            known = self.world.state.nodes[node.name]
            assert known.down or len(node.busy()) <= 1, f"{node.busy()} run on {node.name}"

    def teardown(self) -> None:
        """Everything is mended, everybody is patient: all jobs end, each once."""
        if not hasattr(self, "world"):
            return
        self._mend()
        for _ in range(400):
            if not self.world.state.jobs and not any(node.busy for node in self.world.state.nodes.values()):
                break
            for name, node in self.nodes.items():
                node.follow(self.world.state)
                for job_id in node.busy():
                    node.end(job_id)
                self.step(name, False, True)
            self.world.time += 10.0
            self.plan()
        assert set(self.world.records) == self.submitted
        assert not any(node.suspended or node.busy for node in self.world.state.nodes.values())

    def _mend(self) -> None:
        for name, node in self.nodes.items():
            if not node.connected:
                self.disconnect(name)
            self.drain(name, "")
        for name in list(self.world.state.reservations):
            self.world.do(*reservations.delete(self.world.state, name, self.world.tick()))
        for job in list(self.world.state.jobs.values()):
            self.world.do(*decide.release(self.world.state, job.id, self.world.tick()))
            if job.spec.reservation and job.state is JobState.PENDING:
                self.world.do(*decide.cancel(self.world.state, job.id, self.world.tick()))
            elif job.state is JobState.SUSPENDED:
                self._try(lambda job=job: self.world.do(*changing.resume(self.world.state, job.id, self.world.tick())))  # type: ignore[misc]

    def _try(self, deed) -> None:  # type: ignore[no-untyped-def]
        try:
            deed()
        except HpcschedError:
            pass


Days.TestCase.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
TestPreemption = Days.TestCase
