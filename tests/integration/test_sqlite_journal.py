"""What SQLite, the file system and the kernel do to the journal."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hpcsched.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull
from hpcsched.stores.base import RecordRow
from hpcsched.stores.sqlite import SqliteJournal

APPENDER = Path(__file__).with_name("appender.py")


@contextmanager
def journal(folder: Path) -> Iterator[SqliteJournal]:
    held = SqliteJournal(folder)
    held.open()
    try:
        yield held
    finally:
        held.close()


@contextmanager
def appender(folder: Path, batch: int = 1) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, str(APPENDER), str(folder), str(batch)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline().startswith("open")
            yield child
        finally:
            child.kill()


def read_all(folder: Path) -> tuple[bytes | None, int, list[bytes]]:
    with journal(folder) as held:
        body, position, entries = held.load()
        return body, position, [entry.body for entry in entries]


@pytest.mark.parametrize("reads", [1, 49, 50, 51, 120])
@pytest.mark.parametrize("batch", [1, 5])
def test_what_was_acknowledged_before_kill_nine_is_there(tmp_path: Path, reads: int, batch: int) -> None:
    with appender(tmp_path, batch) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(reads)][-1]
        child.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in child.stdout.read().split("\n")[:-1])])
    body, position, bodies = read_all(tmp_path)
    assert position + len(bodies) >= acknowledged
    assert bodies == [str(position + number).encode() for number in range(1, len(bodies) + 1)]
    assert body == (f"up to {position}".encode() if position else None)


def test_two_processes_never_hold_it_at_once(tmp_path: Path) -> None:
    with appender(tmp_path) as child, pytest.raises(StoreBusy, match=rf"in use by process {child.pid}:"):
        SqliteJournal(tmp_path).open()
    with journal(tmp_path) as held:
        assert held.load()[0] is None or held.load()[1] > 0


def test_a_holder_that_was_overtaken_can_write_nothing(tmp_path: Path) -> None:
    with journal(tmp_path) as held:
        held.append(0, [("A", b"1")])
        held.raise_epoch(99)
        with pytest.raises(StoreBusy, match="took over"):
            held.append(1, [("A", b"2")])
        with pytest.raises(StoreBusy):
            held.save_snapshot(1, b"s")
    assert read_all(tmp_path) == (None, 0, [b"1"])


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(held: SqliteJournal) -> int:
    """Entries that were taken until the disk was full."""
    for turn in range(1000):
        try:
            held.append(3 * turn, [("A", b"x" * 4000)] * 3, [RecordRow(turn + 1, "r", 0.0, b"r")])
        except StoreFull:
            return 3 * turn
    pytest.fail("the disk was never full")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_refuses_whole_appends_and_goes_on_when_there_is_room(tiny_disk: Path) -> None:
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(400_000))
    with journal(tiny_disk) as held:
        written = fill(held)
        assert written > 0
        with pytest.raises(StoreFull):
            held.append(written, [("A", b"x" * 40000)])
        assert len(list(held.load()[2])) == written
        ballast.unlink()
        held.append(written, [("A", b"x" * 40000)])
    assert len(read_all(tiny_disk)[2]) == written + 1
    with journal(tiny_disk) as held:
        assert len(held.records(10_000)) == written // 3


def test_the_file_does_not_grow_with_the_entries_ever_written(tmp_path: Path) -> None:
    def size_after(rounds: int) -> int:
        folder = tmp_path / str(rounds)
        with journal(folder) as held:
            for _ in range(rounds):
                position = held.load()[1]
                held.append(position, [("A", b"x" * 1000)] * 500)
                held.save_snapshot(position + 500, b"y" * 10_000)
        return sum(path.stat().st_size for path in folder.iterdir())

    assert size_after(10) <= size_after(1) + 20_000
    assert size_after(1) < 200_000


def entries(folder: Path, count: int = 200) -> None:
    with journal(folder) as held:
        held.append(0, [("Kind", f"body {number} ".encode() * 20) for number in range(1, count + 1)])


@pytest.mark.parametrize("keep", [0.999, 0.7, 0.3, 0.01])
def test_a_truncated_file_is_said_to_be_damaged(tmp_path: Path, keep: float) -> None:
    entries(tmp_path)
    file = tmp_path / "journal.sqlite"
    os.truncate(file, int(file.stat().st_size * keep))
    with pytest.raises(StoreCorrupt, match="hpcsched journal salvage"):
        read_all(tmp_path)


def test_a_file_that_is_gone_is_not_a_new_journal(tmp_path: Path) -> None:
    entries(tmp_path)
    (tmp_path / "journal.sqlite").unlink()
    with pytest.raises(StoreCorrupt, match="ends at position 0, but 200 had been acknowledged"):
        read_all(tmp_path)


def test_a_lost_end_of_the_write_ahead_log_is_noticed(tmp_path: Path) -> None:
    with appender(tmp_path) as child:
        assert child.stdout is not None
        for _ in range(20):
            child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        child.wait()
    log = tmp_path / "journal.sqlite-wal"
    os.truncate(log, log.stat().st_size - 3 * 4120)
    with pytest.raises(StoreCorrupt, match="had been acknowledged"):
        read_all(tmp_path)


def test_half_a_frame_at_the_end_of_the_log_that_nobody_was_promised_is_dropped(tmp_path: Path) -> None:
    with appender(tmp_path) as child:
        assert child.stdout is not None
        last = [int(child.stdout.readline()) for _ in range(20)][-1]
        child.send_signal(signal.SIGKILL)
        child.wait()
    with (tmp_path / "journal.sqlite-wal").open("ab") as log:
        log.write(b"torn" * 300)
    assert len(read_all(tmp_path)[2]) >= last


def test_any_flipped_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    """Every 97th byte of the file, one at a time: the entries are refused as damaged, or come back as they were written."""
    entries(tmp_path, 60)
    good, file = read_all(tmp_path), tmp_path / "journal.sqlite"
    whole, outcomes = file.read_bytes(), list[object]()
    for at in range(100, len(whole), 97):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1 :])
        outcomes.append(outcome(tmp_path))
    refusals = [found for found in outcomes if isinstance(found, str)]
    assert [found for found in outcomes if not isinstance(found, str) and found != good] == []
    assert len(refusals) > 50
    assert not any("\n" in text for text in refusals)


def outcome(folder: Path) -> object:
    """What the journal holds, or the words in which it is refused."""
    try:
        return read_all(folder)
    except StoreError as error:
        return str(error)


def test_a_changed_entry_is_named(tmp_path: Path) -> None:
    entries(tmp_path, 10)
    change(tmp_path, "UPDATE entry SET kind = 'Other' WHERE position = 4")
    with pytest.raises(StoreCorrupt, match=r"entry 4 .* is damaged"):
        read_all(tmp_path)


def test_a_missing_entry_is_named(tmp_path: Path) -> None:
    entries(tmp_path, 10)
    change(tmp_path, "DELETE FROM entry WHERE position = 6")
    with pytest.raises(StoreCorrupt, match=r"entry 6 .* is missing"):
        read_all(tmp_path)


def test_a_changed_snapshot_and_a_changed_record_are_named(tmp_path: Path) -> None:
    with journal(tmp_path) as held:
        held.append(0, [("A", b"1")], [RecordRow(3, "r", 0.0, b"three")])
        held.save_snapshot(1, b"one")
    change(tmp_path, "UPDATE snapshot SET body = 'x'", "UPDATE record SET request_id = 'other'")
    with journal(tmp_path) as held:
        with pytest.raises(StoreCorrupt, match="snapshot at position 1"):
            held.load()
        with pytest.raises(StoreCorrupt, match="record of job 3"):
            held.record(3)


def change(folder: Path, *statements: str) -> None:
    database = sqlite3.connect(folder / "journal.sqlite", isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()


def test_a_journal_of_another_format_is_refused(tmp_path: Path) -> None:
    entries(tmp_path, 1)
    change(tmp_path, "UPDATE meta SET value = 2 WHERE key = 'format'")
    with pytest.raises(StoreError, match="format 2"):
        read_all(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make the state folder"):
        SqliteJournal(tmp_path / "file" / "state").open()
