"""`make test-numa`: boots the guests, as many side by side as there are cores, and runs their tests. Names choose some.

Environment: NUMA_SCRIPTS, the folder of the test bed's run.sh; NUMA_TESTBED, the folder of its image.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.numa.guests import GUESTS, Guest
from tests.numa.stage import ROOT, stage

FOLDER = ROOT / ".numa"
SCRIPTS = Path(os.environ.get("NUMA_SCRIPTS", ROOT / "../shared/testbed/numa")).resolve()
IMAGE = Path(os.environ.get("NUMA_TESTBED", FOLDER))
KERNEL = "no_timer_check"
"""On a busy host an emulated timer may miss the ticks that the kernel counts while it boots, and then it panics."""
TAIL = 60
SIDE_BY_SIDE = min(3, max(1, len(os.sched_getaffinity(0))))


async def run(guest: Guest, shares: Sequence[str]) -> bool:
    """Boot, test, print how it went; True when all its tests passed."""
    log = FOLDER / "logs" / f"{guest.name}.log"
    began = time.monotonic()
    code = await _booted(guest, shares, log)
    text = log.read_text(errors="replace").rstrip()
    verdict = "ok  " if code == 0 else f"FAIL ({code})"
    print(f"{guest.name:<10} {verdict} {time.monotonic() - began:4.0f} s  {text.splitlines()[-1] if text else ''}", flush=True)
    if code:
        print("\n".join(text.splitlines()[-TAIL:]), flush=True)
    return code == 0


async def _booted(guest: Guest, shares: Sequence[str], log: Path) -> int:
    script = Path(__file__).with_name("guest.sh")
    options = [*guest.machine, "--append", KERNEL, "--timeout", str(guest.limit_s), *shares, "--", str(script)]
    tests = [*(f"--agent={line}" for line in guest.agent), *guest.tests]
    environment = {**os.environ, "NUMA_TESTBED": str(IMAGE)}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(SCRIPTS / "run.sh"), *options, *tests, stdout=output, stderr=output, env=environment
        )
        try:
            return await process.wait()
        finally:
            await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """run.sh ends its guest on SIGTERM."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.shield(process.wait())


async def run_all(guests: Sequence[Guest], shares: Sequence[str]) -> bool:
    """True when all passed. SIGINT and SIGTERM end the guests and raise CancelledError."""
    task = asyncio.current_task()
    assert task
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    places = asyncio.Semaphore(SIDE_BY_SIDE)

    async def in_turn(guest: Guest) -> bool:
        async with places:
            return await run(guest, shares)

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(in_turn(guest)) for guest in guests]
    return all(one.result() for one in running)


def main(chosen: Sequence[str]) -> int:
    unknown = sorted(set(chosen) - {guest.name for guest in GUESTS})
    if unknown:
        print(f"no guest {unknown[0]!r}; there are: {' '.join(guest.name for guest in GUESTS)}", file=sys.stderr)
        return 2
    (FOLDER / "logs").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="share-") as folder:
        shares = [part for path, name in stage(Path(folder), FOLDER) for part in ("--share", f"{path}:{name}")]
        guests = [guest for guest in GUESTS if guest.name in chosen or not (chosen or guest.extra)]
        try:
            return 0 if asyncio.run(run_all(guests, shares)) else 1
        except asyncio.CancelledError:
            return 130


sys.exit(main(sys.argv[1:]))
