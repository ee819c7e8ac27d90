"""What tasks used, as their workers tell it, and what records keep of it."""

from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.container import EndCause, TaskEnd, WorkStatus
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.model.record import Record
from hpcsched.state.codec import decode, decode_record, encode, encode_record
from hpcsched.state.events import WorkReported
from hpcsched.testing.worker_world import WorkerWorld
from hpcsched.testing.world import running

CORE = ResourceRequest(cores_per_node=1)


class One(WorkerWorld):
    """Its workers, by node, run tasks of one job."""

    def __init__(self, spec: JobSpec, nodes: tuple[str, ...] = ("n1",)) -> None:
        super().__init__(nodes)
        (self.job_id,) = self.submit(spec)
        self.plan()
        for name in nodes:
            if worker := self.state.nodes[name].job_id:
                self.say(name, running(worker, self.time))

    def tell(self, status: WorkStatus, node: str = "n1") -> None:
        worker = self.state.nodes[node].job_id
        assert worker is not None
        self.do(WorkReported(self.tick(), node, worker, status))
        self.feed()

    @property
    def record(self) -> Record:
        return self.records[self.job_id]


def array(text: str) -> JobSpec:
    return JobSpec(("true",), array=text, resources=CORE)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 50), st.integers(1, 3)), min_size=1, max_size=9))
def test_what_a_worker_has_used_counts_once_however_often_it_is_told(steps: list[tuple[int, int, int]]) -> None:
    """Each: CPU seconds and memory of the next task, and how often its report comes; old ones come late, too."""
    world = One(array(f"0-{len(steps) - 1}"))
    told: list[WorkStatus] = []
    for position, (_, _, times) in enumerate(steps):
        used, most = sum(step[0] for step in steps[: position + 1]), max(step[1] for step in steps[: position + 1])
        told.append(WorkStatus(world.job_id, ((position, position + 1),), (), position + 1, 1.0, 2.0, used, most))
        for status in (*[told[-1]] * times, told[0]):
            if world.job_id in world.state.jobs:
                world.tell(status)
    assert world.record.usage.cpu_s == sum(step[0] for step in steps)
    assert world.record.usage.peak_memory == max(step[1] for step in steps)


def test_an_array_has_used_what_all_its_workers_tell() -> None:
    world = One(array("0-7"), ("n1", "n2"))
    first, second = (world.state.desired(name)[0].works[0].ranges for name in ("n1", "n2"))
    world.tell(WorkStatus(world.job_id, first, (), 4, cpu_s=3.0, max_rss=70), "n1")
    ends = tuple(TaskEnd(position, EndCause.EXIT, 1) for position in range(*second[0]))
    world.tell(WorkStatus(world.job_id, (), ends, 4, cpu_s=4.0, max_rss=60), "n2")
    assert (world.record.usage.cpu_s, world.record.usage.peak_memory) == (7.0, 70)
    assert decode_record(encode_record(world.record)) == world.record


def test_what_an_older_agent_or_journal_does_not_tell_counts_as_nothing() -> None:
    event = WorkReported(1.0, "n1", 7, WorkStatus(3, ((0, 1),), (), 1))
    kind, body = encode(event)
    for name in (b"cpu_s", b"max_rss", b"restarts"):
        start = body.index(b',"' + name)
        body = body[:start] + body[min(at for at in (body.find(b",", start + 1), body.find(b"}", start)) if at > 0) :]
    assert decode(kind, body) == event
