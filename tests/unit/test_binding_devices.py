"""GPUs, the cores near them, and network cards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpcsched.errors import Infeasible
from hpcsched.model.allocation import Binding
from hpcsched.model.device import Device, DeviceKind
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.model.topology import NumaNode
from hpcsched.sched.binding import bind
from hpcsched.sched.gpus import assign
from hpcsched.testing.topologies import grid, offer_of, with_devices, with_memory

FOUR = offer_of(grid(packages=2, nodes=2, cores=4, pus=1))
"""NUMA node n has the cores 4n to 4n+3; the nodes 0, 1 and the nodes 2, 3 are of one package each."""


def gpus(*nodes: int, offer: NodeOffer = FOUR) -> NodeOffer:
    return with_devices(offer, DeviceKind.GPU, nodes)


def asked(offer: NodeOffer, count: int | None, cores: int = 0, numa: str = "") -> Binding:
    return bind(offer, ResourceRequest(gpus_per_node=count, cores_per_node=cores, numa=numa))


def numbers(ids: tuple[str, ...]) -> list[int]:
    return [int(name[5:7], 16) for name in ids]


def test_without_an_ask_all_gpus_are_given_and_do_not_pull_the_cores() -> None:
    binding = asked(gpus(3, 3), None, cores=2)
    assert (numbers(binding.gpus), str(binding.cpus)) == ([1, 2], "0-1")


def test_no_gpus_are_given_when_none_are_asked_for() -> None:
    assert asked(gpus(3, 3), 0).gpus == ()


def test_gpus_lie_together_and_the_cores_beside_them() -> None:
    binding = asked(gpus(0, 1, 2, 2, 3), 2, cores=3)
    assert (numbers(binding.gpus), str(binding.cpus), str(binding.mems)) == ([3, 4], "8-10", "2")


def test_gpus_of_one_package_come_before_gpus_of_two() -> None:
    assert numbers(asked(gpus(0, 2, 3), 2).gpus) == [2, 3]


def test_of_equal_choices_the_lowest_ids_are_taken() -> None:
    assert numbers(asked(gpus(3, 2, 1, 0), 1).gpus) == [4]
    assert numbers(asked(gpus(1, 1, 1, 0, 0), 2).gpus) == [4, 5]
    assert numbers(asked(gpus(1, 1, 1), 2).gpus) == [1, 2]


def test_named_numa_nodes_decide_between_equal_gpus_only() -> None:
    assert numbers(asked(gpus(0, 3), 1, numa="3").gpus) == [2]
    binding = asked(gpus(0, 0, 3), 2, numa="3")
    assert (numbers(binding.gpus), str(binding.cpus)) == ([1, 2], "12-15")


def test_each_gpu_pulls_an_equal_share_of_the_cores() -> None:
    assert str(asked(gpus(0, 2, 2, 2), 4, cores=4).cpus) == "0,8-10"
    assert str(asked(gpus(1, 3), 2, cores=2).cpus) == "4,12"


def test_cores_that_the_gpus_nodes_do_not_have_come_from_the_nearest() -> None:
    assert str(asked(gpus(3), 1, cores=6).cpus) == "8-9,12-15"
    assert str(asked(gpus(3), 1).cpus) == "0-15"
    with pytest.raises(Infeasible, match="asks for 17 cores per node, node n1 hands out 16"):
        asked(gpus(3), 1, cores=17)


def test_spread_cores_stay_spread_whatever_the_gpus() -> None:
    assert str(asked(gpus(3), 1, cores=4, numa="spread").cpus) == "0,4,8,12"


def test_a_gpu_that_does_not_say_where_it_is_comes_last_and_pulls_nothing() -> None:
    binding = asked(gpus(-1, 3), 1, cores=1)
    assert (numbers(binding.gpus), str(binding.cpus)) == ([1], "0")
    assert numbers(asked(gpus(-1, 3, 3), 2, cores=1).gpus) == [2, 3]


def test_a_gpu_at_a_node_without_cpus_is_near_the_nearest_that_has_some() -> None:
    own = NumaNode(9, 1 << 30, IdSet(), ((0, 40), (1, 40), (2, 20), (3, 30)), tier="GPU")
    offer = gpus(9, offer=offer_of(with_memory(FOUR.topology, own)))
    assert str(asked(offer, 1, cores=1).cpus) == "8"


def test_a_gpu_may_say_where_it_is_by_its_cpus() -> None:
    offer = replace(FOUR, devices=(Device("a", DeviceKind.GPU, "made up", cpus=IdSet.parse("12-15")),))
    assert str(asked(offer, 1, cores=1).cpus) == "12"


def test_more_gpus_than_there_are_are_refused() -> None:
    with pytest.raises(Infeasible, match="asks for 3 GPUs per node, node n1 hands out 2"):
        asked(gpus(0, 0), 3)
    with pytest.raises(Infeasible, match="asks for 1 GPUs per node, node n1 hands out 0"):
        asked(FOUR, 1)


def test_network_cards_come_nearest_to_the_cores_first() -> None:
    offer = with_devices(FOUR, DeviceKind.NIC, (0, 1, 2, 3, -1))
    assert numbers(bind(offer, ResourceRequest(numa="2")).nics) == [3, 4, 1, 2, 5]
    assert numbers(bind(offer, ResourceRequest(cores_per_node=1)).nics) == [1, 2, 3, 4, 5]
    assert numbers(bind(offer, ResourceRequest(gpus_per_node=0)).nics) == [1, 2, 3, 4, 5]


def test_a_network_card_near_the_gpus_comes_first_too() -> None:
    offer = gpus(3, offer=with_devices(FOUR, DeviceKind.NIC, (0, 1, 2, 3)))
    assert numbers(bind(offer, ResourceRequest(gpus_per_node=1, numa="0")).nics) == [1, 4, 2, 3]


def tasks_of(offer: NodeOffer, count: int, **request: object) -> list[list[int]]:
    binding = bind(offer, ResourceRequest(ntasks_per_node=count, **request))  # type: ignore[arg-type]
    return [numbers(task.gpus) for task in binding.tasks]


def test_each_gpu_goes_to_a_task_near_it() -> None:
    offer = gpus(3, 2, 1, 0)
    assert tasks_of(offer, 4) == [[4], [3], [2], [1]]
    assert tasks_of(offer, 2) == [[3, 4], [1, 2]]
    assert tasks_of(offer, 1) == [[1, 2, 3, 4]]


def test_neighbouring_tasks_share_a_gpu_where_there_are_more_tasks() -> None:
    assert tasks_of(gpus(0, 0, 2, 2), 8) == [[1], [1], [2], [2], [3], [3], [4], [4]]
    assert tasks_of(gpus(2, 2), 4) == [[1], [1], [2], [2]]


def test_each_task_has_a_gpu_even_where_all_are_far() -> None:
    assert tasks_of(gpus(0, 0), 4) == [[1], [1], [2], [2]]
    assert tasks_of(gpus(0, 0, 0, 0), 4) == [[1], [2], [3], [4]]
    assert tasks_of(gpus(-1, -1), 2) == [[1], [2]]


def test_tasks_have_no_gpus_where_the_job_has_none() -> None:
    assert tasks_of(gpus(0, 1), 2, gpus_per_node=0) == [[], []]


def test_tasks_that_share_all_cpus_still_share_out_the_gpus() -> None:
    assert tasks_of(gpus(0, 0, 2, 2), 2, bind="none") == [[1, 2], [3, 4]]


def test_every_one_of_the_few_is_taken() -> None:
    for many in ([0] * 5, [0, 0, 0, 3, 3], [3, 2, 1, 0, 0]):
        for few in ([0], [0, 3], [3, 3, 3], [1, 2, 3, 0], [0] * 5):
            assert set(assign(FOUR.topology, many, few)) == set(range(len(few)))
