"""A node that goes slow is found, drained, found well and resumed, by canaries that get out of the way of jobs."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from hpcsched.bench.drift import LEARN
from hpcsched.client import JobSpec
from hpcsched.controller.canary_store import CanaryStore
from hpcsched.model.canary import Stand
from hpcsched.model.job import Job
from hpcsched.model.node import NodeState
from tests.integration.daemons import DEADLINE_S, eventually
from tests.system.conftest import Up, up_in

pytestmark = pytest.mark.system
SEEN_S = 2 * DEADLINE_S
"""A dozen canaries, one a second at most."""
TOY = """
import json, sys, time
from pathlib import Path
if __name__ != "__main__":
    sys.path.insert(0, {package!r})
    from hpcsched.bench.about import About, Metric
    ABOUT = About("toy", "what a file says", "this test", (Metric("speed", "GB/s"),), 0.01)
else:
    if "--prepare" in sys.argv:
        print(json.dumps({{"settings": {{}}}}))
    else:
        speed, seconds = Path({file!r}).read_text().split()
        time.sleep(float(seconds))
        metrics = {{"speed": {{"value": float(speed), "unit": "GB/s", "higher_is_better": True}}}}
        print(json.dumps({{"verified": True, "metrics": metrics}}))
"""
SETTINGS = """
[canary]
enabled = true
benchmarks = ["toy"]
folder = {folder!r}
runtime = "baremetal"
interval = "1s"
retests = 3
retest_interval = "1s"
pause = "1s"
"""


class Toy:
    """A benchmark whose figure, and how long it takes, stand in a file."""

    def __init__(self, folder: Path) -> None:
        self.file, benchmarks = folder / "speed", folder / "benchmarks"
        benchmarks.mkdir()
        package = str(Path(__file__).parents[2])
        (benchmarks / "toy.py").write_text(TOY.format(package=package, file=str(self.file)))
        self.config = folder / "config.toml"
        self.config.write_text(SETTINGS.format(folder=str(benchmarks)))
        self.set(100.0)

    def set(self, speed: float, seconds: float = 0.0) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{speed} {seconds}")
        fresh.rename(self.file)


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


def stand(up: Up) -> Stand | None:
    with up.client() as client:
        return next((node.stand for node in client.canaries()), None)


def learn_almost_all(up: Up) -> None:
    """Once it is measured, and nothing runs: all but one of the figures of its history are like the first."""
    store = CanaryStore(up.folder / "controller")
    eventually(lambda: bool(store.load()[0]), "it is measured", SEEN_S, every_s=0.1)
    assert up.stop() == 0
    (node,), _ = store.load()
    track = node.tracks["toy.speed"]
    track.learnt = track.learnt[:1] * (LEARN - 1)
    track.recent = list(track.learnt)
    store.keep(msgspec.json.encode(node), node.name)


def test_a_slow_node_is_drained_with_the_figures_and_resumed_when_it_is_well(tmp_path: Path, toy: Toy) -> None:
    with up_in(tmp_path, "--config", str(toy.config)) as up:
        learn_almost_all(up)
    with up_in(tmp_path, "--config", str(toy.config)) as up, up.client() as client:
        eventually(lambda: stand(up) is Stand.OK, "its history is learnt", SEEN_S)
        name = client.nodes()[0].name
        eventually(lambda: client.node(name).medians, "it is known how fast it is", SEEN_S)
        assert [(one.metric, one.value) for one in client.node(name).medians] == [("toy.speed", pytest.approx(100.0))]
        toy.set(95.0)
        eventually(lambda: client.nodes()[0].state is NodeState.DRAINED, "it is drained", SEEN_S)
        assert client.nodes()[0].drain_reason.startswith("slow: toy.speed 95 GB/s, 5.0% below its median of 100 (z -")
        assert b"SLOW" in up.cli("canaries").stdout
        found = client.node(name).canaries
        assert found is not None
        assert {figure.metric: figure.usual for figure in found.figures} == {"toy.speed": pytest.approx(100.0)}
        assert re.search(rb"canary toy.speed +median [\d.]+ GB/s, .* from its baseline of 100; ", up.cli("node", name).stdout)
        toy.set(100.0)
        eventually(lambda: not client.nodes()[0].drain_reason, "it is resumed", SEEN_S)
        assert client.records() == []
        assert client.jobs(include_ended=True) == []


def test_a_job_does_not_wait_for_the_end_of_a_canary(tmp_path: Path, toy: Toy) -> None:
    toy.set(100.0, seconds=50.0)

    def canaries() -> list[Job]:
        return [job for job in client.jobs(include_workers=True) if job.spec.canary and job.start_time]

    with up_in(tmp_path, "--config", str(toy.config)) as up, up.client() as client:
        eventually(lambda: any("--json" in job.spec.command for job in canaries()), "it measures", SEEN_S)
        [canary] = canaries()
        job = client.wait(client.submit(JobSpec(command=("true",), runtime="baremetal")))
        assert job.exit_code == 0
        assert job.start_time < canary.start_time + 50.0
