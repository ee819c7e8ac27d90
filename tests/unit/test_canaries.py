"""Canaries in the state and before the policies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.errors import Conflict, InvalidValue, PlanRejected
from hpcsched.model.job import JobSpec, JobState
from hpcsched.model.reservation import ReservationRequest
from hpcsched.model.snapshot import Plan
from hpcsched.policies.conservative import Conservative
from hpcsched.policies.easy import Easy
from hpcsched.sched.replay import Replay
from hpcsched.sched.replay_length import to_the_limit
from hpcsched.sched.replay_pace import Budget
from hpcsched.sched.verify import verify
from hpcsched.state import canaries, changing, decide, reservations
from hpcsched.state.events import NodeDrained
from hpcsched.state.site_uses import partition_uses, qos_uses
from hpcsched.state.state import State
from hpcsched.testing.world import TRUE, World, exited, running

CANARY = JobSpec(command=("true",), time_limit_s=60, grace_s=0, canary=True)
NOBODY_WAITS = Plan()


def world(*names: str) -> World:
    return World(names or ("n1", "n2", "n3", "n4"))


def begin(world: World, *names: str, plan: Plan = NOBODY_WAITS) -> list[int]:
    """Canaries on these nodes, which run; their ids."""
    begun = []
    for name in names:
        events = canaries.begin(world.state, name, CANARY, f"canary-{name}", plan, world.tick())
        world.do(*events)
        number = world.state.nodes[name].job_id
        if events and number:
            world.tell(name, running(number, world.time))
            begun.append(number)
    return begun


def plan(world: World, policy: Easy | Conservative | None = None) -> Plan:
    snapshot = world.state.snapshot(world.tick())
    found = (policy or Easy()).plan(snapshot)
    verify(found, snapshot)
    return found


def test_a_canary_begins_on_an_idle_node_at_once() -> None:
    here = world()
    [number] = begin(here, "n2")
    assert here.state.jobs[number].state is JobState.RUNNING
    assert here.state.desired("n2")[0].grace_s == 0


def test_none_begins_where_something_runs_or_while_a_job_waits_for_nodes() -> None:
    here = world("n1", "n2")
    here.run()
    assert begin(here, "n1") == []
    here.submit(replace(TRUE, nodes=2))
    assert begin(here, "n2", plan=plan(here)) == []


def test_none_begins_on_a_drained_node_unless_canaries_are_why() -> None:
    here = world()
    here.do(NodeDrained(here.tick(), "n1", "for repair"), NodeDrained(here.tick(), "n2", "slow: stream.triad"))
    assert begin(here, "n1", "n2") == [here.state.nodes["n2"].job_id]


def test_none_begins_where_it_would_run_into_a_reservation() -> None:
    here = world()
    wanted = ReservationRequest("works", start=here.time + 30, duration_s=600, nodes=("n1",), maintenance=True)
    here.do(*reservations.make(here.state, wanted, here.time))
    assert begin(here, "n1", "n2") == [here.state.nodes["n2"].job_id]


@pytest.mark.parametrize("policy", [Easy, Conservative])
def test_nobody_takes_the_free_nodes_from_a_job_that_waits_for_canaries_to_go(policy: type[Easy | Conservative]) -> None:
    here = world()
    begin(here, "n3", "n4")
    wide, _ = here.submit(replace(TRUE, nodes=4), replace(TRUE, time_limit_s=60))
    found = plan(here, policy())
    assert found.starts == ()
    wait = found.wait(wide)
    assert wait is not None
    assert canaries.wants_nodes(found)


def test_all_canaries_end_as_soon_as_a_job_waits_for_nodes_and_it_starts_when_they_are_gone() -> None:
    here = world("n1", "n2")
    begun = begin(here, "n1", "n2")
    (job_id,) = here.submit(TRUE)
    found = plan(here)
    here.do(*canaries.make_way(here.state, found, here.time))
    assert all(here.state.jobs[number].cancel_requested for number in begun)
    assert [wanted.cancel for wanted in here.state.desired("n1")] == [True]
    here.tell("n1", exited(begun[0]))
    assert here.state.nodes["n1"].canary
    here.clean("n1", begun[0])
    assert [start.job_id for start in plan(here).starts] == [job_id]


def test_a_plan_that_leaves_nobody_waiting_ends_none() -> None:
    here = world("n1", "n2")
    begin(here, "n1")
    here.submit(TRUE)
    found = plan(here)
    assert [start.allocation.nodes for start in found.starts] == [("n2",)]
    assert canaries.make_way(here.state, found, here.time) == []


def test_the_second_judge_refuses_a_start_on_the_node_of_a_canary() -> None:
    here = world("n1")
    here.submit(TRUE)
    found = plan(here)
    begin(here, "n1")
    with pytest.raises(PlanRejected, match="is busy"):
        verify(found, here.state.snapshot(here.tick()))


def test_a_canary_counts_for_nobody_and_leaves_no_record() -> None:
    here = world()
    [number] = begin(here, "n1")
    here.time += 1000
    assert not here.state.live
    assert not any(here.state.snapshot(here.time).usage.values())
    here.tell("n1", exited(number))
    here.clean("n1", number)
    assert not any(here.state.snapshot(here.tick()).usage.values())
    assert here.records == {}
    assert not here.state.nodes["n1"].canary


def test_canaries_are_not_for_clients() -> None:
    here = world()
    with pytest.raises(InvalidValue, match="without `canary`"):
        here.submit(CANARY)
    [number] = begin(here, "n1")
    with pytest.raises(Conflict, match="is a canary"):
        changing.requeue(here.state, number, here.time)
    with pytest.raises(Conflict, match="is a canary"):
        changing.suspend(here.state, number, here.time)


def test_listings_count_none_and_its_node_is_free() -> None:
    here = world("n1", "n2")
    begin(here, "n1")
    (partition,), (qos,) = partition_uses(here.state), qos_uses(here.state, here.time)
    assert (partition.free, partition.running, partition.waiting) == (2, 0, 0)
    assert (qos.running, qos.nodes, qos.waiting) == (0, 0, 0)


def test_a_person_may_cancel_one() -> None:
    here = world()
    [number] = begin(here, "n1")
    here.do(*decide.cancel(here.state, number, here.tick()))
    assert here.state.jobs[number].cancel_requested


def test_a_lost_node_ends_its_canary_for_good() -> None:
    here = world()
    [number] = begin(here, "n1")
    here.say("n1")
    assert number not in here.state.jobs


def test_a_job_is_thought_to_start_as_if_there_were_no_canaries() -> None:
    here = world("n1")
    begin(here, "n1")
    (job_id,) = here.submit(TRUE)
    replay = Replay(here.state.snapshot(here.time), Easy(), to_the_limit, Budget())
    assert replay.until(job_id) == here.time


def test_a_dump_keeps_canaries() -> None:
    here = world()
    [number] = begin(here, "n1")
    again = State.load(here.state.dump())
    assert again.canaries == {number}
    assert again.nodes["n1"].canary
