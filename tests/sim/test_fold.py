"""A whole cluster on a virtual clock: random users, agents, failures and restarts drive the state that the controller uses.

The agents keep to the protocol: a level for each container, reported in full, at any later time, after any number of restarts.
"""

import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from hpcsched.errors import Conflict, Infeasible, InvalidValue
from hpcsched.model.canary import Median
from hpcsched.model.change import JobChange
from hpcsched.model.container import ContainerStatus, DesiredContainer, EndCause, Phase
from hpcsched.model.job import JobSpec, JobState, Reason, ResourceRequest
from hpcsched.state import changing, codec, decide, speeds
from hpcsched.state.events import ClockStepped, ControllerStarted, NodeDisconnected, NodeRegistered
from hpcsched.state.requests import once
from hpcsched.state.state import State
from hpcsched.testing.world import World, exited, offer, running

ENDS = (*[EndCause.EXIT] * 6, EndCause.SIGNAL, EndCause.TIMEOUT, EndCause.OUT_OF_MEMORY, EndCause.LAUNCH_FAILED)
TIMEOUT_S = 30.0
KINDS = ("after", "after", "afterok", "afternotok", "afterany", "afterany", "aftercorr")


@dataclass
class Node:
    """One machine. `spawned`: containers whose command was started; `runs`: every start of a command, by job and its restarts."""

    name: str
    boots: int = 1
    connected: bool = True
    containers: dict[int, ContainerStatus] = field(default_factory=dict)
    spawned: set[int] = field(default_factory=set)
    runs: list[tuple[int, int]] = field(default_factory=list)

    def follow(self, state: State, chance: random.Random) -> None:
        """One look at the desired set, with some of the steps towards it."""
        desired = {item.job_id: item for item in state.desired(self.name)}
        for job_id, wanted in desired.items():
            if job_id not in self.containers:
                self.containers[job_id] = running(job_id, state.last_time)
            if self.containers[job_id].phase is Phase.RUNNING:
                self._spawn(job_id, wanted, state.jobs[job_id].restarts)
                self._live(job_id, wanted, chance)
        for job_id in set(self.containers) - set(desired):
            if chance.random() < 0.7:
                del self.containers[job_id]
                self.spawned.discard(job_id)

    def _spawn(self, job_id: int, wanted: DesiredContainer, restarts: int) -> None:
        if wanted.command is not None and job_id not in self.spawned:
            self.spawned.add(job_id)
            self.runs.append((job_id, restarts))

    def _live(self, job_id: int, wanted: DesiredContainer, chance: random.Random) -> None:
        """Nothing that is frozen ends by itself."""
        if wanted.cancel or wanted.release:
            self._end(job_id, EndCause.CANCELLED if wanted.cancel else EndCause.STOPPED)
        elif wanted.suspend:
            self.containers[job_id] = replace(self.containers[job_id], suspended=True)
        elif job_id in self.spawned and chance.random() < 0.4:
            self._end(job_id, chance.choice(ENDS), chance.choice((0, 0, 1)))
        elif chance.random() < 0.03:
            self._end(job_id, EndCause.LAUNCH_FAILED)

    def _end(self, job_id: int, cause: EndCause, code: int = 0) -> None:
        self.containers[job_id] = exited(job_id, cause, code, end_time=self.containers[job_id].start_time + 1)


class Cluster:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.nodes = {name: Node(name) for name in ("n1", "n2", "n3", "n4")}
        self.world = World(list(self.nodes))
        self.submitted: set[int] = set()
        self.since: dict[str, float] = {}

    def step(self) -> None:
        deeds = (self.submit, self.plan, self.plan, self.agents, self.agents, self.cancel, self.hold, self.release, self.drain)
        deeds += (self.suspend, self.go_on, self.requeue, self.update)
        rare = (self.disconnect, self.reboot, self.restart_controller, self.expire, self.resume, self.jump, self.step_clock)
        rare += (self.measure,)
        self.chance.choice(deeds if self.chance.random() < 0.85 else rare)()

    def submit(self) -> None:
        spec = JobSpec(
            ("x",),
            nodes=self.chance.choice((1, 1, 1, 2, 4)),
            priority=self.chance.choice((0, 0, 1)),
            hold=self.chance.random() < 0.1,
            dependency=self.dependency() if self.chance.random() < 0.3 else "",
            begin_time=self.world.time + self.chance.choice((-5.0, 5.0, 50.0)) if self.chance.random() < 0.2 else 0.0,
            deadline=self.world.time + self.chance.choice((20.0, 100.0)) if self.chance.random() < 0.1 else 0.0,
            time_limit_s=self.chance.choice((0, 10, 30)),
            requeue=self.chance.random() < 0.4,
            name=self.chance.choice(("", "a", "b")),
            equal_speed=self.chance.choice(("", "stream.triad")),
            nice=self.chance.choice((0, 0, 5)),
            resources=ResourceRequest(
                cores_per_node=self.chance.choice((0, 1, 4, 5)), ntasks_per_node=self.chance.choice((0, 0, 1))
            ),
        )
        try:
            self.submitted.update(self.world.submit(*[spec] * self.chance.randint(1, 3)))
        except Infeasible:
            assert spec.resources.cores_per_node == 5 or spec.dependency or spec.deadline

    def dependency(self) -> str:
        """On jobs that wait, run or have ended."""
        known = sorted(self.submitted)
        needs = [f"{self.chance.choice(KINDS)}:{self.chance.choice(known)}" for _ in range(self.chance.randint(1, 3)) if known]
        return self.chance.choice(",?").join(needs) or "singleton"

    def plan(self) -> None:
        self.world.plan()

    def agents(self) -> None:
        for node in self.nodes.values():
            if self.chance.random() < 0.7:
                node.follow(self.world.state, self.chance)
            if node.connected and self.chance.random() < 0.7:
                self.world.say(node.name, *node.containers.values())

    def cancel(self) -> None:
        self._on_some_job(decide.cancel, lambda job: True)

    def hold(self) -> None:
        self._on_some_job(decide.hold, lambda job: job.state is JobState.PENDING)

    def release(self) -> None:
        self._on_some_job(decide.release, lambda job: job.held)

    def _on_some_job(self, decision, fits) -> None:  # type: ignore[no-untyped-def]
        jobs = [job.id for job in self.world.state.jobs.values() if fits(job)]
        if jobs:
            state, job_id, now = self.world.state, self.chance.choice(jobs), self.world.tick()
            request = f"request-{self.chance.randint(1, 1_000_000)}"
            self.world.do(*once(state, request, now, lambda: decision(state, job_id, now)))

    def suspend(self) -> None:
        self._on_some_job(changing.suspend, lambda job: job.state is JobState.RUNNING and not job.cancel_requested)

    def go_on(self) -> None:
        self._on_some_job(changing.resume, lambda job: job.state is JobState.SUSPENDED and not job.cancel_requested)

    def requeue(self) -> None:
        if self.chance.random() < 0.3:
            self._on_some_job(changing.requeue, lambda job: job.state is not JobState.PENDING and not job.cancel_requested)

    def update(self) -> None:
        later = self.world.time + 20.0
        changes = (
            JobChange(time_limit_s=5),
            JobChange(priority=2),
            JobChange(begin_time=later),
            JobChange(dependency=self.dependency()),
            JobChange(nodes=2, nice=-3),
            JobChange(deadline=later),
        )
        change = self.chance.choice(changes)
        jobs = [job.id for job in self.world.state.jobs.values() if not job.cancel_requested]
        if jobs:
            with contextlib.suppress(Infeasible, Conflict, InvalidValue):
                state, job_id = self.world.state, self.chance.choice(jobs)
                self.world.do(*changing.update(state, job_id, change, self.world.tick(), self.world.ended))

    def jump(self) -> None:
        """The clock is set."""
        self.world.time += self.chance.choice((-100.0, -3.0, 60.0))

    def step_clock(self) -> None:
        """It was behind, and is set right."""
        by_s = self.chance.choice((60.0, 86400.0))
        self.world.time += by_s
        self.since = {name: since + by_s for name, since in self.since.items()}
        self.world.do(ClockStepped(self.world.tick(), by_s))

    def measure(self) -> None:
        """Canaries find how fast a node is, or do not know it any more."""
        found = [Median("stream.triad", self.chance.choice((15.0, 20.0, 20.1)), "GB/s")] * self.chance.choice((0, 1, 1))
        self.world.do(*speeds.measured(self.world.state, self._some_node().name, found, self.world.tick()))

    def drain(self) -> None:
        if self.chance.random() < 0.1:
            self.world.do(*decide.drain(self.world.state, self._some_node().name, "fan", self.world.tick()))

    def resume(self) -> None:
        self.world.do(*decide.resume(self.world.state, self._some_node().name, self.world.tick()))

    def _some_node(self) -> Node:
        return self.chance.choice(list(self.nodes.values()))

    def disconnect(self) -> None:
        node = self._some_node()
        node.connected = not node.connected
        now = self.world.tick()
        if node.connected:
            self.world.do(NodeRegistered(now, offer(node.name, f"boot-{node.boots}")))
        else:
            self.since[node.name] = now
            self.world.do(NodeDisconnected(now, node.name))

    def reboot(self) -> None:
        """All containers are gone at once, and the agent comes back."""
        node = self._some_node()
        node.boots += 1
        node.containers.clear()
        node.spawned.clear()
        node.connected = True
        now = self.world.tick()
        self.world.do(NodeDisconnected(now, node.name), NodeRegistered(now, offer(node.name, f"boot-{node.boots}")))

    def expire(self) -> None:
        self.world.time += self.chance.choice((0.0, 0.0, TIMEOUT_S))
        self.world.do(*decide.expire(self.world.state, self.since, self.world.tick(), TIMEOUT_S))

    def restart_controller(self) -> None:
        """From the journal: a dump of some earlier state, and the events after it."""
        log, cut = self.world.log, self.chance.randint(0, len(self.world.log))
        early = State()
        for event in log[:cut]:
            early.apply(event)
        again = State.load(early.dump())
        for event in log[cut:]:
            again.apply(codec.decode(*codec.encode(event)))
        same_state(again, self.world.state)
        self.world.state = again
        self.world.do(ControllerStarted(self.world.tick()))
        for node in self.nodes.values():
            if node.connected:
                self.world.do(NodeRegistered(self.world.tick(), offer(node.name, f"boot-{node.boots}")))

    def settle(self) -> None:
        """Everything is mended and everybody is patient: all jobs come to an end."""
        for node in self.nodes.values():
            if not node.connected:
                node.connected = True
                self.world.do(NodeRegistered(self.world.tick(), offer(node.name, f"boot-{node.boots}")))
            self.world.do(*decide.resume(self.world.state, node.name, self.world.tick()))
        for job_id in list(self.world.state.jobs):
            self.world.do(*decide.release(self.world.state, job_id, self.world.tick()))
        self.world.time = max(self.world.time, self.world.state.last_time) + 200.0
        for _ in range(3000):
            if not self.world.state.jobs:
                return
            self.agents()
            self.plan()
            self.go_on()
            self.give_up()
        pytest.fail(f"these jobs never end: {self.world.state.jobs}")

    def give_up(self) -> None:
        """What can never be satisfied is cancelled."""
        state = self.world.state
        for job in list(state.jobs.values()):
            wait = state.blocked(job.id, self.world.time)
            if wait and wait.reason is Reason.DEPENDENCY_NEVER:
                self.world.do(*decide.cancel(state, job.id, self.world.tick()))


def same_state(one: State, other: State) -> None:
    assert (one.jobs, one.nodes, one.next_job_id, one.last_time) == (other.jobs, other.nodes, other.next_job_id, other.last_time)
    for later in (one.last_time + 2000.0, one.last_time + 1000.0):
        seen = one.snapshot(later), other.snapshot(later)
    assert seen[0] == seen[1]
    assert (one.dependencies.needs, one.live, one.leaving) == (other.dependencies.needs, other.live, other.leaving)
    assert list(one.served) == list(other.served)
    one.check()


@pytest.mark.parametrize("seed", range(60))
def test_no_job_is_lost_none_ends_twice_and_no_command_runs_twice(seed: int) -> None:
    cluster = Cluster(seed)
    for _ in range(250):
        cluster.step()
    cluster.settle()
    assert set(cluster.world.records) == cluster.submitted
    runs = Counter(run for node in cluster.nodes.values() for run in node.runs)
    for job_id, record in cluster.world.records.items():
        tasks = record.job.spec.resources.ntasks_per_node
        restarts = record.job.restarts
        assert all(runs[job_id, turn] <= (record.job.spec.nodes if tasks else 1) for turn in range(restarts + 1))
    assert all(len(node.runs) == len(set(node.runs)) for node in cluster.nodes.values())


@pytest.mark.parametrize("seed", range(60, 80))
def test_every_job_that_completed_did_run_and_was_billed(seed: int) -> None:
    cluster = Cluster(seed)
    for _ in range(150):
        cluster.step()
    cluster.settle()
    ran = Counter(run for node in cluster.nodes.values() for run in node.runs)
    for job_id, record in cluster.world.records.items():
        assert record.waited_s >= 0
        assert record.ran_s >= 0
        if record.job.state is JobState.COMPLETED:
            runners = record.job.parts if record.job.spec.resources.ntasks_per_node else record.job.parts[:1]
            assert ran[job_id, record.job.restarts] == len(runners)
            assert all(part and (part.cause, part.exit_code) == (EndCause.EXIT, 0) for part in runners)
            assert record.usage.cpu_s > 0


def test_the_simulation_reaches_every_end() -> None:
    """So that the tests above are about something."""
    ends: set[JobState] = set()
    for seed in range(80, 100):
        cluster = Cluster(seed)
        for _ in range(150):
            cluster.step()
        cluster.settle()
        ends |= {record.job.state for record in cluster.world.records.values()}
    assert ends == {state for state in JobState if state.ended} - {JobState.PREEMPTED}


def test_a_job_that_asks_for_one_of_two_shapes_of_node_is_not_lost() -> None:
    world = World(["n1"])
    world.do(NodeRegistered(world.tick(), offer("n2", cores=8)))
    spec = JobSpec(("x",), resources=ResourceRequest(cores_per_node=8))
    job_id = world.start(spec)
    assert world.state.jobs[job_id].allocation is not None
    assert world.state.jobs[job_id].allocation.nodes == ("n2",)
    world.say("n2", exited(job_id, end_time=world.time))
    assert world.records[job_id].job == replace(world.records[job_id].job, state=JobState.COMPLETED)
