"""The controller's memory after 100,000 finished jobs, and its restart with 100,000 jobs in the journal."""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

JOBS = 100_000


def measure() -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="hpcsched-perf-") as folder:
        finished = child("finish", folder)
        restart = child("restart", folder)
    with tempfile.TemporaryDirectory(prefix="hpcsched-perf-") as folder:
        child("queue", folder)
        waiting = child("restart", folder)
    return [
        ("controller at rest, before any job", f"{finished['before_mib']:.0f} MiB"),
        (f"after {JOBS:,} finished jobs (aim: under 200 MB more)", f"{finished['after_mib']:.0f} MiB"),
        (f"restart after {JOBS:,} finished jobs (aim: 5 s)", f"{restart['seconds']:.2f} s"),
        (f"restart with {JOBS:,} waiting jobs (aim: 5 s)", f"{waiting['seconds']:.2f} s, {waiting['jobs']:,} jobs"),
    ]


def child(what: str, folder: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-m", "tests.perf.perf_controller", what, folder], stdout=subprocess.PIPE, check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


async def finish(folder: Path) -> dict[str, float]:
    """Submit and end jobs by cancelling them, through the loop and the journal, without any container."""
    async with _controller(folder) as desk:
        before = _mib()
        for start in range(0, JOBS, 1000):
            ids = await desk.submit(f"r{start}", [_held()] * 1000)
            for job_id in ids[:-1]:
                desk.background(_cancel(desk, job_id))
            await _cancel(desk, ids[-1])
        await desk.loop.until(lambda state: not state.jobs)
        return {"before_mib": before, "after_mib": _mib()}


async def queue(folder: Path) -> dict[str, float]:
    async with _controller(folder) as desk:
        for start in range(0, JOBS, 10_000):
            await desk.submit(f"r{start}", [_held()] * 10_000)
    return {}


async def restart(folder: Path) -> dict[str, float]:
    import time

    began = time.perf_counter()
    async with _controller(folder) as desk:
        return {"seconds": time.perf_counter() - began, "jobs": len(desk.loop.state.jobs)}


def _held():  # type: ignore[no-untyped-def]
    from hpcsched.model.job import JobSpec

    return JobSpec(command=("true",), hold=True)


async def _cancel(desk, job_id):  # type: ignore[no-untyped-def]
    from hpcsched.state import decide

    await desk.loop.do(lambda state, now: decide.cancel(state, job_id, now))


def _controller(folder: Path):  # type: ignore[no-untyped-def]
    from hpcsched.config import ControllerConfig
    from hpcsched.controller.server import controller

    return controller(ControllerConfig(listen=f"unix://{folder}/s.sock", state_dir=str(folder / "state")))


def _mib() -> float:
    import psutil

    return psutil.Process().memory_info().rss / 2**20


if __name__ == "__main__":
    work = {"finish": finish, "queue": queue, "restart": restart}[sys.argv[1]]
    print(json.dumps(asyncio.run(work(Path(sys.argv[2])))))
