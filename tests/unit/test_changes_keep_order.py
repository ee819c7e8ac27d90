"""Changes of jobs never let one go that others keep, keep one for ever that nothing keeps, or leave workers behind."""

from dataclasses import replace

import pytest

from hpcsched.errors import Conflict, InvalidValue
from hpcsched.model.change import JobChange
from hpcsched.model.job import JobSpec, Reason, ResourceRequest
from hpcsched.model.reservation import ReservationRequest
from hpcsched.state import changing, reservations
from hpcsched.state.commands import SyncNode
from hpcsched.state.state import State
from hpcsched.testing.world import TRUE, World, exited

X = replace(TRUE, name="x")
ARRAY = JobSpec(command=("true",), array="0-9", resources=ResourceRequest(cpus_per_node=1), time_limit_s=60)


def update(world: World, job_id: int, **change: object) -> None:
    world.do(*changing.update(world.state, job_id, JobChange(**change), world.tick(), world.ended))  # type: ignore[arg-type]


def pending(world: World) -> list[int]:
    return [item.id for item in world.state.snapshot(world.time).pending]


def fails(world: World, job_id: int) -> None:
    world.say("n1", exited(job_id, code=3))
    world.say("n1")


@pytest.mark.parametrize("change", [{"time_limit_s": 60}, {"name": "other"}, {"begin_time": 1500.0}])
def test_another_change_does_not_free_a_job_whose_dependency_failed(change: dict[str, object]) -> None:
    world = World(["n1", "n2"])
    first = world.run()
    (second,) = world.submit(replace(TRUE, dependency=f"afterok:{first}"))
    fails(world, first)
    update(world, second, **change)
    assert pending(world) == []
    assert world.state.blocked(second, world.time).reason is Reason.DEPENDENCY_NEVER  # type: ignore[union-attr]
    assert State.load(world.state.dump()).dump() == world.state.dump()


def test_another_change_does_not_meet_what_was_lost_of_an_alternative() -> None:
    world = World(["n1", "n2"])
    first, other = world.run(), world.run()
    (third,) = world.submit(replace(TRUE, dependency=f"afterok:{first}?afterok:{other}"))
    fails(world, first)
    update(world, third, time_limit_s=60)
    assert pending(world) == []


def test_the_next_of_a_name_goes_when_the_first_is_renamed() -> None:
    world = World(["n1"])
    first = world.run(X)
    second, third = world.submit(*[replace(X, dependency="singleton")] * 2)
    update(world, first, name="y")
    assert pending(world) == [second]
    update(world, second, name="y")
    assert pending(world) == [second, third]


@pytest.mark.parametrize("change", [{"dependency": "afterok:3"}, {"dependency": "afterok:2"}])
def test_a_cycle_through_jobs_of_one_name_is_refused(change: dict[str, object]) -> None:
    world = World(["n1"])
    (first,) = world.submit(replace(X, hold=True))
    world.submit(replace(X, dependency="singleton"))
    world.submit(replace(TRUE, dependency="afterok:2"))
    with pytest.raises(InvalidValue, match="cycle"):
        update(world, first, **change)


def test_a_name_that_makes_a_cycle_is_refused() -> None:
    world = World(["n1"])
    world.submit(replace(X, hold=True))
    (first,) = world.submit(replace(TRUE, hold=True))
    (second,) = world.submit(replace(X, dependency="singleton"))
    update(world, first, dependency=f"afterok:{second}")
    with pytest.raises(InvalidValue, match="cycle"):
        update(world, first, name="x")


def test_an_array_that_has_nodes_keeps_its_owner_and_place() -> None:
    world = World(["n1"])
    job_id = world.start(ARRAY)
    with pytest.raises(Conflict, match="have a node already"):
        update(world, job_id, account="other")


def test_workers_hear_of_an_arrays_new_time_limit() -> None:
    world = World(["n1"])
    job_id = world.start(ARRAY)
    update(world, job_id, time_limit_s=600)
    assert SyncNode("n1") in world.told
    assert world.state.desired("n1")[0].works[0].time_limit_s == 600
    assert {job.spec.time_limit_s for job in world.state.jobs.values()} == {600}


def test_an_arrays_new_time_limit_keeps_out_of_reservations_of_others() -> None:
    world = World(["n1"])
    wanted = ReservationRequest("r", start=world.time + 1000, duration_s=60, nodes=("n1",))
    world.do(*reservations.make(world.state, wanted, world.tick()))
    job_id = world.start(ARRAY)
    with pytest.raises(Conflict, match=f"job {job_id} would run past"):
        update(world, job_id, time_limit_s=3600)


def test_the_node_of_a_job_that_is_suspended_by_hand_cannot_be_reserved() -> None:
    world = World(["n1"])
    job_id = world.run(replace(TRUE, time_limit_s=60))
    world.do(*changing.suspend(world.state, job_id, world.tick()))
    wanted = ReservationRequest("r", start=world.time + 100_000, duration_s=60, nodes=("n1",))
    with pytest.raises(Conflict, match=f"job {job_id} may still run"):
        reservations.make(world.state, wanted, world.tick())
