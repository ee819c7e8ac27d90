from dataclasses import replace

import pytest

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.allocation import HugePages
from hpcsched.model.device import DeviceKind
from hpcsched.model.job import JobSpec, ResourceRequest
from hpcsched.sched.feasibility import require_feasible
from hpcsched.sched.fit import Fitter
from hpcsched.testing.topologies import grid, offer_of, with_devices

SMALL = offer_of(grid(cores=4), "small")
LARGE = replace(offer_of(grid(cores=16, memory=64 << 30), "large"), tunings=("quiet", "hpc"))
GPUS = replace(
    with_devices(offer_of(grid(cores=2, memory=8 << 30), "gpus"), DeviceKind.GPU, (0, 0)), hugepages=(HugePages(0, 2 << 20, 512),)
)


def judge(spec: JobSpec, *offers: object) -> None:
    require_feasible(spec, offers, Fitter())  # type: ignore[arg-type]


def asking(nodes: int = 1, runtime: str = "lxc", **request: object) -> JobSpec:
    return JobSpec(command=("x",), nodes=nodes, runtime=runtime, resources=ResourceRequest(**request))  # type: ignore[arg-type]


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
        (asking(nodes=4), "asks for 4 nodes, this cluster has 3: at most --nodes 3"),
        (asking(nodes=2, cores_per_node=8), "asks for 2 nodes, 1 of the 3 nodes of this cluster can run it: at most --nodes 1"),
        (
            asking(cpus_per_node=17, threads_per_core=1),
            "asks for 17 cpus per node, the nearest node (large) hands out 16: at most --cpus-per-node 16",
        ),
        (
            asking(gpus_per_node=3),
            "asks for 3 GPUs per node, the nearest node (gpus) hands out 2: at most --gpus-per-node 2",
        ),
        (
            asking(hugepages=((2 << 20, 600),)),
            "asks for 600 huge pages of 2M per node, the nearest node (gpus) hands out 512: at most --hugepages 2M:512",
        ),
        (
            asking(hugepages=((1 << 30, 1),)),
            "asks for 1 huge page of 1G per node, the nearest node (small) hands out no such page "
            "(its agent looks for pools when it starts: sysctl vm.nr_hugepages)",
        ),
        (
            asking(hugepages=((1 << 30, 2),), gpus_per_node=3),
            "asks for 3 GPUs and 2 huge pages of 1G per node, the nearest node (gpus) hands out 2 and no such page "
            "(its agent looks for pools when it starts: sysctl vm.nr_hugepages): at most --gpus-per-node 2",
        ),
        (
            asking(ntasks_per_node=8, cpus_per_task=8),
            "asks for 8 tasks of 8 cpus per node, the nearest node (large) hands out 32 cpus: at most --ntasks-per-node 4",
        ),
        (
            asking(ntasks_per_node=33),
            "asks for 33 tasks of 1 cpu per node, the nearest node (large) hands out 32 cpus: at most --ntasks-per-node 32",
        ),
        (
            asking(ntasks_per_node=2, cpus_per_task=40),
            "asks for 2 tasks of 40 cpus per node, the nearest node (large) hands out 32 cpus: at most --cpus-per-task 32",
        ),
        (asking(numa="0,3"), "asks for NUMA node 3, node small hands out cpus of NUMA node 0: at most --numa 0"),
        (asking(tuning="fast"), "asks for tuning 'fast', this cluster has: hpc, quiet"),
        (asking(runtime="jail"), "asks for runtime 'jail', this cluster has: baremetal, lxc"),
    ],
)
def test_what_no_node_could_ever_run_is_refused_with_the_nearest_that_fits(spec: JobSpec, message: str) -> None:
    with pytest.raises(Infeasible) as caught:
        judge(spec, SMALL, LARGE, GPUS)
    assert str(caught.value) == message


def test_the_nearest_that_is_named_does_fit() -> None:
    odd = replace(SMALL, memory=(3 << 30) + 12345, topology=grid(cores=4, memory=4 << 30))
    with pytest.raises(Infeasible, match="--mem-per-node 3072M"):
        judge(asking(mem_per_node=5 << 30), odd)
    judge(asking(mem_per_node=3072 << 20), odd)


def test_counts_that_contradict_each_other_are_invalid() -> None:
    with pytest.raises(InvalidValue, match="give one of the two"):
        judge(asking(cores_per_node=2, cpus_per_node=8), SMALL)


def test_an_answer_is_remembered_until_the_node_offers_something_else() -> None:
    fitter, spec = Fitter(), asking(cores_per_node=3)
    first = fitter.fit(SMALL, spec)
    assert fitter.fit(SMALL, spec) is first
    assert fitter.fit(replace(SMALL, topology=grid(cores=2), cpus=grid(cores=2).pus), spec) is None


def test_what_is_named_for_gpus_tasks_pages_and_tunings_does_fit() -> None:
    judge(asking(gpus_per_node=2), SMALL, GPUS)
    judge(asking(hugepages=((2 << 20, 512),)), SMALL, GPUS)
    judge(asking(ntasks_per_node=4, cpus_per_task=8), SMALL, LARGE)
    judge(asking(tuning="hpc"), SMALL, LARGE)


def test_a_node_without_the_tuning_cannot_run_the_job() -> None:
    assert Fitter().fit(SMALL, asking(tuning="hpc")) is None
    assert Fitter().fit(LARGE, asking(tuning="hpc")) is not None


def test_quantities_that_fit_one_by_one_but_not_together_are_refused_by_what_is_short() -> None:
    two = replace(offer_of(grid(nodes=2), "two"), hugepages=(HugePages(0, 4096, 2), HugePages(1, 4096, 2)))
    with pytest.raises(Infeasible, match="node two has 2 on the job's NUMA node 0, 4 in all"):
        judge(asking(cores_per_node=1, hugepages=((4096, 3),)), two)
