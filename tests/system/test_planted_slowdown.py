"""Real containers that are burdened on purpose: the harness finds it, or says why it does not compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hpcsched.bench.handicap import Handicap, busy, cores, no_store_bypass, seccomp
from hpcsched.bench.runner import run
from hpcsched.bench.verdict import Verdict

if TYPE_CHECKING:
    from hpcsched.bench.result import Result
    from hpcsched.bench.verdict import Comparison

pytestmark = pytest.mark.system
FOLDER = Path(__file__).parent / "benchmarks"


@pytest.fixture
def client(up):
    with up.client() as client:
        yield client


def measure(client, pairs: int, handicap: Handicap | None = None) -> Result:
    result = run(client, ("toil",), pairs=pairs, folder=FOLDER, handicap=handicap, precision=-1, seed=7)
    assert not result.failed
    assert [sample.error for sample in result.samples if sample.error] == []
    return result


def compared(result: Result) -> Comparison:
    (comparison,) = result.comparisons
    return comparison


def fact(result: Result, arm: str, name: str) -> str:
    keys = {sample.environment for sample in result.samples if sample.arm == arm}
    return next(result.environments[key].get(name, "") for key in keys)


def test_arms_without_a_handicap_are_alike(client):
    result = measure(client, 2)
    assert compared(result).verdict is Verdict.NOT_SHOWN, compared(result).sentence
    assert "2 pairs are too few" in compared(result).sentence
    assert any(name.startswith("library libc") for name in next(iter(result.environments.values())))


def test_a_busy_loop_beside_the_container_makes_it_different(client):
    """Loops enough to be felt on a machine whose CPUs others want as well."""
    comparison = compared(measure(client, 9, busy(4)))
    assert comparison.verdict is Verdict.DIFFERENT, comparison.sentence
    assert "worse than bare metal" in comparison.sentence


def test_half_of_the_cores_void_the_comparison_by_name(client):
    (node,) = client.nodes()
    if len(node.offer.topology.cores) < 2:
        pytest.skip("this machine has one core, and a container needs one")
    comparison = compared(measure(client, 3, cores(len(node.offer.topology.cores) // 2)))
    assert comparison.verdict is Verdict.VOID
    assert "cpus bound differs" in comparison.reason
    assert comparison.ratio.pairs == 3


def test_another_speculation_control_is_named_as_the_likely_cause(client):
    status = Path("/proc/self/status").read_text()
    if "Speculation_Store_Bypass:\tthread" not in status:
        pytest.skip("this processor or kernel lets no thread choose its speculative store bypass")
    result = measure(client, 1, no_store_bypass())
    assert any("speculation_store_bypass: bare metal thread vulnerable" in cause for cause in compared(result).causes)


def test_another_seccomp_profile_is_named_as_the_likely_cause(client):
    result = measure(client, 1, seccomp(100))
    assert fact(result, "container", "seccomp") == "2"
    assert any(cause.startswith("seccomp: bare metal 0, container 2") for cause in compared(result).causes)
