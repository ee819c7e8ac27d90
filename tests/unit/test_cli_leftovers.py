"""What counts as left behind, over a made-up /proc and /sys and one real process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpcsched.cli.leftovers import leftovers

STATE = Path("/var/tmp/state-1")


def _process(root: Path, pid: int, name: str, text: str) -> None:
    folder = root / f"proc/{pid}"
    folder.mkdir(parents=True)
    (folder / "comm").write_text("job\n")
    if name in ("cwd", "fd"):
        place = folder / "fd" / "3" if name == "fd" else folder / name
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(text)
    else:
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cmdline", f"init\0{STATE}/x"),
        ("mountinfo", f"1 2 0:3 / / rw - overlay none rw,upperdir={STATE}/upper"),
        ("cwd", f"{STATE}/work"),
        ("fd", f"{STATE}/job1.out"),
    ],
)
def test_a_process_that_uses_the_folder_is_found(name: str, text: str, tmp_path: Path) -> None:
    _process(tmp_path, 7, name, text)
    _process(tmp_path, 8, name, text.replace("state-1", "other"))
    (found,) = leftovers(STATE, [], tmp_path)
    assert found.startswith("process 7: ")


def test_a_mount_is_found(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(
        f"1 2 0:3 / {STATE}/root rw - overlay none rw\n4 5 0:6 / /tmp rw - tmpfs none rw\n"
    )
    assert leftovers(STATE, [], tmp_path) == [f"mount {STATE}/root"]


def test_a_control_group_is_found_in_any_hierarchy(tmp_path: Path) -> None:
    top = tmp_path / "sys/fs/cgroup"
    (top / "cpuset/hpcsched/job1-a").mkdir(parents=True)
    (top / "memory/slice/hpcsched/job1-a/payload").mkdir(parents=True)
    (top / "cpuset/hpcsched/job2-a").mkdir(parents=True)
    (top / "cpuset/other/job3-a").mkdir(parents=True)
    asked = ["/sys/fs/cgroup/cpuset/hpcsched/job1-a/payload", "/sys/fs/cgroup/cpuset/hpcsched/job3-a/payload", "/", ""]
    found = leftovers(STATE, asked, tmp_path)
    assert found == [f"control group {top}/cpuset/hpcsched/job1-a", f"control group {top}/memory/slice/hpcsched/job1-a"]


def test_a_real_process_is_found_until_it_ends(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=tmp_path, stdin=subprocess.PIPE) as child:
        assert [line.split(":")[0] for line in leftovers(tmp_path, [])] == [f"process {child.pid}"]
        assert child.stdin
        child.stdin.write(b"\n")
        child.stdin.close()
        child.wait(10)
    assert leftovers(tmp_path, []) == []
