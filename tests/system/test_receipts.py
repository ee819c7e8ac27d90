"""Receipts of real jobs: as granted, and in the form that the schema promises."""

import json
from pathlib import Path

import jsonschema
import pytest

from hpcsched.client import JobSpec, ResourceRequest

pytestmark = pytest.mark.system
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "receipt.schema.json").read_text())


@pytest.mark.parametrize("runtime", ["lxc", "baremetal"])
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
