"""Arrays and small jobs in workers, on nodes that fail, with users who change their minds: every task has one end."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.model.array import parse_array
from hpcsched.model.container import EndCause, Phase
from hpcsched.model.job import Job, JobSpec, JobState, Reason, ResourceRequest
from hpcsched.state import changing, decide
from hpcsched.state.events import ControllerStarted, NodeDisconnected, NodeRegistered
from hpcsched.state.state import State
from hpcsched.testing.worker_world import WorkerNode, WorkerWorld
from hpcsched.testing.world import exited, offer

NAMES = ("n1", "n2", "n3")
TIMEOUT_S = 30.0
DEEDS = ("submit", "follow", "plan", "plan", "agents", "agents", "agents", "hear", "cancel", "hold", "release", "feed", "requeue")
RARE = ("disconnect", "reboot", "restart_controller", "expire", "kill_worker", "cancel_tasks")


class Cluster:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.runs: Counter[tuple[int, int]] = Counter()
        self.world = WorkerWorld(NAMES)
        self.nodes = {name: WorkerNode(name, self.chance, self.runs) for name in NAMES}
        self.submitted: set[int] = set()
        self.since: dict[str, float] = {}
        self.leaders: dict[int, list[int]] = {}

    def submit(self) -> None:
        cores = self.chance.choice((1, 1, 2, 4))
        array = self.chance.choice(("", "0-2", "0-20", "5-40:5%2", "1,3,9%1", "0-60"))
        user, requeue, asked = self.chance.choice("ab"), self.chance.random() < 0.5, ResourceRequest(cores_per_node=cores)
        spec = JobSpec(("x",), user=user, array=array, resources=asked, requeue=requeue)
        self.submitted.update(self.world.submit(spec))

    def follow(self) -> None:
        """An array whose tasks wait for some of another's, or for those of two."""
        arrays = [job for job in self.world.state.jobs.values() if job.array is not None]
        if not arrays:
            return
        leaders = self.chance.sample(arrays, min(len(arrays), self.chance.choice((1, 1, 2))))
        sets = [{tasks.task_id(at) for at in range(len(tasks))} for tasks in (parse_array(job.spec.array) for job in leaders)]
        ids = sorted(set.intersection(*sets))
        if ids:
            chosen = self.chance.sample(ids, self.chance.randint(1, len(ids)))
            text = "aftercorr:" + ":".join(str(job.id) for job in leaders)
            spec = JobSpec(("x",), array=",".join(map(str, chosen)), dependency=text, resources=ResourceRequest(cores_per_node=1))
            (number,) = self.world.submit(spec)
            self.submitted.add(number)
            self.leaders[number] = [job.id for job in leaders]

    def plan(self) -> None:
        self.world.plan()

    def feed(self) -> None:
        self.world.feed()

    def agents(self) -> None:
        for node in self.nodes.values():
            if self.chance.random() < 0.7:
                node.follow(self.world.state)
        self.hear()

    def hear(self) -> None:
        for node in self.nodes.values():
            if self.chance.random() < 0.7:
                self.world.hear(node)

    def cancel(self) -> None:
        self._on_some(decide.cancel, [number for number in self.world.state.jobs if number in self.submitted], 0.4)

    def cancel_tasks(self) -> None:
        arrays = [job for job in self.world.state.jobs.values() if job.array is not None]
        if arrays and self.chance.random() < 0.5:
            job = self.chance.choice(arrays)
            tasks = parse_array(job.spec.array)
            chosen = self.chance.sample(range(len(tasks)), self.chance.randint(1, min(3, len(tasks))))
            ids = ",".join(str(tasks.task_id(position)) for position in chosen)
            self.world.do(*decide.cancel_tasks(self.world.state, job.id, ids, self.world.tick()))

    def requeue(self) -> None:
        small = [job.id for job in self.world.state.jobs.values() if job.worker is not None and not job.cancel_requested]
        self._on_some(changing.requeue, small, 0.7)

    def submit_small(self) -> None:
        """They may run again, and take a core or a whole node."""
        asked = ResourceRequest(cores_per_node=self.chance.choice((1, 1, 1, 4)))
        self.submitted.update(self.world.submit(JobSpec(("x",), user="a", resources=asked, requeue=True)))

    def lose(self) -> None:
        """The agent no longer has a hold on a container, in which everything may go on until that is removed."""
        node = self.chance.choice(list(self.nodes.values()))
        for container in node.containers.values():
            if container.status.phase is Phase.RUNNING:
                container.status = exited(container.status.job_id, EndCause.LOST, None, start_time=container.status.start_time)

    def kill_worker(self) -> None:
        self._on_some(decide.cancel, [job.id for job in self.world.state.jobs.values() if job.is_worker], 1.0)

    def hold(self) -> None:
        jobs = self.world.state.jobs.values()
        self._on_some(decide.hold, [job.id for job in jobs if job.array or job.state is JobState.PENDING], 0.5)

    def release(self) -> None:
        self._on_some(decide.release, list(self.world.state.jobs), 1.0)

    def _on_some(self, decision, ids, share: float) -> None:  # type: ignore[no-untyped-def]
        if ids and self.chance.random() < share:
            self.world.do(*decision(self.world.state, self.chance.choice(ids), self.world.tick()))

    def disconnect(self) -> None:
        node = self.nodes[self.chance.choice(NAMES)]
        node.connected = not node.connected
        now = self.world.tick()
        if node.connected:
            self.world.do(NodeRegistered(now, offer(node.name, f"boot-{node.boots}")))
        else:
            self.since[node.name] = now
            self.world.do(NodeDisconnected(now, node.name))

    def reboot(self) -> None:
        node = self.nodes[self.chance.choice(NAMES)]
        node.boots += 1
        node.containers.clear()
        node.connected = True
        now = self.world.tick()
        self.world.do(NodeDisconnected(now, node.name), NodeRegistered(now, offer(node.name, f"boot-{node.boots}")))

    def expire(self) -> None:
        self.world.time += self.chance.choice((0.0, TIMEOUT_S))
        self.world.do(*decide.expire(self.world.state, self.since, self.world.tick(), TIMEOUT_S))

    def restart_controller(self) -> None:
        """From a dump: nothing is forgotten, and who is connected has to say so."""
        before = self.world.state.dump()
        self.world.state = State.load(before)
        assert self.world.state.dump() == before
        self.world.do(ControllerStarted(self.world.tick()))
        for node in self.nodes.values():
            if node.connected:
                self.world.do(NodeRegistered(self.world.tick(), offer(node.name, f"boot-{node.boots}")))

    def settle(self) -> None:
        """Everybody is well from now on; raises when it does not come to an end."""
        for node in self.nodes.values():
            if not node.connected:
                node.connected = True
                self.world.do(NodeRegistered(self.world.tick(), offer(node.name, f"boot-{node.boots}")))
        for _ in range(1000):
            self.release()
            self.give_up()
            self.world.plan()
            for node in self.nodes.values():
                node.follow(self.world.state, calm=True)
                self.world.hear(node)
            if not self.world.state.jobs:
                return
        raise AssertionError(f"these do not end: {self.world.state.jobs}")

    def give_up(self) -> None:
        """On what can never be satisfied."""
        now = self.world.tick()
        for job_id in list(self.world.state.jobs):
            wait = self.world.state.blocked(job_id, now)
            if wait is not None and wait.reason is Reason.DEPENDENCY_NEVER:
                self.world.do(*decide.cancel(self.world.state, job_id, now))


@given(st.integers(0, 1 << 32), st.lists(st.sampled_from((*DEEDS * 3, *RARE)), min_size=5, max_size=120))
@settings(max_examples=60, deadline=None)
def test_every_task_of_every_array_comes_to_one_end(seed: int, deeds: list[str]) -> None:
    cluster = Cluster(seed)
    cluster.submit()
    for deed in deeds:
        getattr(cluster, deed)()
        _check_lives(cluster)
    cluster.settle()
    assert cluster.submitted <= set(cluster.world.records)
    for job_id in cluster.submitted:
        _check_end(cluster, job_id)
    assert all(node.state.name in ("IDLE", "DRAINED") or node.cleaning for node in cluster.world.state.nodes.values())


OFTEN = ("submit_small", "plan", "plan", "agents", "agents", "hear", "hear", "requeue", "lose")
LOSSES = ("disconnect", "reboot", "restart_controller", "expire", "kill_worker")


@given(st.integers(0, 1 << 32), st.lists(st.sampled_from((*OFTEN * 4, *LOSSES)), min_size=20, max_size=120))
@settings(max_examples=80, deadline=None)
def test_a_small_job_that_may_run_again_does_and_never_twice_at_once(seed: int, deeds: list[str]) -> None:
    cluster = Cluster(seed)
    for deed in ("submit_small", "submit_small", "plan", *deeds):
        getattr(cluster, deed)()
        _check_lives(cluster)
    cluster.settle()
    assert cluster.submitted <= set(cluster.world.records)
    for job_id in cluster.submitted:
        _check_end(cluster, job_id)
        assert cluster.world.records[job_id].job.state in (JobState.COMPLETED, JobState.FAILED, JobState.TIMEOUT)


def _losses(cluster: Cluster) -> int:
    """Workers that did not end because there was nothing left to do."""
    jobs = [record.job for record in cluster.world.records.values()]
    return sum(job.is_worker and job.state is not JobState.COMPLETED for job in jobs)


def _check_lives(cluster: Cluster) -> None:
    """A small job runs once at a time; what is on a node that was given up is ended there when that comes back."""
    state = cluster.world.state
    up = [node for name, node in cluster.nodes.items() if not state.nodes[name].down]
    live = Counter(key for node in up for box in node.containers.values() for key, end in box.tasks.items() if end is None)
    small = {job_id for job_id, job in state.jobs.items() if job.array is None and not job.is_worker}
    assert [key for key, count in live.items() if count > 1 and key[0] in small] == []


def _check_end(cluster: Cluster, job_id: int) -> None:
    job = cluster.world.records[job_id].job
    if job.array is None:
        assert cluster.runs[job_id, 0] <= 1 + job.restarts
        assert job.state is not JobState.COMPLETED or cluster.runs[job_id, 0] >= 1
        assert job.state is not JobState.NODE_FAIL or not job.spec.requeue
        return
    progress = job.array
    assert progress.done + progress.failed + progress.cancelled == progress.size
    assert progress.out == 0
    for position in range(progress.size):
        assert cluster.runs[job_id, position] <= 1 + _losses(cluster)
        if progress.is_ok(position):
            assert cluster.runs[job_id, position] >= 1
    if job.state is JobState.COMPLETED:
        assert progress.done == progress.size
    for leader in cluster.leaders.get(job_id, ()):
        _check_followed(cluster, job, cluster.world.records[leader].job)


def _check_followed(cluster: Cluster, job: Job, leader: Job) -> None:
    """Only what ended well there has run here."""
    assert leader.array is not None
    tasks, others = parse_array(job.spec.array), parse_array(leader.spec.array)
    for position in range(len(tasks)):
        if cluster.runs[job.id, position]:
            assert leader.array.is_ok(others.position(tasks.task_id(position)))
