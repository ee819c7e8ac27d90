"""Where files are measured, that nothing is left there, and what is read out of fio's answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hpcsched.bench import fio
from hpcsched.bench.places import PREFIX, STALE_S, Place, device_of, file_system, locked, own_folder, places, remove_stale, room
from hpcsched.errors import MissingTool, WrongResult

MOUNTS = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 0:25 / /tmp rw - tmpfs tmpfs rw
29 27 8:1 / /data rw - xfs /dev/sda1 rw
30 29 0:30 / /data/fast\\040one rw - ext4 /dev/sdb1 rw
31 27 8:2 / /data rw - btrfs /dev/sdc1 rw
"""


def told(**changes: Any) -> str:
    way = {"io_bytes": 4096, "bw_bytes": 1_000_000_000, "iops": 5000.5}
    job = {"jobname": "in-order", "error": 0, "read": dict(way), "write": dict(way), **changes}
    return "note: both iodepth >= 1 and synchronous I/O engine are selected\n" + json.dumps({"jobs": [job]})


def test_figures_are_read_from_behind_fio_s_notes() -> None:
    found = fio.figures(told())
    assert found["read"]["bw_bytes"] == 1_000_000_000
    assert found["write"]["iops"] == 5000.5


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (told(error=84), "read other data than it wrote: this run has no speed"),
        (told(error=28), "ended with error 28"),
        (told(read={"io_bytes": 0, "bw_bytes": 0, "iops": 0}), "did no read"),
        ("fio: engine libaio not loadable", "printed no result: fio: engine"),
        ("{}", "printed no result"),
        ('{"jobs": []}', "printed no result"),
    ],
)
def test_what_fio_did_wrong_has_no_speed(text: str, word: str) -> None:
    with pytest.raises(WrongResult, match=word):
        fio.figures(text)


def test_data_are_written_past_the_cache_and_verified() -> None:
    work = fio.Work(64 << 20, 8 << 20)
    for command in (fio.in_order("/usr/bin/fio", Path("/x/data"), work), fio.at_random("/usr/bin/fio", Path("/x/data"), work)):
        assert {"--direct=1", "--verify=crc32c", "--do_verify=1", "--verify_fatal=1", "--filename=/x/data"} <= set(command)
    assert "--io_size=8388608" in command


def test_a_node_without_fio_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="apt install fio"):
        fio.find()


@pytest.mark.parametrize(
    ("folder", "kind"), [("/var/lib", "ext4"), ("/tmp", "tmpfs"), ("/data/x", "btrfs"), ("/database", "ext4")]
)
def test_a_folder_s_file_system_is_that_of_the_last_mount_above_it(folder: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    assert file_system(folder, tmp_path / "mountinfo") == kind


def test_memory_is_no_disk_and_is_said_so() -> None:
    if file_system("/dev/shm") != "tmpfs":
        pytest.skip("no tmpfs at /dev/shm")
    found, lacks = places({"HPCSCHED_SCRATCH": "/dev/shm"})
    assert "scratch" not in {place.name for place in found}
    assert any("/dev/shm is a tmpfs: memory, no disk; name another folder with HPCSCHED_SCRATCH" in lack for lack in lacks)


def test_a_scratch_that_is_not_there_is_said_so() -> None:
    _, lacks = places({"HPCSCHED_SCRATCH": "/no/such"})
    assert any("no folder /no/such" in lack for lack in lacks)


def test_the_scratch_that_is_named_comes_with_its_device(tmp_path: Path) -> None:
    found, lacks = places({"HPCSCHED_SCRATCH": str(tmp_path)})
    if any("scratch" in lack for lack in lacks):
        pytest.skip(f"no disk at {tmp_path}: {lacks}")
    scratch = next(place for place in found if place.name == "scratch")
    assert scratch == Place("scratch", str(tmp_path), device_of(str(tmp_path)), file_system(str(tmp_path)))
    assert [place.device for place in found if place.name == "root"] in ([], [""])


def test_a_file_takes_at_most_a_quarter_of_what_is_free(tmp_path: Path) -> None:
    assert room(str(tmp_path), 32 << 20, 16 << 20) == 32 << 20
    assert room(str(tmp_path), 1 << 60, 16 << 20) <= os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize // 4
    assert room(str(tmp_path), 1 << 60, 1 << 59) == 0


def test_a_folder_of_ours_is_gone_after_an_error(tmp_path: Path) -> None:
    def write_and_fail() -> None:
        with own_folder(str(tmp_path)) as folder:
            (folder / "data").write_text("x")
            raise ValueError("of the test")

    with pytest.raises(ValueError, match="of the test"):
        write_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_ours_is_gone_after_a_sigterm(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom hpcsched.bench.places import own_folder\n"
        f"with own_folder({str(tmp_path)!r}) as folder:\n"
        "    (folder / 'data').write_text('x')\n    print('ready', flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed_unless_it_is_young_or_held(tmp_path: Path) -> None:
    for name in ("old", "held", "young"):
        (tmp_path / f"{PREFIX}{name}").mkdir()
        if name != "young":
            os.utime(tmp_path / f"{PREFIX}{name}", (0, time.time() - 2 * STALE_S))
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path)
    with locked(tmp_path / f"{PREFIX}held") as ours:
        assert ours
        remove_stale(tmp_path)
    assert {path.name.removeprefix(PREFIX) for path in tmp_path.iterdir()} == {"held", "young", "link"}
