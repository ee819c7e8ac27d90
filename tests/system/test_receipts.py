"""Receipts of real jobs: as granted, and in the form that the schema promises."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest

from hpcsched.client import JobSpec, ResourceRequest
from tests.integration.daemons import DEADLINE_S

pytestmark = pytest.mark.system
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "receipt.schema.json").read_text())
BOTH = pytest.mark.parametrize("runtime", ["lxc", "baremetal"])
TOIL = "import time\nwhile time.process_time() < 1.0: pass"


@contextmanager
def busy_on(cpus):
    """A process that wants all time of each of them."""
    code = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
    running = [subprocess.Popen([sys.executable, "-c", code, str(cpu)]) for cpu in cpus]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


@BOTH
def test_what_others_take_of_the_cpus_is_on_the_receipt(up, runtime):
    """Who shares a CPU with one that is as busy has half of it."""
    spec = JobSpec(command=("python3", "-c", TOIL), runtime=runtime, resources=ResourceRequest(cores_per_node=1))
    with up.client() as client:
        job = client.granted(client.submit(spec), DEADLINE_S)
        with busy_on(job.allocation.bindings[0].binding.cpus):
            sampled = client.wait(job.id, DEADLINE_S).parts[0].sampled
    assert 0.25 < sampled.others <= 1.0
    assert sampled.others + sampled.steal <= 1.0


@BOTH
def test_a_receipt_for_scripts_has_the_promised_form_and_names_no_difference(up, runtime):
    request = ResourceRequest(cores_per_node=1, mem_per_node=256 << 20, ntasks_per_node=1, tuning="hpc")
    with up.client() as client:
        job = client.wait(client.submit(JobSpec(command=("true",), runtime=runtime, resources=request)), 60)
    found = json.loads(up.cli("receipt", str(job.id), "--output", "json").stdout)
    jsonschema.validate(found, SCHEMA)
    assert [part["differs"] for part in found] == [[]]
    assert [task["cpus"] for task in found[0]["observed"]["tasks"]] == [found[0]["binding"]["cpus"]]
    assert found[0]["observed"]["tuning"]
    assert found[0]["sampled"]["samples"] > 0


def test_a_receipt_for_people_ticks_what_was_granted(up):
    job = int(up.cli("submit", "--wait", "--cores-per-node", "1", "--", "true").stdout)
    lines = up.cli("receipt", str(job)).stdout.decode().splitlines()
    signs = {
        line.split("│")[1].strip(): line.split("│")[-2].strip()
        for line in lines
        if line.startswith("│ ") and line.count("│") == 6
    }
    granted = ("runtime", "cpus", "mems", "memory", "CFS quota", "namespaces")
    assert {what: signs[what] for what in granted} == dict.fromkeys(granted, "✓")
    assert "✗" not in signs.values()
