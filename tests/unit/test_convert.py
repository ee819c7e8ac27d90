"""Nouns and messages are the same thing twice."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.errors import InvalidValue
from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.container import ContainerStatus, DesiredContainer, Sampled, StepExit
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, Reason
from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.record import Record
from hpcsched.model.site_use import PartitionUse, QosUse, Share
from hpcsched.model.topology import Topology
from hpcsched.v1 import container_pb2, job_pb2
from hpcsched.wire.convert import from_message, to_message

NATURALS = st.integers(0, 2**31 - 1)
st.register_type_strategy(int, NATURALS)
st.register_type_strategy(str, st.text(st.characters(codec="utf-8"), max_size=8))
st.register_type_strategy(bytes, st.binary(max_size=8))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(IdSet, st.sets(st.integers(0, 2000), max_size=5).map(IdSet.of))
BINDINGS = st.lists(st.builds(NodeBinding, st.text(max_size=5), st.from_type(Binding)), min_size=1, max_size=2)
ALLOCATIONS = st.none() | BINDINGS.map(lambda parts: Allocation(tuple(parts)))
SPECS = st.builds(JobSpec, nodes=st.integers(1, 9), image=st.just("host"), runtime=st.just("lxc"), output_cap=st.integers(1, 9))
PARTS = st.lists(st.none() | st.builds(ContainerStatus, job_id=st.integers(1, 9)), max_size=2).map(tuple)
JOBS = st.builds(Job, spec=SPECS, allocation=ALLOCATIONS, parts=PARTS)
NODES = st.builds(Node, job_id=st.none() | st.integers(1, 9))


def round_trip(value):
    kind = type(value)
    message = to_message(value)
    return from_message(kind, type(message).FromString(message.SerializeToString()))


@settings(max_examples=60, deadline=None)
@given(JOBS)
def test_a_job_comes_back_from_the_wire_as_it_went(job):
    assert round_trip(job) == job


@settings(max_examples=60, deadline=None)
@given(st.one_of(NODES, st.from_type(NodeOffer), st.from_type(Topology), st.from_type(DesiredContainer)))
def test_nodes_and_orders_come_back_from_the_wire_as_they_went(value):
    assert round_trip(value) == value


@settings(max_examples=30, deadline=None)
@given(st.builds(Record, job=JOBS))
def test_a_record_comes_back_from_the_wire_as_it_went(record):
    assert round_trip(record) == record


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.from_type(PartitionUse), st.from_type(QosUse), st.from_type(Share)))
def test_tables_of_the_site_come_back_from_the_wire_as_they_went(value):
    assert round_trip(value) == value


def test_an_empty_spec_means_the_defaults_of_the_noun():
    assert from_message(JobSpec, job_pb2.JobSpec(command=["true"])) == JobSpec(command=("true",))


def test_a_grace_of_zero_is_not_the_default():
    assert from_message(JobSpec, job_pb2.JobSpec(grace_s=0)).grace_s == 0


def test_a_mount_is_read_only_unless_it_says_otherwise():
    given = job_pb2.JobSpec(mounts=[container_pb2.Mount(source="/a", target="/b")])
    assert from_message(JobSpec, given).mounts[0].read_only


def test_an_agent_from_before_does_not_know_of_others():
    assert from_message(Sampled, container_pb2.Sampled(samples=2)).others == -1.0
    assert round_trip(Sampled(others=0.0)).others == 0.0


def test_an_exit_code_of_zero_is_an_exit_code():
    assert round_trip(StepExit(0, exit_code=0)).exit_code == 0
    assert round_trip(StepExit(0, signal=9)).exit_code is None


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        (container_pb2.Binding(cpus="1-"), Binding, "bad id range '1-'"),
        (job_pb2.Job(state=99), Job, "no JobState number 99"),
        (job_pb2.Job(reason="Whim"), Job, "no reason 'Whim'"),
    ],
)
def test_what_no_noun_can_hold_is_refused_with_the_value(message, kind, words):
    with pytest.raises(InvalidValue, match=words):
        from_message(kind, message)


def test_every_reason_is_known_on_the_wire():
    job = Job(1, JobSpec(command=("true",)), "r", from_message(Job, job_pb2.Job(state=1)).state, 0.0)
    for reason in Reason:
        assert round_trip(dataclasses.replace(job, reason=reason)).reason is reason
