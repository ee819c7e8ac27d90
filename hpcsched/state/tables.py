"""What the controller remembers, with the few ways to change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hpcsched.model.job import Job, JobSpec, JobState, Reason, changed_job
from hpcsched.model.node import Node
from hpcsched.model.reservation import Reservation
from hpcsched.model.site import Site
from hpcsched.sched.site_rules import Rules
from hpcsched.state.deadlines import Deadlines, has_latest_start
from hpcsched.state.dependencies import Dependencies
from hpcsched.state.following import bereft, follow, heard
from hpcsched.state.offers import Offers
from hpcsched.state.queue import Queue
from hpcsched.state.specs import Specs
from hpcsched.state.usage import Runs, UsageLedger

Owner = tuple[str, str, str, str]
Shape = tuple[object, ...]
"""What is asked of a node, its runtime, and the job's partition and constraint."""


class Tables:
    """Live jobs by id and nodes by name; a job that ended is in none of them.

    `queue`: jobs that only wait for nodes, or for a time. `active`: with an allocation. `jobs` holds those, and those that are
    held, wait for other jobs, or until the node that they were taken from is clean.
    """

    def __init__(self, site: Site | None = None) -> None:
        self.site = site or Site()
        self.jobs: dict[int, Job] = {}
        self.nodes: dict[str, Node] = {}
        self.queue = Queue()
        self.active: dict[int, Job] = {}
        self.hungry: set[int] = set()
        """Workers that may be given more, or let go."""
        self.giving: set[int] = set()
        """Jobs that have been told to give nodes up; some may have done so."""
        self.over: set[int] = set()
        """Arrays that may have nothing left to do."""
        self.canaries: set[int] = set()
        """Live ones."""
        self.dependencies = Dependencies()
        self.deadlines = Deadlines()
        self.reservations: dict[str, Reservation] = {}
        self.feasible: dict[Shape, int] = {}
        """So many nodes of which could run jobs of a shape, as far as anyone asked; void when nodes offer something else."""
        self.usage = UsageLedger(self.site.half_life_s)
        self.table_usage = UsageLedger(self.site.half_life_s)
        """By `partition` or `qos`, and its name."""
        self.user_usage = UsageLedger(self.site.half_life_s)
        """By `partition.NAME` or `qos.NAME`, and user."""
        self.runs = Runs()
        self.live: Counter[Owner] = Counter()
        """Of account, QOS, partition and user: how many live jobs; workers do not count."""
        self.leaving: Counter[int] = Counter()
        """By job: on how many nodes that are not down there may be something left of it."""
        self.left: dict[int, set[int]] = {}
        """By worker: small jobs that were lost with it and wait."""
        self.next_job_id = 1
        self.last_time = 0.0
        self.pending_count = 0
        """Pending jobs, held ones too."""
        self.specs = Specs()
        self.served: dict[str, None] = {}
        """Ids of the last requests that were not submits, the eldest first."""
        self.offers = Offers()
        self.rules = Rules(self.site)
        self._requests: dict[str, tuple[int, int, int]] = {}

    @property
    def spec_bytes(self) -> int:
        """Of all live jobs: what their scripts, commands and environments take."""
        return self.specs.bytes

    @property
    def request_count(self) -> int:
        """Requests with live jobs."""
        return len(self._requests)

    def request(self, request_id: str) -> tuple[int, ...]:
        """Live jobs that this request made, by id."""
        first, last, _ = self._requests.get(request_id, (1, 0, 0))
        return tuple(number for number in range(first, last + 1) if self._made_by(number, request_id))

    def _made_by(self, job_id: int, request_id: str) -> bool:
        job = self.jobs.get(job_id)
        return job is not None and job.request_id == request_id

    def add_job(self, job: Job, *, known: bool = False) -> None:
        """A job that was not there before. `known`: out of a dump, which has its needs."""
        spec = self.specs.take(job.spec)
        job = job if spec is job.spec else changed_job(job, spec=spec)
        first, last, alive = self._requests.get(job.request_id, (job.id, job.id, 0))
        self._requests[job.request_id] = (min(first, job.id), max(last, job.id), alive + 1)
        self.next_job_id = max(self.next_job_id, job.id + 1)
        self._enter(job)
        self.jobs[job.id] = job
        self.pending_count += job.state is JobState.PENDING
        if job.spec.dependency and not known:
            self.dependencies.ask(job, self.jobs, self.last_time)
            job = self._following(job)
        self.put_job(job)

    def put_job(self, job: Job) -> None:
        """Replace the job of that id."""
        before = self.jobs[job.id]
        if job.spec is not before.spec:
            job = self._respecified(before, job)
        if job.left_worker != before.left_worker:
            self._forget_left(before)
            self._note_left(job)
        job = self._settled(job)
        self.jobs[job.id] = job
        self.pending_count += (job.state is JobState.PENDING) - (before.state is JobState.PENDING)
        self._place(job)
        if job.start_time and not before.start_time:
            self._tell(job)
        if job.array is not before.array:
            self._tell_followers(job, before)

    def _place(self, job: Job) -> None:
        if self.may_start(job):
            self.queue.put(job)
        else:
            self.queue.drop(job)
        if has_latest_start(job):
            self.deadlines.put(job)
        else:
            self.deadlines.drop(job.id)
        if job.state is not JobState.PENDING and job.array is None:
            self.dependencies.forget(job.id)
        if job.allocation is not None:
            self.active[job.id] = job
        else:
            self.active.pop(job.id, None)

    def may_start(self, job: Job) -> bool:
        """Nothing but nodes and time keeps it, or the next of its tasks, from starting."""
        return job.queued and not (job.state is JobState.PENDING and self.is_blocked(job))

    def is_blocked(self, job: Job) -> bool:
        """Something other than nodes and time keeps the pending job."""
        return job.held or self.is_leaving(job) or self.dependencies.blocks(job.id)

    def is_leaving(self, job: Job) -> bool:
        """There may be something left of its last run."""
        return job.array is None and (job.id in self.leaving or job.left_worker in self.leaving)

    def _settled(self, job: Job) -> Job:
        """A pending job's `eligible_time` is known as soon as nothing blocks it."""
        if job.state is not JobState.PENDING:
            return job
        if self.is_blocked(job):
            return replace(job, eligible_time=0.0) if job.eligible_time else job
        if job.eligible_time:
            return job
        needs = self.dependencies.needs.get(job.id)
        not_before = max(job.not_before, needs.not_before if needs else 0.0)
        since = max(self.last_time, job.submit_time, job.spec.begin_time, not_before)
        return replace(job, eligible_time=since)

    def _respecified(self, before: Job, job: Job) -> Job:
        self.specs.give_back(before.spec)
        job = replace(job, spec=self.specs.take(job.spec))
        if (before.spec.begin_time, before.spec.dependency) != (job.spec.begin_time, job.spec.dependency):
            job = replace(job, eligible_time=0.0)
        needs = self.dependencies.needs.get(job.id)
        self._leave(before)
        self._enter(job)
        if before.spec.dependency == job.spec.dependency:
            self.dependencies.keep(job.id, needs)
        elif job.state is JobState.PENDING:
            self.dependencies.ask(job, self.jobs, self.last_time)
            job = self._following(job)
        if before.spec.title != job.spec.title:
            self._renamed(before, job)
        return job

    def _renamed(self, before: Job, job: Job) -> None:
        """The eldest of its old name and of its new one may go."""
        for named in (before, job):
            for job_id in self.dependencies.meet_singleton(named, self.last_time):
                if job_id != job.id:
                    self.put_job(self.jobs[job_id])

    def _following(self, job: Job) -> Job:
        """Of an array, which of its tasks wait for those of others."""
        return follow(job, [self.jobs[number] for number in self.dependencies.leaders(job.id)]) if job.array else job

    def drop_job(self, job: Job) -> None:
        """It ended; its state says how."""
        before = self.jobs.pop(job.id)
        self.pending_count -= before.state is JobState.PENDING
        self.specs.give_back(before.spec)
        self.queue.drop(before)
        self.deadlines.drop(job.id)
        self.active.pop(job.id, None)
        first, last, alive = self._requests.pop(job.request_id)
        if alive > 1:
            self._requests[job.request_id] = (first, last, alive - 1)
        self._leave(before)
        self._tell(job)
        self._tell_followers(job, before)

    def _enter(self, job: Job) -> None:
        self.dependencies.enter(job)
        self._note_left(job)
        if job.spec.canary:
            self.canaries.add(job.id)
        elif not job.is_worker:
            self.live[_owner(job.spec)] += 1

    def _leave(self, job: Job) -> None:
        self.dependencies.leave(job)
        self._forget_left(job)
        if job.spec.canary:
            self.canaries.discard(job.id)
        elif not job.is_worker:
            _take_one(self.live, _owner(job.spec))

    def _note_left(self, job: Job) -> None:
        if job.left_worker is not None:
            self.left.setdefault(job.left_worker, set()).add(job.id)

    def _forget_left(self, job: Job) -> None:
        if job.left_worker is not None and job.left_worker in self.left:
            self.left[job.left_worker].discard(job.id)
            if not self.left[job.left_worker]:
                del self.left[job.left_worker]

    def _tell(self, job: Job) -> None:
        """Those that wait for that job hear that it began or ended."""
        for job_id in self.dependencies.heed(job, self.last_time):
            self.put_job(self.jobs[job_id])

    def _tell_followers(self, job: Job, before: Job) -> None:
        """Those that follow the array task by task hear of more tasks of it that ended well, and of its end."""
        if job.array is None or before.array is None or (job.array.done == before.array.done and not job.state.ended):
            return
        for job_id in self.dependencies.followers(job.id):
            follower = heard(self.jobs[job_id], job, before)
            if job.state.ended:
                self.dependencies.unfollow(job_id, job.id)
                follower = bereft(follower, job)
                self._look_whether_over(follower, job)
            self.hungry.update(follower.array.workers if follower.array else ())
            self.put_job(follower)

    def _look_whether_over(self, job: Job, leader: Job) -> None:
        assert job.array is not None
        if job.state is not JobState.PENDING:
            self.over.add(job.id)
        elif not (job.array.left or job.array.out or job.array.follows):
            self.dependencies.give_up(job.id, f"no task of job {leader.id} ended well that one of its tasks waits for")

    def put_node(self, node: Node) -> None:
        self.put_nodes((node,))

    def put_nodes(self, nodes: Iterable[Node]) -> None:
        """Each instead of the one of its name."""
        all_, counts = self.nodes, dict[int, int]()
        for node in nodes:
            name = node.offer.name
            known, all_[name] = all_.get(name), node
            if known is None or known.offer is not node.offer or known.certified is not node.certified:
                self.feasible.clear()
            if node.cleaning or (known is not None and known.cleaning):
                _compare_left(known, node, counts)
        if counts:
            self._count_leaving(counts)

    def _count_leaving(self, counts: Mapping[int, int]) -> None:
        """On so many more nodes, or fewer, there is something left of each of these jobs."""
        for job_id, more in counts.items():
            left = self.leaving.get(job_id, 0) + more
            if left > 0:
                self.leaving[job_id] = left
            else:
                self.leaving.pop(job_id, None)
        for job_id in sorted({*counts}.union(*(self.left.get(number, ()) for number in counts))):
            job = self.jobs.get(job_id)
            if job is not None and job.state is JobState.PENDING:
                self.put_job(job)


def _compare_left(before: Node | None, after: Node, counts: dict[int, int]) -> None:
    """Add to the counts what is left there of each job more than before."""
    for job_id in _left_on(after):
        counts[job_id] = counts.get(job_id, 0) + 1
    for job_id in _left_on(before):
        counts[job_id] = counts.get(job_id, 0) - 1


def _left_on(node: Node | None) -> tuple[int, ...]:
    """What is left on a node that is down runs for nobody: it is ended there before anything else when the node comes back."""
    return () if node is None or node.down else node.cleaning


def _take_one(counter: Counter[Any], key: Any) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]


def _owner(spec: JobSpec) -> Owner:
    return spec.account, spec.qos, spec.partition, spec.user


def hold(job: Job) -> Job:
    """The pending job, held by its user."""
    return replace(job, reason=Reason.JOB_HELD, message=f"held until `hpcsched release {job.id}`")
