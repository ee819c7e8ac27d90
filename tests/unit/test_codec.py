import msgspec
import pytest
from hypothesis import assume, given

from hpcsched.errors import StoreCorrupt
from hpcsched.model.idset import MAX_ID, IdSet
from hpcsched.model.job import JobSpec
from hpcsched.model.record import Record
from hpcsched.state import codec
from hpcsched.state.events import ContainerGone, Event, JobsSubmitted, SubmittedJob
from hpcsched.state.state import State
from hpcsched.testing.strategies import events, values
from hpcsched.testing.world import TRUE, World


@given(events())
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    if isinstance(event, JobsSubmitted):
        assume(len({job.job_id for job in event.jobs}) == len(event.jobs))
    assert codec.decode(*codec.encode(event)) == event


@given(values(Record))
def test_every_record_comes_back_as_it_was(record: Record) -> None:
    assert codec.decode_record(codec.encode_record(record)) == record


def test_an_id_set_is_text_in_the_journal() -> None:
    world = World()
    assert b'"cpus":"0-7"' in codec.encode(world.log[0])[1]
    assert msgspec.json.decode(codec.encode_value(IdSet.of([0, MAX_ID]))) == f"0,{MAX_ID}"


def test_equal_jobs_of_a_submit_are_written_once() -> None:
    spec = JobSpec(command=("x" * 1000,))
    event = JobsSubmitted(1.0, "r", tuple(SubmittedJob(number, spec) for number in range(1, 101)))
    kind, body = codec.encode(event)
    assert len(body) < 3000
    assert codec.decode(kind, body) == event


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        ("Nonsense", b"{}", "Nonsense"),
        ("ContainerGone", b"", "ContainerGone"),
        ("ContainerGone", b'{"time":1,"node":"n1"}', "job_id"),
        ("ContainerGone", b'{"time":1,"node":7,"job_id":1}', "node"),
        ("ContainerGone", b"\xff\xfe", "ContainerGone"),
        ("JobsSubmitted", b'{"time":1,"request_id":"","specs":[],"jobs":[[1,0]]}', "spec"),
        (
            "AllocationGranted",
            b'{"time":1,"job_id":1,"allocation":{"bindings":[{"node":"a","binding":{"cpus":"3-1","mems":"0"}}]}}',
            "3-1",
        ),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(kind: str, body: bytes, what: str) -> None:
    with pytest.raises(StoreCorrupt, match=what) as caught:
        codec.decode(kind, body)
    assert "\n" not in str(caught.value)


def test_fields_that_a_later_version_added_are_passed_over() -> None:
    assert codec.decode("ContainerGone", b'{"time":1,"node":"a","job_id":2,"new":3}') == ContainerGone(1, "a", 2)


def test_a_dump_comes_back_as_it_was() -> None:
    world = World(["n1", "n2"])
    world.run()
    world.submit(TRUE, JobSpec(command=("a",), hold=True), JobSpec(command=("a",), priority=3), request="many")
    again = State.load(world.state.dump())
    assert (again.jobs, again.nodes) == (world.state.jobs, world.state.nodes)
    assert (again.next_job_id, again.last_time) == (world.state.next_job_id, world.state.last_time)
    assert again.snapshot(0) == world.state.snapshot(0)
    assert again.request("many") == world.state.request("many")
    again.check()


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"format":1}'])
def test_a_damaged_dump_is_refused(body: bytes) -> None:
    with pytest.raises(StoreCorrupt, match="snapshot"):
        State.load(body)


def test_a_dump_of_another_format_is_refused() -> None:
    body = State().dump().replace(b'"format":2', b'"format":3')
    with pytest.raises(StoreCorrupt, match="format 3"):
        State.load(body)


def test_a_dump_of_the_first_format_is_read() -> None:
    body = (
        b'{"format":1,"last_time":7.0,"next_job_id":4,"nodes":[],"active":[],"specs":[{"command":["x"]},{"command":["y"],"hold":true}],'
        b'"waiting":[[1,0,"r",5.0,false],[2,1,"r",5.0,true],[3,0,"s",6.0,false]]}'
    )
    state = State.load(body)
    state.check()
    assert [job.id for job in state.snapshot(7.0).pending] == [1, 3]
    assert [(job.eligible_time, job.held) for job in state.jobs.values()] == [(5.0, False), (0.0, True), (6.0, False)]
