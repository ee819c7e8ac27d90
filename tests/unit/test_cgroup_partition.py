"""The folder that cpuset partitions of several agents share, over a made-up tree."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from hpcsched.hardware import cgroup_partition as partitions
from hpcsched.model.idset import IdSet
from tests.cgrouptrees import fill, hybrid_tree, v2_tree


@pytest.fixture
def v2(tmp_path):
    return v2_tree(tmp_path)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "sys/fs/cgroup/hpcsched"


def made(layout, folder, name, cpus, kind):
    """A group as a runtime makes it."""
    with partitions.widened(layout, IdSet.parse(cpus), kind):
        (folder / name).mkdir()
        (folder / name / "cpuset.cpus").write_text(cpus)
        (folder / name / "cpuset.cpus.partition").write_text(kind)


def gone(layout, folder, name):
    for file in list((folder / name).iterdir()):
        file.unlink()
    (folder / name).rmdir()
    partitions.narrow(layout)


def shown(folder):
    return tuple((folder / name).read_text().strip() for name in ("cpuset.cpus", "cpuset.cpus.partition"))


def test_members_alone_leave_the_folder_as_it_is(v2, folder):
    made(v2, folder, "one", "2-3", "member")
    assert not (folder / "cpuset.cpus").exists()
    assert not (folder / "cpuset.cpus.partition").exists()


def test_a_partition_makes_the_folder_one_of_its_cpus(v2, folder):
    made(v2, folder, "one", "2-3", "isolated")
    assert shown(folder) == ("2-3", "root")


def test_the_folder_has_the_cpus_of_all_agents(v2, folder):
    made(v2, folder, "one", "2-3", "isolated")
    made(v2, folder, "two", "6", "root")
    made(v2, folder, "three", "7", "member")
    assert shown(folder) == ("2-3,6-7", "root")


def test_a_member_that_was_there_before_stays_covered(v2, folder):
    made(v2, folder, "one", "0-1", "member")
    made(v2, folder, "two", "4-5", "root")
    assert shown(folder) == ("0-1,4-5", "root")


def test_the_folder_shrinks_when_a_group_goes_and_is_a_member_again_after_the_last_partition(v2, folder):
    made(v2, folder, "one", "2-3", "isolated")
    made(v2, folder, "two", "6", "member")
    made(v2, folder, "three", "4", "root")
    gone(v2, folder, "three")
    assert shown(folder) == ("2-3,6", "root")
    gone(v2, folder, "one")
    assert shown(folder) == ("", "member")


def test_an_invalid_partition_still_counts_as_one(v2, folder):
    made(v2, folder, "one", "2-3", "isolated")
    (folder / "one/cpuset.cpus.partition").write_text("isolated invalid (Cpu list in cpuset.cpus not exclusive)\n")
    made(v2, folder, "two", "6", "root")
    gone(v2, folder, "two")
    assert shown(folder) == ("2-3", "root")


def test_nothing_is_written_where_nothing_changes(v2, folder):
    made(v2, folder, "one", "2-3", "isolated")
    before = (folder / "cpuset.cpus").stat().st_mtime_ns
    made(v2, folder, "two", "3", "member")
    partitions.narrow(v2)
    assert (folder / "cpuset.cpus").stat().st_mtime_ns == before


def test_nobody_else_changes_the_folder_while_a_group_is_made(v2, folder):
    with partitions.widened(v2, IdSet.parse("2"), "root"):
        other = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)


def test_a_lock_on_a_folder_that_was_made_anew_meanwhile_is_not_taken_for_one(folder):
    folder.mkdir(parents=True)
    holder, held = os.open(folder, os.O_RDONLY), []
    fcntl.flock(holder, fcntl.LOCK_EX)
    waiting = threading.Thread(target=lambda: held.append(is_held_within(folder)))
    waiting.start()
    while not any("-> FLOCK" in line and f" {os.getpid()} " in line for line in Path("/proc/locks").read_text().splitlines()):
        assert waiting.is_alive()
    folder.rename(folder.with_name("old"))
    folder.mkdir()
    os.close(holder)
    waiting.join(10)
    assert held == [True]


def is_held_within(folder):
    with partitions.locked(folder):
        other = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(other)
    return False


def test_what_is_shown_names_the_folder_when_that_is_at_fault(v2, folder, tmp_path):
    fill(tmp_path, {"hpcsched/one/cpuset.cpus.partition": "isolated\n", "hpcsched/cpuset.cpus.partition": "root\n"})
    assert partitions.observed(v2, "hpcsched/one") == "isolated"
    bad = "isolated invalid (Parent is an invalid partition root)"
    fill(tmp_path, {"hpcsched/one/cpuset.cpus.partition": bad + "\n"})
    assert partitions.observed(v2, "hpcsched/one") == bad
    fill(tmp_path, {"hpcsched/cpuset.cpus.partition": "root invalid (Parent unable to distribute cpu downstream)\n"})
    assert (
        partitions.observed(v2, "hpcsched/one") == bad + "; hpcsched: root invalid (Parent unable to distribute cpu downstream)"
    )


def test_v1_has_none_and_is_left_alone(tmp_path):
    layout = hybrid_tree(tmp_path)
    with partitions.widened(layout, IdSet.parse("2"), "isolated"):
        pass
    partitions.narrow(layout)
    assert partitions.observed(layout, "hpcsched/one") == ""
    assert not (tmp_path / "sys/fs/cgroup/cpuset/hpcsched").exists()
