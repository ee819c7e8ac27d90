"""A running `hpcsched up` for measurements, and the arithmetic of repeated timings."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.system.conftest import Up


@contextlib.contextmanager
def up() -> Iterator[Up]:
    with tempfile.TemporaryDirectory(prefix="hpcsched-perf-") as folder:
        running = Up(Path(folder))
        try:
            yield running
        finally:
            running.stop()


def timings_ms(
    action: Callable[[], object], count: int, warm: int = 3, before: Callable[[], object] = lambda: None
) -> list[float]:
    """Milliseconds of `count` calls, after `warm` that do not count; `before` each there is something that is not timed."""
    times = []
    for number in range(count + warm):
        before()
        began = time.perf_counter()
        action()
        if number >= warm:
            times.append((time.perf_counter() - began) * 1000)
    return times


def words(times: list[float]) -> str:
    tenth = sorted(times)[int(len(times) * 0.9)]
    return f"p50 {statistics.median(times):7.2f} ms   p90 {tenth:7.2f} ms   min {min(times):7.2f} ms   n {len(times)}"


def run_command(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, capture_output=True)


PYTHON = sys.executable
