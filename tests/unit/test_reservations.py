"""Reservations are made, refused, forgotten, and kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hpcsched.errors import AlreadyExists, Conflict, Infeasible, InvalidValue, NotFound
from hpcsched.model.change import JobChange
from hpcsched.model.job import JobSpec, JobState, Reason
from hpcsched.model.reservation import Repeat, Reservation, ReservationRequest
from hpcsched.model.site import Account, Partition, Site
from hpcsched.state import changing, decide, reservations
from hpcsched.state.events import AllocationGranted
from hpcsched.state.state import State
from hpcsched.testing.world import TRUE, World, exited

HOUR = 3600


def asked(name: str = "r", **values: Any) -> ReservationRequest:
    return ReservationRequest(**{"name": name, "duration_s": HOUR, "nodes": ("n1",), **values})


@pytest.fixture
def world() -> World:
    return World(["n1", "n2", "n3"])


def make(world: World, *wanted: ReservationRequest) -> Reservation:
    for item in wanted:
        world.do(*reservations.make(world.state, item, world.tick()))
    return world.state.reservations[wanted[-1].name]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"start": 900.0}, "in the past"),
        ({"duration_s": 0}, "end after it starts"),
        ({"duration_s": 11 * 366 * 86400}, "10 years"),
        ({"duration_s": 2 * HOUR, "repeat": Repeat.HOURLY}, "takes 2:00:00 and repeats hourly: at most --duration 1:00:00"),
        ({"start": float("nan")}, "ten years"),
        ({"start": float("inf")}, "ten years"),
        ({"count": 2}, "one of the two"),
        ({"nodes": ()}, "one of the two"),
        ({"partition": "gpu"}, "--count"),
        ({"nodes": (), "count": 1, "constraint": "a&&b"}, "a&&b"),
        ({"name": "a b"}, "bad reservation name 'a b'"),
        ({"users": ("",)}, "bad name ''"),
        ({"users": ("x",), "maintenance": True}, "for no job"),
        ({"comment": "a\nb"}, "one line"),
    ],
)
def test_a_malformed_reservation_is_refused(world: World, values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        reservations.make(world.state, asked(**values), world.tick() + 1000)


def test_a_name_is_given_once(world: World) -> None:
    make(world, asked())
    with pytest.raises(AlreadyExists):
        make(world, asked(nodes=("n2",)))


def test_nodes_are_named_by_pattern(world: World) -> None:
    assert make(world, asked(nodes=("n[12]",))).nodes == ("n1", "n2")
    with pytest.raises(NotFound, match="'n9'"):
        make(world, asked("s", nodes=("n3", "n9")))


def test_no_two_have_the_same_node_at_the_same_time(world: World) -> None:
    make(world, asked(start=world.time + 1000, repeat=Repeat.DAILY))
    with pytest.raises(Conflict, match="n1 is in reservation r"):
        make(world, asked("s", start=world.time + 900 + 5 * 86400))
    make(world, asked("s", start=world.time + 1100 + HOUR), asked("t", nodes=("n2",), start=world.time + 1000))


def test_maintenance_lies_over_others(world: World) -> None:
    make(world, asked(), asked("works", maintenance=True))
    assert set(world.state.reservations) == {"r", "works"}


def test_nothing_but_maintenance_is_made_over_maintenance(world: World) -> None:
    make(world, asked("works", nodes=("n1",), maintenance=True))
    with pytest.raises(Conflict, match="n1 is in reservation works"):
        make(world, asked(nodes=("n1",)))
    make(world, asked("more", nodes=("n1",), maintenance=True))


def test_nodes_whose_jobs_would_still_run_are_not_reserved(world: World) -> None:
    job_id = world.run(replace(TRUE, time_limit_s=600))
    start = world.time + 300
    with pytest.raises(Conflict, match=f"job {job_id} may still run on node n1"):
        make(world, asked(start=start))
    assert make(world, asked(start=start, ignore_jobs=True)).nodes == ("n1",)
    assert make(world, asked("later", start=start + HOUR)).nodes == ("n1",)


def test_the_controller_chooses_nodes_that_were_idle_for_the_longest(world: World) -> None:
    busy = world.run(replace(TRUE, time_limit_s=60))
    assert make(world, asked(nodes=(), count=2, start=world.time + 120)).nodes == ("n2", "n3")
    world.say("n1", exited(busy))
    world.say("n1")
    with pytest.raises(Infeasible, match="asks for 2 nodes, 1 could be reserved"):
        make(world, asked("s", nodes=(), count=2, start=world.time + 120))


def test_it_chooses_from_a_partition() -> None:
    world = World(())
    world.state = State(Site(partitions=(Partition("a", nodes=("n1",), default=True), Partition("b", nodes=("n2",)))))
    for name in ("n1", "n2"):
        world.register(name)
    assert make(world, asked(nodes=(), count=1, partition="b")).nodes == ("n2",)
    with pytest.raises(NotFound, match="no partition 'c'"):
        make(world, asked("s", nodes=(), count=1, partition="c"))


def test_it_is_for_the_accounts_that_there_are_and_for_those_below_them() -> None:
    world = World(())
    world.state = State(Site(accounts=(Account("bio"), Account("cells", parent="bio"), Account("rna", parent="cells"))))
    world.register("n1")
    assert make(world, asked(accounts=("bio",))).accounts == ("bio", "cells", "rna")
    with pytest.raises(NotFound, match="no account 'boi': give --accounts some of bio, cells, rna"):
        make(world, asked("s", accounts=("boi",)))


def test_a_reservation_is_forgotten_when_it_is_over_unless_it_comes_again(world: World) -> None:
    make(world, asked(), asked("daily", nodes=("n2",), repeat=Repeat.DAILY))
    at = world.state.next_time(world.time)
    assert at is not None
    assert at <= world.time + HOUR
    world.time += HOUR
    world.plan()
    assert set(world.state.reservations) == {"daily"}
    at = world.state.next_time(world.time)
    assert at is not None
    assert at > world.time + 20 * HOUR


def test_a_deleted_one_is_gone(world: World) -> None:
    make(world, asked())
    world.do(*reservations.delete(world.state, "r", world.tick()))
    with pytest.raises(NotFound, match="no reservation 'r'"):
        reservations.delete(world.state, "r", world.tick())


def test_a_dump_holds_reservations(world: World) -> None:
    made = make(world, asked(users=("ann",), repeat=Repeat.WEEKLY, comment="visitors"))
    assert State.load(world.state.dump()).reservations == {"r": made}


def test_a_job_outside_waits_and_a_job_inside_starts() -> None:
    world = World(["n1"])
    make(world, asked(users=("ann",)))
    (outside,) = world.submit(replace(TRUE, time_limit_s=60))
    (inside,) = world.submit(replace(TRUE, time_limit_s=60, user="ann", reservation="r"))
    assert world.plan() == (inside,)
    world.say("n1", exited(inside))
    world.say("n1")
    assert world.plan() == ()
    world.do(*reservations.delete(world.state, "r", world.tick()))
    assert world.plan() == (outside,)


def test_jobs_that_could_never_run_in_a_reservation_are_refused(world: World) -> None:
    make(world, asked(users=("ann",)), asked("works", nodes=("n2",), maintenance=True))
    fine = replace(TRUE, user="ann", reservation="r", time_limit_s=60)
    for spec, error in (
        (replace(fine, reservation="x"), NotFound),
        (replace(fine, user="bob"), Infeasible),
        (replace(fine, nodes=2), Infeasible),
        (replace(fine, time_limit_s=2 * HOUR), Infeasible),
        (replace(fine, reservation="works"), Infeasible),
    ):
        with pytest.raises(error):
            world.submit(spec)
    assert world.submit(fine)


def test_a_running_job_gets_no_longer_limit_that_runs_into_a_reservation(world: World) -> None:
    job_id = world.run(replace(TRUE, time_limit_s=60))
    start = world.time + 600
    make(world, asked(start=start))
    second = world.start(replace(TRUE, time_limit_s=60))
    assert world.state.jobs[second].allocation.nodes == ("n2",)  # type: ignore[union-attr]
    make(world, asked("s", nodes=("n2",), start=start))
    world.say("n1", exited(job_id))
    world.say("n1")
    third = world.run(replace(TRUE, time_limit_s=60))
    assert world.state.jobs[third].allocation.nodes == ("n1",)  # type: ignore[union-attr]
    with pytest.raises(Conflict, match="reservation r does not allow"):
        changing.update(world.state, third, JobChange(time_limit_s=HOUR), world.tick(), {})
    assert changing.update(world.state, third, JobChange(time_limit_s=120), world.tick(), {})


def test_the_check_sees_a_job_that_runs_into_a_reservation(world: World) -> None:
    make(world, asked(start=world.time + 600))
    (job_id,) = world.submit(replace(TRUE, time_limit_s=HOUR))
    binding = World(["n1"])
    binding.submit(TRUE)
    binding.plan()
    allocation = binding.state.jobs[1].allocation
    assert allocation
    with pytest.raises(AssertionError, match="which reservation r has"):
        world.do(AllocationGranted(world.tick(), job_id, allocation))


def test_a_waiting_job_says_which_reservation_keeps_it() -> None:
    world = World(["n1"])
    make(world, asked("works", maintenance=True))
    (job_id,) = world.submit(TRUE)
    world.plan()
    snapshot = world.state.snapshot(world.time)
    wait = world._policy.plan(snapshot).wait(job_id)
    assert wait
    assert (wait.reason, "works" in wait.message) == (Reason.RESERVATION, True)
    assert world.state.jobs[job_id].state is JobState.PENDING


def test_decide_refuses_what_no_reservation_has(world: World) -> None:
    with pytest.raises(NotFound):
        decide.submit(world.state, "r1", [JobSpec(("x",), reservation="none")], world.tick(), 10)
