"""Desired against actual on one node."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from hpcsched.agent.reconcile import Command, Forget, Launch, Lose, Release, Stage, Stop, reconcile
from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec, DesiredContainer, EndCause, StepSpec
from hpcsched.model.idset import IdSet

SPEC = ContainerSpec("job1", "host", Binding(IdSet.of([0]), IdSet.of([0])), "n1")


def wanted(job_id=1, **changes):
    plain = DesiredContainer(job_id, "lxc", SPEC, StepSpec(0, ("true",)))
    return dataclasses.replace(plain, **changes)


def test_a_container_that_the_node_does_not_know_is_launched():
    assert reconcile({1: wanted()}, {}) == (Launch(wanted()),)


def test_a_container_that_nobody_wants_is_stopped():
    assert reconcile({}, {1: Stage.SPAWNED}) == (Stop(1, EndCause.STOPPED),)
    assert reconcile({}, {1: Stage.STARTING}) == (Stop(1, EndCause.STOPPED),)


def test_an_ended_container_is_forgotten_once_it_is_removed_and_released():
    assert reconcile({1: wanted()}, {1: Stage.REMOVED}) == ()
    assert reconcile({}, {1: Stage.ENDED}) == (Release(1),)
    assert reconcile({}, {1: Stage.REMOVED}) == (Forget(1),)


def test_what_ran_before_and_left_no_trace_is_lost_and_not_started_again():
    assert reconcile({1: wanted(started=True)}, {}) == (Lose(wanted(started=True)),)


def test_cancel_wins_over_the_end_of_the_job_elsewhere():
    both = wanted(cancel=True, release=True)
    assert reconcile({1: both}, {1: Stage.SPAWNED}) == (Stop(1, EndCause.CANCELLED),)


def test_the_command_comes_late_when_other_nodes_were_awaited():
    assert reconcile({1: wanted(command=None)}, {1: Stage.STARTING}) == ()
    assert reconcile({1: wanted()}, {1: Stage.STARTING}) == (Command(wanted()),)
    assert reconcile({1: wanted()}, {1: Stage.SPAWNED}) == ()


@given(
    st.dictionaries(st.integers(1, 5), st.tuples(st.booleans(), st.booleans())),
    st.dictionaries(st.integers(1, 5), st.sampled_from(Stage)),
)
def test_nothing_is_launched_twice_and_nothing_that_runs_is_forgotten(flags, actual):
    desired = {job_id: wanted(job_id, cancel=cancel, release=release) for job_id, (cancel, release) in flags.items()}
    for step in reconcile(desired, actual):
        if isinstance(step, Launch):
            assert step.desired.job_id not in actual
        if isinstance(step, Forget):
            assert actual[step.job_id] is Stage.REMOVED
            assert step.job_id not in desired
