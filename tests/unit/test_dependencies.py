"""Jobs that wait for others: what they ask for, and what becomes of them as the others begin and end."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.errors import Infeasible, InvalidValue, NotFound
from hpcsched.model.change import JobChange
from hpcsched.model.container import EndCause
from hpcsched.model.job import JobSpec, JobState, Reason
from hpcsched.model.snapshot import Wait
from hpcsched.sched.dependency import Dependency, Kind, Need, parse_dependency
from hpcsched.state import changing, decide
from hpcsched.state.depending import LookAgain
from hpcsched.state.state import State
from hpcsched.testing.world import TRUE, World, exited, running

NEEDS = st.lists(
    st.one_of(
        st.builds(Need, st.sampled_from([kind for kind in Kind if kind is not Kind.SINGLETON]), st.integers(1, 10**15)),
        st.builds(lambda number, minutes: Need(Kind.AFTER, number, minutes * 60), st.integers(1, 999), st.integers(1, 500_000)),
        st.just(Need(Kind.SINGLETON)),
    ),
    min_size=2,
    max_size=6,
    unique=True,
)


@given(NEEDS, st.booleans())
def test_a_dependency_is_read_as_it_is_written(needs: list[Need], any_of_them: bool) -> None:
    dependency = Dependency(tuple(needs), any_of_them)
    assert parse_dependency(str(dependency)) == dependency


@given(st.text(alphabet="afteroknyc:,?+0123456789 ", max_size=30))
def test_what_is_no_dependency_is_refused_and_nothing_else_happens(text: str) -> None:
    try:
        parse_dependency(text)
    except InvalidValue:
        return


def test_several_jobs_after_one_word_are_all_meant() -> None:
    assert parse_dependency("afterok:12:13").needs == (Need(Kind.AFTEROK, 12), Need(Kind.AFTEROK, 13))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("afterok", "names the jobs"),
        ("afterok:", "no job id"),
        ("afterok:x", "no job id"),
        ("afterok:0", "no job id"),
        ("afterok:1+5", "only after"),
        ("after:1+9999999", "minutes"),
        ("soon:1", "afterok, afternotok"),
        ("singleton:1", "names no job"),
        ("afterok:1,afterany:2?afterany:3", "not both"),
        ("afterok:1,", "write it like"),
        ("afterok:" + ":".join(map(str, range(1, 1002))), "at most 1000"),
        ("a" * 20_001, "characters"),
    ],
)
def test_a_malformed_dependency_says_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        parse_dependency(text)


def after(text: str, **more: object) -> JobSpec:
    return replace(TRUE, dependency=text, **more)  # type: ignore[arg-type]


def pending(world: World) -> list[int]:
    return [job.id for job in world.state.snapshot(world.time).pending]


def why(world: World, job_id: int) -> Wait | None:
    return world.state.blocked(job_id, world.time)


def end(world: World, job_id: int, code: int = 0) -> None:
    world.say("n1", exited(job_id, EndCause.EXIT, code, end_time=world.time))
    world.say("n1")


@pytest.mark.parametrize(
    ("word", "code", "starts"),
    [("afterok", 0, True), ("afterok", 1, False), ("afternotok", 0, False), ("afternotok", 1, True), ("afterany", 1, True)],
)
def test_the_end_of_a_job_satisfies_those_that_wait_for_such_an_end(word: str, code: int, starts: bool) -> None:
    world = World()
    first = world.run()
    (second,) = world.submit(after(f"{word}:{first}"))
    assert pending(world) == []
    assert why(world, second) == Wait(Reason.DEPENDENCY, f"waits for {word}:{first}")
    end(world, first, code)
    assert pending(world) == ([second] if starts else [])
    told = why(world, second)
    assert (told is None) is starts
    assert starts or (told and told.reason is Reason.DEPENDENCY_NEVER and f"job {first} ended" in told.message)


def test_after_waits_for_the_start_and_its_minutes() -> None:
    world = World()
    first = world.start()
    second, third = world.submit(after(f"after:{first}"), after(f"after:{first}+5"))
    assert pending(world) == []
    world.tell("n1", running(first, world.time))
    began = world.state.jobs[first].start_time
    assert pending(world) == [second]
    assert why(world, third).reason is Reason.BEGIN_TIME  # type: ignore[union-attr]
    assert world.state.jobs[third].eligible_time == began + 300
    assert world.state.next_time(world.time) == began + 300
    assert [job.id for job in world.state.snapshot(began + 300).pending] == [second, third]


def test_all_of_several_or_any_of_them() -> None:
    world = World(["n1", "n2"])
    first, second = world.run(), world.run()
    every, either = world.submit(after(f"afterok:{first},afterok:{second}"), after(f"afterok:{first}?afterok:{second}"))
    end(world, first, 1)
    assert why(world, every).reason is Reason.DEPENDENCY_NEVER  # type: ignore[union-attr]
    assert why(world, either) == Wait(Reason.DEPENDENCY, f"waits for afterok:{second}")
    world.say("n2", exited(second, end_time=world.time))
    assert pending(world) == [either]


def test_singletons_of_one_name_and_user_run_one_after_the_other() -> None:
    world = World(["n1", "n2"])
    one = after("singleton", name="x", user="me")
    first, second, third, other = world.submit(one, one, one, replace(one, user="you"))
    assert pending(world) == [first, other]
    world.do(*decide.cancel(world.state, second, world.tick()))
    assert world.plan() == (first, other)
    assert pending(world) == []
    end(world, first)
    assert pending(world) == [third]


def test_a_cancelled_job_and_a_dropped_one_are_ends_too() -> None:
    world = World([])
    first, second = world.submit(replace(TRUE, hold=True), replace(TRUE, hold=True, deadline=2000.0))
    waits = world.submit(after(f"afterany:{first}"), after(f"afternotok:{second}"))
    world.do(*decide.cancel(world.state, first, world.tick()))
    world.time = 2001.0
    world.do(*changing.drops(world.state, world.time))
    assert world.records[second].job.state is JobState.DEADLINE
    assert pending(world) == list(waits)


def test_a_job_that_ended_already_is_judged_when_the_job_is_submitted() -> None:
    world = World()
    good = world.run()
    end(world, good)
    bad = world.run()
    end(world, bad, 3)
    (job_id,) = world.submit(after(f"afterok:{good},afternotok:{bad},after:{good}+100"))
    job = world.state.jobs[job_id]
    assert (job.spec.dependency, job.spec.begin_time) == ("", world.records[good].job.start_time + 6000)
    with pytest.raises(Infeasible, match=f"afterok:{bad} can never be satisfied: job {bad} ended FAILED"):
        world.submit(after(f"afterok:{good},afterok:{bad}"))
    (either,) = world.submit(after(f"afterok:{bad}?afterok:{good}"))
    assert either in pending(world)


def test_a_job_that_never_was_is_refused_and_one_that_was_not_looked_up_is_looked_up() -> None:
    world = World()
    with pytest.raises(NotFound, match="there is no job 99"):
        decide.submit(world.state, "r", [after("afterok:99")], 0.0, 10, {99: None})
    with pytest.raises(LookAgain):
        decide.submit(world.state, "r", [after("afterok:99")], 0.0, 10)


def test_a_cycle_is_refused() -> None:
    world = World([])
    first, second = world.submit(replace(TRUE, hold=True), TRUE)
    (third,) = world.submit(after(f"afterok:{first}"))
    for wanted in (third, first):
        with pytest.raises(InvalidValue, match="cycle"):
            changing.update(world.state, first, JobChange(dependency=f"afterany:{wanted}"), world.time, {})
    world.do(*changing.update(world.state, third, JobChange(dependency=f"after:{second}"), world.tick(), {}))
    world.do(*changing.update(world.state, first, JobChange(dependency=f"afterany:{third}"), world.tick(), {}))
    with pytest.raises(InvalidValue, match="cycle"):
        changing.update(world.state, second, JobChange(dependency=f"afterany:{first}"), world.time, {})


def test_a_dependency_can_be_taken_away() -> None:
    world = World()
    first = world.run()
    (second,) = world.submit(after(f"afterok:{first}"))
    end(world, first, 1)
    assert pending(world) == []
    world.do(*changing.update(world.state, second, JobChange(dependency=""), world.tick(), {}))
    assert pending(world) == [second]


def test_what_is_met_already_survives_a_dump() -> None:
    world = World(["n1", "n2"])
    first, second = world.run(), world.run()
    (third,) = world.submit(after(f"after:{first}+10,afterok:{first},afterok:{second}"))
    end(world, first)
    again = State.load(world.state.dump())
    again.check()
    assert again.dependencies.needs == world.state.dependencies.needs
    world.state = again
    world.say("n2", exited(second, end_time=world.time))
    assert why(world, third).reason is Reason.BEGIN_TIME  # type: ignore[union-attr]


def test_a_chain_of_thousands_costs_each_end_only_the_next() -> None:
    world = World()
    (last,) = world.submit(replace(TRUE, hold=True))
    specs = [replace(TRUE, name=f"j{number}") for number in range(3000)]
    ids = [last]
    for spec in specs:
        event = decide.submit(world.state, f"r{ids[-1]}", [replace(spec, dependency=f"afterany:{ids[-1]}")], world.time, 10_000)
        world.state.apply(event)
        ids.append(event.jobs[0].job_id)
    assert all(len(world.state.dependencies.dependents(job_id)) == 1 for job_id in ids[:-1])
    for job_id in ids[:-1]:
        for cancel in decide.cancel(world.state, job_id, world.time):
            world.state.apply(cancel)
        assert why(world, job_id + 1) is None
    world.state.check()


def test_the_first_of_several_that_are_asked_for_with_a_question_mark_is_enough() -> None:
    world = World(["n1", "n2"])
    first, second = world.run(), world.run()
    (either,) = world.submit(after(f"afterok:{first}?afterok:{second}"))
    end(world, first)
    assert pending(world) == [either]
    assert world.state.dependencies.dependents(second) == ()
