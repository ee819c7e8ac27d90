import sqlite3
from pathlib import Path

import pytest

from hpcsched.errors import AlreadyExists, NotFound, StoreBusy
from hpcsched.state import codec
from hpcsched.state.events import JobsSubmitted
from hpcsched.state.state import State
from hpcsched.stores.base import RecordRow
from hpcsched.stores.salvage import salvage
from hpcsched.stores.sqlite import SqliteJournal
from hpcsched.testing.world import TRUE, World, exited


def lived(folder: Path, snapshot: bool = False) -> World:
    """A journal with three ended jobs, one that runs and two that wait: ids 1 to 6."""
    world = World()
    for _ in range(3):
        job_id = world.run()
        world.tell("n1", exited(job_id))
        world.clean("n1", job_id)
    world.run()
    world.submit(TRUE, TRUE)
    world.do(JobsSubmitted(world.tick(), "nothing", ()))
    journal = SqliteJournal(folder)
    journal.open()
    rows = [
        RecordRow(number, record.job.request_id, 0.0, codec.encode_record(record)) for number, record in world.records.items()
    ]
    journal.append(0, [codec.encode(event) for event in world.log], rows)
    if snapshot:
        journal.save_snapshot(len(world.log), world.state.dump())
    journal.raise_epoch(41)
    journal.close()
    return world


def change(folder: Path, statement: str) -> None:
    database = sqlite3.connect(folder / "journal.sqlite", isolation_level=None)
    database.execute(statement)
    database.close()


def opened(folder: Path) -> tuple[State, SqliteJournal, int]:
    journal = SqliteJournal(folder)
    epoch = journal.open()
    body, _, entries = journal.load()
    assert body is not None
    assert list(entries) == []
    return State.load(body), journal, epoch


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


@pytest.mark.parametrize("snapshot", [False, True])
def test_a_whole_journal_comes_over_whole(tmp_path: Path, snapshot: bool) -> None:
    world = lived(tmp_path / "old", snapshot)
    before = files(tmp_path / "old")
    report = salvage(tmp_path / "old", tmp_path / "new")
    assert (report.fault, report.jobs, report.held, report.records, report.records_lost) == ("", 3, 0, 3, 0)
    state, journal, epoch = opened(tmp_path / "new")
    assert (state.jobs, state.nodes, state.next_job_id) == (world.state.jobs, world.state.nodes, 7)
    assert journal.record(2) is not None
    assert epoch > 41
    journal.close()
    assert files(tmp_path / "old") == before
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"journal.sqlite", "journal.mark", "lock"}


def test_after_a_damaged_entry_jobs_wait_for_an_admin_and_no_id_is_given_twice(tmp_path: Path) -> None:
    world = lived(tmp_path / "old")
    last = len(world.log)
    change(tmp_path / "old", f"UPDATE entry SET body = x'00' WHERE position = {last}")
    report = salvage(tmp_path / "old", tmp_path / "new")
    assert (report.position, report.fault, report.held) == (last - 1, f"entry {last} is damaged", 2)
    state, journal, _ = opened(tmp_path / "new")
    journal.close()
    assert {job.id: job.held for job in state.jobs.values()} == {4: False, 5: True, 6: True}
    assert state.next_job_id == 7


def test_jobs_that_are_known_to_have_ended_do_not_run_again(tmp_path: Path) -> None:
    lived(tmp_path / "old")
    change(tmp_path / "old", "DELETE FROM entry WHERE position > 2")
    report = salvage(tmp_path / "old", tmp_path / "new")
    assert "had been acknowledged" in report.fault
    state, journal, _ = opened(tmp_path / "new")
    journal.close()
    assert state.jobs == {}
    assert state.next_job_id == 4


def test_a_damaged_snapshot_leaves_the_records(tmp_path: Path) -> None:
    lived(tmp_path / "old", snapshot=True)
    change(tmp_path / "old", "UPDATE snapshot SET body = x'00'")
    change(tmp_path / "old", "UPDATE record SET body = x'00' WHERE job_id = 2")
    report = salvage(tmp_path / "old", tmp_path / "new")
    assert "snapshot" in report.fault
    assert (report.jobs, report.records, report.records_lost) == (0, 2, 1)


@pytest.mark.parametrize("keep", [0.9, 0.5, 0.1, 0.0])
def test_a_truncated_file_gives_what_can_be_read(tmp_path: Path, keep: float) -> None:
    lived(tmp_path / "old")
    file = tmp_path / "old" / "journal.sqlite"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * keep)])
    report = salvage(tmp_path / "old", tmp_path / "new")
    assert report.fault
    opened(tmp_path / "new")[1].close()


def test_a_journal_in_use_is_left_alone(tmp_path: Path) -> None:
    lived(tmp_path)
    journal = SqliteJournal(tmp_path)
    journal.open()
    with pytest.raises(StoreBusy):
        salvage(tmp_path, tmp_path / "new")
    journal.close()


def test_no_journal_and_a_taken_target_are_errors(tmp_path: Path) -> None:
    lived(tmp_path / "old")
    with pytest.raises(NotFound):
        salvage(tmp_path, tmp_path / "new")
    with pytest.raises(AlreadyExists):
        salvage(tmp_path / "old", tmp_path / "old")
