"""A whole cluster on a virtual clock: random users, agents, failures and restarts drive the state that the controller uses.

The agents keep to the protocol: a level for each container, reported in full, at any later time, after any number of restarts.
"""

import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from hpcsched.errors import Infeasible
from hpcsched.model.container import ContainerStatus, EndCause, Phase
from hpcsched.model.job import JobSpec, JobState, ResourceRequest
from hpcsched.state import codec, decide
from hpcsched.state.events import ControllerStarted, NodeDisconnected, NodeRegistered
from hpcsched.state.state import State
from hpcsched.testing.world import World, exited, offer, running

ENDS = (*[EndCause.EXIT] * 6, EndCause.SIGNAL, EndCause.TIMEOUT, EndCause.OUT_OF_MEMORY, EndCause.LAUNCH_FAILED)
TIMEOUT_S = 30.0


@dataclass
class Node:
    """One machine. `spawned`: containers whose command was started; `runs`: every start of a command, by job."""

    name: str
    boots: int = 1
    connected: bool = True
    containers: dict[int, ContainerStatus] = field(default_factory=dict)
    spawned: set[int] = field(default_factory=set)
    runs: list[int] = field(default_factory=list)

    def follow(self, state: State, chance: random.Random) -> None:
        """One look at the desired set, with some of the steps towards it."""
        desired = {item.job_id: item for item in state.desired(self.name)}
        for job_id, wanted in desired.items():
            if job_id not in self.containers:
                self.containers[job_id] = running(job_id, state.last_time)
            if self.containers[job_id].phase is Phase.RUNNING:
                self._live(job_id, wanted.command is not None, wanted.cancel, wanted.release, chance)
        for job_id in set(self.containers) - set(desired):
            if chance.random() < 0.7:
                del self.containers[job_id]
                self.spawned.discard(job_id)

    def _live(self, job_id: int, command: bool, cancel: bool, release: bool, chance: random.Random) -> None:
        if command and job_id not in self.spawned:
            self.spawned.add(job_id)
            self.runs.append(job_id)
        if cancel or release:
            self._end(job_id, EndCause.CANCELLED if cancel else EndCause.STOPPED)
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
        rare = (self.disconnect, self.reboot, self.restart_controller, self.expire, self.resume)
        self.chance.choice(deeds if self.chance.random() < 0.85 else rare)()

    def submit(self) -> None:
        spec = JobSpec(
            ("x",),
            nodes=self.chance.choice((1, 1, 1, 2, 4)),
            priority=self.chance.choice((0, 0, 1)),
            hold=self.chance.random() < 0.1,
            resources=ResourceRequest(
                cores_per_node=self.chance.choice((0, 1, 4, 5)), ntasks_per_node=self.chance.choice((0, 0, 1))
            ),
        )
        try:
            self.submitted.update(self.world.submit(*[spec] * self.chance.randint(1, 3)))
        except Infeasible:
            assert spec.resources.cores_per_node == 5

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
            self.world.do(*decision(self.world.state, self.chance.choice(jobs), self.world.tick()))

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
        for _ in range(3000):
            if not self.world.state.jobs:
                return
            self.agents()
            self.plan()
        pytest.fail(f"these jobs never end: {self.world.state.jobs}")


def same_state(one: State, other: State) -> None:
    assert (one.jobs, one.nodes, one.next_job_id, one.last_time) == (other.jobs, other.nodes, other.next_job_id, other.last_time)
    for later in (one.last_time + 2000.0, one.last_time + 1000.0):
        seen = one.snapshot(later), other.snapshot(later)
    assert seen[0] == seen[1]
    assert (one.dependencies.needs, one.live, one.leaving) == (other.dependencies.needs, other.live, other.leaving)
    one.check()


@pytest.mark.parametrize("seed", range(60))
def test_no_job_is_lost_none_ends_twice_and_no_command_runs_twice(seed: int) -> None:
    cluster = Cluster(seed)
    for _ in range(250):
        cluster.step()
    cluster.settle()
    assert set(cluster.world.records) == cluster.submitted
    runs = Counter(job_id for node in cluster.nodes.values() for job_id in node.runs)
    for job_id, record in cluster.world.records.items():
        tasks = record.job.spec.resources.ntasks_per_node
        assert runs[job_id] <= (record.job.spec.nodes if tasks else 1)
    assert all(len(node.runs) == len(set(node.runs)) for node in cluster.nodes.values())


@pytest.mark.parametrize("seed", range(60, 80))
def test_every_job_that_completed_did_run_and_was_billed(seed: int) -> None:
    cluster = Cluster(seed)
    for _ in range(150):
        cluster.step()
    cluster.settle()
    ran = Counter(job_id for node in cluster.nodes.values() for job_id in node.runs)
    for job_id, record in cluster.world.records.items():
        assert record.waited_s >= 0
        assert record.ran_s >= 0
        if record.job.state is JobState.COMPLETED:
            runners = record.job.parts if record.job.spec.resources.ntasks_per_node else record.job.parts[:1]
            assert ran[job_id] == len(runners)
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
    assert ends == {state for state in JobState if state.ended} - {JobState.PREEMPTED, JobState.DEADLINE}


def test_a_job_that_asks_for_one_of_two_shapes_of_node_is_not_lost() -> None:
    world = World(["n1"])
    world.do(NodeRegistered(world.tick(), offer("n2", cores=8)))
    spec = JobSpec(("x",), resources=ResourceRequest(cores_per_node=8))
    job_id = world.start(spec)
    assert world.state.jobs[job_id].allocation is not None
    assert world.state.jobs[job_id].allocation.nodes == ("n2",)
    world.say("n2", exited(job_id, end_time=world.time))
    assert world.records[job_id].job == replace(world.records[job_id].job, state=JobState.COMPLETED)
