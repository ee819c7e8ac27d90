"""Benchmarks where there are several NUMA nodes: figures of each, and a container with memory from the wrong one is found out.

An emulated machine has no slower remote memory. So nothing is said of speeds here: what counts is where pages lie, what is
measured, and what the fingerprints of the arms show.
"""

import json
import shutil
import sys
from pathlib import Path

import pytest

from hpcsched.bench.handicap import memory_node
from hpcsched.bench.runner import run
from hpcsched.bench.verdict import Verdict
from hpcsched.client import JobSpec, ResourceRequest
from hpcsched.model.job import JobState
from tests.numa.jobs import ended, held
from tests.numa.machine import distance, nodes_with, pages, preferred

pytestmark = pytest.mark.system
SHARE, PACKAGES = Path("/job/share"), Path("/usr/local/lib/python3.11/dist-packages")
SUITE = PACKAGES / "benchmarks"
HERE, FAR = nodes_with("cpu")


@pytest.fixture(scope="module", autouse=True)
def installed():
    """On the root of the guest, which containers see, unlike the tests' own folder."""
    for source in (SHARE / "hpcsched", SHARE / "benchmarks", SHARE / "site/msgspec"):
        shutil.copytree(source, PACKAGES / source.name)


def measured(cluster, handicap=None):
    """One pair, and the pair before it that warms up."""
    with cluster.client() as client:
        result = run(client, ("latency",), pairs=1, folder=SUITE, handicap=handicap, precision=-1, seed=7)
    assert not result.failed
    assert [sample.error for sample in result.samples if sample.error] == []
    assert {sample.mems for sample in result.samples} == {f"{HERE}-{FAR}"}
    return result


def policies(result, *arms):
    return {result.environments[sample.environment]["memory_policy"] for sample in result.samples if sample.arm in arms}


def answer(cluster, name, *options, **resources):
    """Of a script of the suite that runs as a job."""
    command = (sys.executable, str(SUITE / f"{name}.py"), *options)
    job, output = ended(cluster, JobSpec(command=command, resources=ResourceRequest(**resources), time_limit_s=600))
    assert job.state is JobState.COMPLETED, output
    return json.loads(output.splitlines()[-1])


def test_arms_that_both_have_the_memory_of_two_nodes_are_alike_and_remote_memory_has_a_figure(cluster):
    result = measured(cluster)
    assert policies(result, "bare", "container", "control") == {"default"}
    assert f"remote{distance(HERE, FAR)}_ns" in {one.metric.name for one in result.comparisons}
    assert {one.verdict for one in result.comparisons} == {Verdict.NOT_SHOWN}
    assert all(one.reason.startswith("1 pair is too few") for one in result.comparisons)
    assert not any(one.causes for one in result.comparisons)


def test_memory_from_the_wrong_node_voids_the_comparison_by_name(cluster):
    result = measured(cluster, memory_node(FAR))
    assert policies(result, "bare", "control") == {"default"}
    assert {one.verdict for one in result.comparisons} == {Verdict.VOID}
    assert {one.reason for one in result.comparisons} == {f"memory_policy differs: bare metal default, container bind:{FAR}"}


@pytest.mark.parametrize("node", [HERE, FAR])
def test_the_pages_of_a_container_with_memory_from_one_node_lie_there(cluster, node):
    with held(cluster, ResourceRequest(), under=memory_node(node).wrap((sys.executable,), ())) as job:
        assert set(pages(job.pid)) == {node}
        assert preferred(job.pid) == f"bind:{node}"


def test_the_bandwidth_of_each_node_is_measured(cluster):
    found = answer(cluster, "stream", "--json")
    assert found["verified"]
    assert {f"triad_node{HERE}", f"triad_node{FAR}"} < set(found["metrics"])


def test_a_job_on_one_of_two_nodes_is_told_what_it_cannot_measure(cluster):
    lacks = {name: answer(cluster, name, "--prepare", numa=str(FAR))["lacks"] for name in ("latency", "stream")}
    assert f"remote memory: this job may take memory from NUMA node {FAR} alone" in lacks["latency"]
    assert "the bandwidth of each NUMA node: the bound cores are all on one" in lacks["stream"]
