"""Hypothesis strategies for the nouns; every value is one that could be journaled."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, cast, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from hpcsched.model.allocation import HugePages
from hpcsched.model.device import DeviceKind
from hpcsched.model.idset import MAX_ID, IdSet
from hpcsched.model.job import Job, JobSpec, JobState, ResourceRequest, TaskBind
from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.snapshot import Snapshot
from hpcsched.state.events import Event
from hpcsched.state.state import State
from hpcsched.state.tables import hold
from hpcsched.testing.topologies import grid, offer_of, with_devices

_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    IdSet: st.builds(IdSet.of, st.sets(st.integers(0, 200) | st.just(MAX_ID), max_size=8)),
    float: st.floats(0, 4e9),
    int: st.integers(-(2**53), 2**53),
    bool: st.booleans(),
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    bytes: st.binary(max_size=20),
    type(None): st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of that type of the model, whether or not it makes sense."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(cast(Any, kind), **{item.name: values(hints[item.name]) for item in dataclasses.fields(kind)})
    return _composed(get_origin(kind), get_args(kind))


def _composed(origin: Any, arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is not tuple:
        return st.one_of([values(kind) for kind in arguments])
    if arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    return st.tuples(*(values(kind) for kind in arguments))


def events() -> st.SearchStrategy[Event]:
    """Any event with any fields; not one that makes sense."""
    return st.one_of([values(kind) for kind in get_args(Event)])


def requests() -> st.SearchStrategy[ResourceRequest]:
    """Some fit the nodes of `clusters`, some do not."""
    return st.builds(
        ResourceRequest,
        cpus_per_node=st.sampled_from([0, 0, 1, 3, 8, 40]),
        cores_per_node=st.sampled_from([0, 0, 0, 1, 2, 99]),
        mem_per_node=st.sampled_from([0, 0, 1 << 20, 3 << 30, 1 << 50]),
        threads_per_core=st.sampled_from([0, 0, 0, 1, 2]),
        gpus_per_node=st.sampled_from([None, None, 0, 1, 2, 9]),
        numa=st.sampled_from(["", "", "", "pack", "spread", "0", "1", "0-1", "7"]),
        hugepages=st.sampled_from([(), (), ((2 << 20, 5),), ((2 << 20, 3), (1 << 30, 1)), ((1 << 30, 99),)]),
        ntasks_per_node=st.sampled_from([0, 0, 1, 2, 3, 8]),
        cpus_per_task=st.sampled_from([0, 0, 1, 2, 5]),
        bind=st.sampled_from(TaskBind),
        tuning=st.sampled_from(["", "", "", "hpc"]),
    )


def specs() -> st.SearchStrategy[JobSpec]:
    return st.builds(
        JobSpec,
        command=st.just(("true",)),
        nodes=st.sampled_from([1, 1, 1, 2, 3, 9]),
        resources=requests(),
        runtime=st.sampled_from(["lxc", "lxc", "baremetal", "jail"]),
        priority=st.sampled_from([0, 0, 0, 5, -1]),
        hold=st.sampled_from([False, False, False, True]),
    )


@st.composite
def clusters(draw: Any) -> Snapshot:
    """What a policy sees of a random cluster: nodes in all states, jobs of all shapes."""
    state = State()
    for number in range(draw(st.integers(0, 6))):
        shape = grid(nodes=draw(st.integers(1, 2)), cores=draw(st.integers(1, 4)), pus=draw(st.integers(1, 2)))
        state.put_node(_node(draw, draw(furnished(offer_of(shape, f"n{number}")))))
    for number, spec in enumerate(draw(st.lists(specs(), max_size=12)), 1):
        job = Job(number, spec, f"r{number}", JobState.PENDING, 0.0)
        state.add_job(hold(job) if spec.hold else job)
    return state.snapshot(1.0)


@st.composite
def furnished(draw: Any, offer: NodeOffer) -> NodeOffer:
    """The offer with GPUs and network cards near some of its NUMA nodes, pools of huge pages, and a tuning or not."""
    nodes = [node.os_index for node in offer.topology.numa_nodes]
    for kind in DeviceKind:
        offer = with_devices(offer, kind, draw(st.lists(st.sampled_from([*nodes, -1]), max_size=4)))
    pools = [HugePages(numa, size, draw(st.integers(0, 6))) for numa in nodes for size in (2 << 20, 1 << 30)]
    return dataclasses.replace(offer, hugepages=tuple(pools), tunings=draw(st.sampled_from([(), ("hpc",)])))


def _node(draw: Any, offer: Any) -> Node:
    down = draw(st.sampled_from([False, False, False, True]))
    return Node(
        offer,
        connected=not down and draw(st.sampled_from([True, True, True, False])),
        down=down,
        drain_reason=draw(st.sampled_from(["", "", "", "fan"])),
        job_id=draw(st.sampled_from([None, None, 1000])),
        cleaning=draw(st.sampled_from([(), (), (999,)])),
    )
