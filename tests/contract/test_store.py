"""What hpcsched/stores/base.py promises, for every store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpcsched.errors import Conflict, StoreBusy, StoreError
from hpcsched.stores.base import Entry, Journal, RecordRow
from hpcsched.stores.memory import MemoryJournal
from hpcsched.stores.sqlite import SqliteJournal

Reopen = Callable[[], Journal]


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reopen]:
    """Opens the journal, each time as a new controller would."""
    memory, opened = MemoryJournal(tmp_path), list[Journal]()

    def open_again() -> Journal:
        if opened:
            opened[-1].close()
        opened.append(memory if request.param == "memory" else SqliteJournal(tmp_path / "state"))
        opened[-1].open()
        return opened[-1]

    yield open_again
    for journal in opened:
        journal.close()


def positions(journal: Journal) -> list[int]:
    return [entry.position for entry in journal.load()[2]]


def test_a_new_journal_is_empty(reopen: Reopen) -> None:
    body, position, entries = reopen().load()
    assert (body, position, list(entries)) == (None, 0, [])


def test_entries_come_back_in_order_with_their_positions(reopen: Reopen) -> None:
    journal = reopen()
    journal.append(0, [("A", b"1"), ("B", b"\0\xff")])
    journal.append(2, [("A", b"")])
    assert list(reopen().load()[2]) == [Entry(1, "A", b"1"), Entry(2, "B", b"\0\xff"), Entry(3, "A", b"")]


@pytest.mark.parametrize("stale", [0, 1, 3])
def test_an_append_after_another_position_than_the_last_is_a_conflict(reopen: Reopen, stale: int) -> None:
    journal = reopen()
    journal.append(0, [("A", b"1"), ("A", b"2")])
    with pytest.raises(Conflict):
        journal.append(stale, [("A", b"3")])
    assert positions(reopen()) == [1, 2]


def test_a_snapshot_stands_for_the_entries_up_to_it(reopen: Reopen) -> None:
    journal = reopen()
    journal.append(0, [("A", b"x")] * 5)
    journal.save_snapshot(3, b"three")
    journal = reopen()
    body, position, entries = journal.load()
    assert (body, position, [entry.position for entry in entries]) == (b"three", 3, [4, 5])


def test_positions_go_on_after_a_snapshot_of_everything(reopen: Reopen) -> None:
    journal = reopen()
    journal.append(0, [("A", b"x")] * 5)
    journal.save_snapshot(5, b"five")
    journal = reopen()
    assert positions(journal) == []
    journal.append(5, [("A", b"y")])
    journal.save_snapshot(6, b"six")
    assert reopen().load()[:2] == (b"six", 6)


def test_a_snapshot_of_what_was_never_written_is_a_conflict(reopen: Reopen) -> None:
    journal = reopen()
    with pytest.raises(Conflict):
        journal.save_snapshot(1, b"one")


def test_a_record_comes_with_the_entry_that_ended_its_job(reopen: Reopen) -> None:
    journal = reopen()
    journal.append(0, [("A", b"1")], [RecordRow(7, "r", 1.5, b"seven")])
    assert reopen().record(7) == b"seven"


def test_a_record_of_a_job_that_is_not_there_is_none(reopen: Reopen) -> None:
    assert reopen().record(1) is None


def test_the_first_record_of_a_job_stays(reopen: Reopen) -> None:
    journal = reopen()
    journal.append(0, [], [RecordRow(7, "r", 1.5, b"first")])
    journal.append(0, [], [RecordRow(7, "r", 2.5, b"second")])
    assert journal.record(7) == b"first"


def test_records_come_newest_first_and_page_by_page(reopen: Reopen) -> None:
    journal = reopen()
    journal.append(0, [], [RecordRow(number, "r", 0.0, str(number).encode()) for number in (3, 1, 2, 5)])
    assert journal.records(3) == [b"5", b"3", b"2"]
    assert journal.records(3, before_job_id=2) == [b"1"]


def test_the_jobs_of_a_request_are_found(reopen: Reopen) -> None:
    journal = reopen()
    journal.append(0, [], [RecordRow(9, "a", 0.0, b""), RecordRow(2, "a", 0.0, b""), RecordRow(3, "b", 0.0, b"")])
    assert (journal.jobs_of_request("a"), journal.jobs_of_request("none")) == ((2, 9), ())


def test_each_holder_has_a_larger_epoch(reopen: Reopen) -> None:
    epochs = []
    for _ in range(3):
        journal = reopen()
        journal.close()
        epochs.append(journal.open())
    assert epochs == sorted(set(epochs))


def test_a_second_holder_is_refused_in_one_line(reopen: Reopen, tmp_path: Path) -> None:
    journal = reopen()
    second = journal if isinstance(journal, MemoryJournal) else SqliteJournal(tmp_path / "state")
    with pytest.raises(StoreBusy, match=r"^[^\n]*in use by process \d+[^\n]*$"):
        second.open()


def test_a_closed_journal_takes_nothing(reopen: Reopen) -> None:
    journal = reopen()
    journal.close()
    journal.close()
    with pytest.raises(StoreError):
        journal.append(0, [("A", b"1")])
