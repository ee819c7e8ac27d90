from dataclasses import replace

import pytest

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.sched.feasibility import require_feasible
from hpcsched.sched.fit import Fitter
from hpcsched.testing.topologies import grid, offer_of

SMALL = offer_of(grid(cores=4), "small")
LARGE = offer_of(grid(cores=16, memory=64 << 30), "large")


def judge(spec: JobSpec, *offers: object) -> None:
    require_feasible(spec, offers, Fitter())  # type: ignore[arg-type]


def asking(nodes: int = 1, runtime: str = "lxc", **request: int) -> JobSpec:
    return JobSpec(command=("x",), nodes=nodes, runtime=runtime, resources=ResourceRequest(**request))


@pytest.mark.parametrize(
    "spec",
    [asking(), asking(nodes=2), asking(cores_per_node=16), asking(cpus_per_node=32), asking(mem_per_node=64 << 30)],
)
def test_what_one_of_the_nodes_could_run_may_wait(spec: JobSpec) -> None:
    judge(spec, SMALL, LARGE)


def test_nothing_is_refused_while_no_node_is_known() -> None:
    judge(asking(nodes=1000, cores_per_node=1000))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            asking(cores_per_node=99),
            "asks for 99 cores per node, the nearest node (large) hands out 16: at most --cores-per-node 16",
        ),
        (
            asking(cpus_per_node=33),
            "asks for 33 cpus per node, the nearest node (large) hands out 32: at most --cpus-per-node 32",
        ),
        (
            asking(mem_per_node=1 << 40),
            "asks for 1T memory per node, the nearest node (large) hands out 65536M: at most --mem-per-node 65536M",
        ),
        (
            asking(cores_per_node=17, mem_per_node=65 << 30),
            "asks for 17 cores and 65G memory per node, the nearest node (large) hands out 16 and 65536M: "
            "at most --cores-per-node 16 --mem-per-node 65536M",
        ),
        (asking(nodes=3), "asks for 3 nodes, this cluster has 2: at most --nodes 2"),
        (asking(nodes=2, cores_per_node=8), "asks for 2 nodes, 1 of the 2 nodes of this cluster can run it: at most --nodes 1"),
        (asking(runtime="jail"), "asks for runtime 'jail', this cluster has: baremetal, lxc"),
    ],
)
def test_what_no_node_could_ever_run_is_refused_with_the_nearest_that_fits(spec: JobSpec, message: str) -> None:
    with pytest.raises(Infeasible) as caught:
        judge(spec, SMALL, LARGE)
    assert str(caught.value) == message


def test_the_nearest_that_is_named_does_fit() -> None:
    odd = replace(SMALL, memory=(3 << 30) + 12345)
    with pytest.raises(Infeasible, match="--mem-per-node 3072M"):
        judge(asking(mem_per_node=5 << 30), odd)
    judge(asking(mem_per_node=3072 << 20), replace(odd, topology=grid(memory=4 << 30)))


def test_counts_that_contradict_each_other_are_invalid() -> None:
    with pytest.raises(InvalidValue, match="give one of the two"):
        judge(asking(cores_per_node=2, cpus_per_node=8), SMALL)


def test_an_answer_is_remembered_until_the_node_offers_something_else() -> None:
    fitter, spec = Fitter(), asking(cores_per_node=3)
    first = fitter.fit(SMALL, spec)
    assert fitter.fit(SMALL, spec) is first
    assert fitter.fit(replace(SMALL, topology=grid(cores=2), cpus=grid(cores=2).pus), spec) is None
