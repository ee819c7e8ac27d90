"""Whole-node jobs back to back on one node, and submits per second: durable, each beside the disk's own floor."""

import os
import tempfile
import time

from hpcsched.client import Client, JobSpec
from tests.perf.cluster import up

JOBS = 200
ONE_BY_ONE = 1000
BATCH = 10_000


def measure() -> list[tuple[str, str]]:
    with up() as here, here.client() as client:
        jobs = back_to_back(client)
        held = JobSpec(command=("true",), hold=True)
        single = per_second(ONE_BY_ONE, lambda: [client.submit(held) for _ in range(ONE_BY_ONE)])
        batch = per_second(BATCH, lambda: client.submit_many([held] * BATCH))
        for job in client.jobs(limit=10_000)[: ONE_BY_ONE + BATCH]:
            assert job.held
    return [
        ("whole-node jobs back to back on one node (aim: 20/s)", f"{jobs:.1f} jobs/s"),
        ("submits one by one, durable (aim: 500/s)", f"{single:.0f} jobs/s"),
        ("submits in one batch call, durable (aim: 5,000/s)", f"{batch:.0f} jobs/s"),
        ("fdatasync of 4 KiB (the floor of one durable submit)", f"{syncs_per_second():.0f} /s"),
    ]


def back_to_back(client: Client) -> float:
    ids = client.submit_many([JobSpec(command=("true",))] * JOBS)
    first, last = client.wait(ids[0], 60), client.wait(ids[-1], 120)
    assert last.exit_code == 0
    return (JOBS - 1) / (last.end_time - first.end_time)


def per_second(count: int, action: object) -> float:
    began = time.perf_counter()
    action()  # type: ignore[operator]
    return count / (time.perf_counter() - began)


def syncs_per_second(count: int = 200) -> float:
    with tempfile.TemporaryFile(dir=".") as file:
        began = time.perf_counter()
        for _ in range(count):
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
        return count / (time.perf_counter() - began)
