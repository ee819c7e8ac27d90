"""One's own program and sweeps of it, with real containers and bare metal."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from hpcsched.bench.result import Result
from tests.integration.daemons import DEADLINE_S, eventually
from tests.system.conftest import COMMAND, Up

pytestmark = pytest.mark.system
SCRIPT = """#!/bin/sh
grep Cpus_allowed_list /proc/self/status
echo "work on $1 done"
echo "rate: $1$SCALE.5 things/s"
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    file = tmp_path / "app"
    file.write_text(SCRIPT)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def options(app: Path, *more: str) -> list[str]:
    metric = ("--metric", r"rate: (?P<rate>[0-9.]+)", "--unit", "things/s", "--check", "done$")
    return ["bench", "run", "--command", "./app {n}", *metric, "-D", str(app), "--pairs", "1", "--sweep", "arg:n=3,4", *more]


def running(up: Up) -> list[int]:
    with up.client() as client:
        return [job.id for job in client.jobs() if not job.state.ended]


def test_a_program_is_measured_in_both_arms_over_its_arguments_and_variables(up: Up, app: Path) -> None:
    out = app / "out"
    up.cli(*options(app, "--sweep", "env:SCALE=1,2", "--out", str(out)))
    table = list(csv.DictReader((out / "table.csv").read_text().splitlines()))
    assert [(row["arg:n"], row["env:SCALE"], row["arm"], row["median"]) for row in table] == [
        (n, scale, arm, f"{n}{scale}.5") for n in "34" for scale in "12" for arm in ("bare", "container", "control")
    ]
    result = Result.read(next(out.glob("0001-*.json")))
    assert not any(sample.error for sample in result.samples)
    assert {sample.config["checked"] for sample in result.samples} == {"done$"}
    assert result.lacks["app"][0].startswith("whether the figures are right: exit code 0 and a match of 'done$'")
    assert all("library app" in environment for environment in result.environments.values())


def test_a_sweep_that_was_killed_goes_on_and_one_that_is_terminated_leaves_no_job(up: Up, app: Path) -> None:
    out = app / "out"
    command = [*COMMAND, "--address", up.address, *options(app, "--out", str(out))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: len(list(out.glob("0*.json"))) == 1, "one combination is finished", every_s=0.01)
    process.kill()
    process.wait(DEADLINE_S)
    first = {file: file.read_bytes() for file in out.glob("0*.json")}
    eventually(lambda: not running(up), "the sample that was under way has ended", every_s=0.05)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    eventually(lambda: bool(running(up)), "the next one is measured", every_s=0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130, said
    assert "the same call goes on from here" in said
    eventually(lambda: not running(up), "its job is cancelled", every_s=0.05)
    done = up.cli(*options(app, "--out", str(out), "--output", "json"))
    assert [row["parameters"]["arg:n"] for row in json.loads(done.stdout)] == ["3"] * 3 + ["4"] * 3
    assert all(file.read_bytes() == body for file, body in first.items())


def test_a_program_that_a_container_cannot_see_is_refused_with_what_to_do(up: Up, app: Path) -> None:
    place = Path("/dev/shm") / f"hpcsched-test-{os.getpid()}"
    place.mkdir()
    try:
        shutil.copy(app / "app", place / "app")
        done = up.cli("bench", "run", "--command", f"{place}/app 3", "--pairs", "1", "--no-compare", code=None)
    finally:
        (place / "app").unlink(missing_ok=True)
        place.rmdir()
    assert done.returncode == 1
    assert b"an admin can add to [agent] mount_allow" in done.stdout
