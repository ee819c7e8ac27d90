"""Array tasks of `true` per second through the whole of controller, journal, agent and container, beside HyperQueue (PyPI)."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from hpcsched.client import Client, JobSpec, ResourceRequest
from hpcsched.model.job import JobState
from tests.perf.cluster import up
from tests.perf.peer import python_with

TASKS = 5000
ROUNDS = 3
_HYPERQUEUE = """
import sys, time
from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig
count, cores = int(sys.argv[1]), int(sys.argv[2])
with LocalCluster() as cluster:
    cluster.start_worker(WorkerConfig(cores=cores))
    client = cluster.client()
    for size in (10, count):
        job = Job()
        for _ in range(size):
            job.program(["true"], stdout=None, stderr=None)
        began = time.perf_counter()
        client.wait_for_jobs([client.submit(job)])
    print("SECONDS", time.perf_counter() - began)
"""


def measure() -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="hpcsched-perf-") as folder, up() as here, here.client() as client:
        peer = python_with("hyperqueue", Path(folder))
        ours = [_ours(client) for _ in range(ROUNDS)]
        theirs = [_theirs(peer, Path(folder)) for _ in range(ROUNDS)] if peer else []
    cpus = len(os.sched_getaffinity(0))
    rows = [(f"array of {TASKS} times true on {cpus} cpus (aim: 300/s)", _words(ours))]
    if theirs:
        rows.append((f"HyperQueue, {TASKS} times true without output, the same cpus", _words(theirs)))
        rows.append(("ratio to HyperQueue (above 1: ahead)", f"{statistics.median(ours) / statistics.median(theirs):.2f}"))
    else:
        rows.append(("HyperQueue", "not measured: it cannot be installed here"))
    return rows


def _words(rates: list[float]) -> str:
    return f"median {statistics.median(rates):6.0f} tasks/s   worst {min(rates):6.0f}   n {len(rates)}"


def _ours(client: Client) -> float:
    """From submit to the array's end, as its user sees it."""
    spec = JobSpec(command=("true",), array=f"0-{TASKS - 1}", resources=ResourceRequest(cpus_per_node=1))
    began = time.perf_counter()
    job = client.wait(client.submit(spec), 300)
    assert job.state is JobState.COMPLETED, job
    assert job.array is not None
    assert job.array.done == TASKS
    return TASKS / (time.perf_counter() - began)


def _theirs(python: Path, folder: Path) -> float:
    cpus = str(len(os.sched_getaffinity(0)))
    command = [str(python), "-c", _HYPERQUEUE, str(TASKS), cpus]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
        cwd=folder,
        timeout=300,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    return TASKS / float(done.stdout.split("SECONDS")[1])
