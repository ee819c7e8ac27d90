"""A test with real containers leaves the node as it found it."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

OURS = ("/hpcsched/", "/hpcsched.monitor/")
DEADLINE_S = 60.0 * float(os.environ.get("HPCSCHED_TEST_PATIENCE", "1"))


def _left_on_the_node() -> set[str]:
    """Control groups, mounts and supervisors of ours."""
    groups = {folder for folder, _, _ in os.walk("/sys/fs/cgroup") if any(ours in folder for ours in OURS)}
    mounts = {f"mount {line.split()[4]}" for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    return groups | mounts | {f"process {pid}" for pid in _supervisors()}


def _supervisors() -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"hpcsched-init" in (folder / "cmdline").read_bytes():
                yield folder.name


@pytest.fixture(autouse=True)
def no_residue(request: pytest.FixtureRequest) -> Iterator[None]:
    """For tests that are marked `system`."""
    if request.node.get_closest_marker("system") is None:
        yield
        return
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("what others leave just now would count: run tests of real containers without -n", pytrace=False)
    before = _left_on_the_node()
    yield
    deadline = time.monotonic() + DEADLINE_S
    while (left := _left_on_the_node() - before) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left
