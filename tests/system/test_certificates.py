"""From a measurement in real containers to a signed proof, and to jobs that require it."""

import json
import os
from pathlib import Path

import pytest

from tests.integration.daemons import DEADLINE_S
from tests.system.conftest import up_in

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A cluster whose node has a certificate, and the files."""
    folder = tmp_path_factory.mktemp("certified")
    report, file = folder / "report.json", folder / "n.certificate.json"
    environment = {**os.environ, "HPCSCHED_BENCHMARKS": str(Path(__file__).parent / "benchmarks")}
    with up_in(folder) as up:
        up.cli("bench", "run", "tiny", "--pairs", "6", "--json", str(report), timeout=DEADLINE_S * 4, env=environment)
        up.cli("certificate", "issue", str(report), "--out", str(file))
        yield up, report, file


def test_a_certificate_is_verified_by_the_controller_that_signed_it(certified):
    up, _, file = certified
    told = json.loads(up.cli("certificate", "verify", str(file), "--output", "json").stdout)
    assert told["valid"]
    assert [finding["ok"] for finding in told["findings"]] == [True, True, True]


def test_without_the_controller_the_key_can_be_given(certified):
    up, _, file = certified
    key = up.cli("certificate", "key").stdout.decode().strip()
    assert up.cli("certificate", "verify", str(file), "--offline", "--key", key).returncode == 0
    up.cli("certificate", "verify", str(file), "--offline", "--key", "ed25519:" + "0" * 64, code=1)


def test_a_changed_figure_is_found(certified):
    up, _, file = certified
    body = json.loads(file.read_text())
    body["certificate"]["figures"][0]["container"] *= 2
    changed = file.with_name("changed.json")
    changed.write_text(json.dumps(body))
    done = up.cli("certificate", "verify", str(changed), code=1)
    assert b"changed after it was signed" in done.stdout


def test_the_node_shows_it(certified):
    up, _, file = certified
    with up.client() as client:
        (node,) = client.nodes()
        (listed,) = client.certificates()
        assert client.certificate(listed.certified.id) == file.read_bytes()
    assert (listed.node, listed.stale) == (node.name, "")
    assert b"certificate host" in up.cli("node", node.name, "--output", "plain").stdout


def test_a_job_that_requires_what_is_shown_runs(certified):
    up, _, _ = certified
    up.cli("run", "--require", "tiny.rate > 1 op/s", "--require", "overhead.tiny < 5000%", "--", "true")


def test_a_job_that_requires_more_is_refused_with_what_the_nearest_shows(certified):
    up, _, _ = certified
    done = up.cli("run", "--require", "tiny.rate >= 1 Pop/s", "--", "true", code=None)
    assert done.returncode != 0
    assert b"the nearest node" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_report_of_other_jobs_is_not_certified(certified):
    up, report, _ = certified
    body = json.loads(report.read_text())
    body["samples"][0]["job_id"] = 999_999
    other = report.with_name("other.json")
    other.write_text(json.dumps(body))
    done = up.cli("certificate", "issue", str(other), code=1)
    assert b"not in this controller's accounting" in done.stderr


def test_a_report_of_another_kernel_is_not_certified(certified):
    up, report, _ = certified
    body = json.loads(report.read_text())
    facts = dict(body["nodes"][0]["facts"])
    body["nodes"][0]["facts"] = sorted({**facts, "kernel": "0.1"}.items())
    other = report.with_name("other.json")
    other.write_text(json.dumps(body))
    done = up.cli("certificate", "issue", str(other), code=1)
    assert b"kernel was 0.1" in done.stderr


def test_a_revoked_certificate_is_found_by_no_job(certified):
    up, report, file = certified
    with up.client() as client:
        identity = client.certificates()[0].certified.id
        client.revoke_certificate(identity)
        assert client.certificates() == []
    done = up.cli("run", "--require", "tiny.rate > 0", "--", "true", code=None)
    assert b"bench run --certify" in done.stderr
    up.cli("certificate", "issue", str(report), "--out", str(file))
