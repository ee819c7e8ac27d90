"""What the container costs with an image, measured in one that has a shell and nothing else, and certified for it."""

import json
import os
import shutil
from pathlib import Path

import pytest

from hpcsched.bench.result import Result
from tests.integration.daemons import DEADLINE_S
from tests.system.conftest import up_in

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not shutil.which("busybox"), reason="no busybox for an image; apt-get install busybox-static"),
]
SUITE = Path(__file__).parent / "benchmarks"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A folder of the node that a container may see."""
    return tmp_path_factory.mktemp("shown")


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    for name in ("bin", "etc", "usr"):
        (folder / "images/small" / name).mkdir(parents=True)
    (folder / "images/small/etc/os-release").write_text("NAME=small\n")
    shutil.copy(shutil.which("busybox"), folder / "images/small/bin/sh")
    with up_in(folder) as up:
        yield up


def measured(up, shown, *arguments):
    report = shown / "report.json"
    environment = {**os.environ, "HPCSCHED_BENCHMARKS": str(SUITE)}
    kept = ("--env", f"XDG_CACHE_HOME={shown}/cache", "--json", str(report))
    up.cli("bench", "run", "--image", "small", *arguments, *kept, timeout=DEADLINE_S * 4, env=environment, cwd=shown)
    return Result.read(report)


@pytest.fixture(scope="module")
def result(up, shown):
    return measured(up, shown, "tiny", "boxed", "--pairs", "6", "--all-pairs", "--certify")


def test_a_benchmark_runs_in_an_image_without_python_and_its_arms_are_alike(result):
    assert (result.image, result.failed) == ("small", {})
    assert [sample.error for sample in result.samples if sample.error] == []
    (comparison,) = result.comparisons
    assert (comparison.benchmark, comparison.ratio.pairs) == ("tiny", 6)
    assert comparison.verdict != "void", comparison.notes


def test_what_the_image_does_not_bring_is_named(result):
    assert "there is no python3" in result.absent["boxed"]


def test_the_certificate_holds_for_the_image_and_its_digest(up, shown, result):
    with up.client() as client:
        (node,) = client.nodes()
        (listed,) = client.certificates()
    facts = dict(listed.certified.facts)
    assert (listed.certified.image, listed.stale) == ("small", "")
    assert facts["image small"] == dict(node.offer.facts)["image small"]
    assert "image host" not in facts
    up.cli("certificate", "verify", str(shown / f"{node.name}.certificate.json"))


def test_a_job_of_that_image_can_require_what_it_shows_and_one_of_another_cannot(up, result):
    require = ("--require", "tiny.rate > 0")
    up.cli("run", "--image", "small", *require, "--", "sh", "-c", "exit 0")
    done = up.cli("run", *require, "--", "true", code=None)
    assert b"no node has a valid certificate for image host" in done.stderr


def test_samples_of_another_image_are_not_certified(up, shown, result):
    body = json.loads(result.to_json())
    body["image"] = "host"
    other = shown / "other.json"
    other.write_text(json.dumps(body))
    done = up.cli("certificate", "issue", str(other), code=1)
    assert b"not in this controller's accounting" in done.stderr


def test_a_program_of_the_image_is_measured_with_what_the_node_mounts(up, shown):
    (shown / "number").write_text("Rate: 5\n")
    command = ("--command", f"sh -c 'read line < {shown}/number; echo $line'", "--metric", "Rate: ([0-9]+)")
    found = measured(up, shown, *command, "--mount", str(shown), "--pairs", "1")
    assert {sample.values.get("value") for sample in found.samples} == {5.0}
