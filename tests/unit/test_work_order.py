"""Works in the supervisor's words, and their output in records."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.agent import records
from hpcsched.agent.work_order import is_packed, wish_of
from hpcsched.model.array import parse_array
from hpcsched.model.container import StepSpec, Work

TRUE = StepSpec(0, ("true",))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 4)), min_size=1, max_size=5), st.data())
def test_each_position_has_the_task_id_that_the_array_says(parts: list[tuple[int, int]], data: st.DataObject) -> None:
    text = ",".join(f"{100 * at}-{100 * at + (size - 1) * step}:{step}" for at, (size, step) in enumerate(parts))
    tasks = parse_array(text)
    first = data.draw(st.integers(0, len(tasks) - 1))
    end = data.draw(st.integers(first + 1, len(tasks)))
    wish = wish_of(Work(7, ((first, end),), (), TRUE, array=text))
    numbered = {low + at: task + at * step for low, high, task, step in wish.ranges for at in range(high - low)}
    assert numbered == {position: tasks.task_id(position) for position in range(first, end)}


def test_a_job_that_is_no_array_has_one_position_and_no_records() -> None:
    work = Work(7, ((0, 1),), (), TRUE)
    assert wish_of(work).ranges == ((0, 1, 0, 1),)
    assert not is_packed(work)


def record(position: int, data: bytes) -> bytes:
    return b"hpc1" + position.to_bytes(4, "little") + len(data).to_bytes(4, "little") + data


def scanned(path: Path, at: int = 0) -> list[tuple[int, int, bytes]]:
    file = os.open(path, os.O_RDONLY)
    try:
        return list(records.scan(file, at))
    finally:
        os.close(file)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records") / "r"


PARTS = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=90)), max_size=30)


@given(parts=PARTS, torn=st.integers(0, 200))
def test_records_come_back_whole_and_a_torn_one_is_waited_for(path: Path, parts: list[tuple[int, bytes]], torn: int) -> None:
    whole = b"".join(record(*part) for part in parts)
    path.write_bytes(whole + record(1, bytes(200))[:torn])
    found = scanned(path)
    assert [(position, data) for _, position, data in found] == parts
    assert scanned(path, found[-1][0] if found else 0) == []


def test_records_beyond_one_block_are_found(tmp_path: Path) -> None:
    parts = [(number, bytes([number % 256]) * 60_000) for number in range(50)]
    (tmp_path / "r").write_bytes(b"".join(record(*part) for part in parts))
    assert [(position, data) for _, position, data in scanned(tmp_path / "r")] == parts


def test_what_is_no_record_ends_the_reading(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(record(1, b"good") + b"something else entirely")
    assert [data for _, _, data in scanned(tmp_path / "r")] == [b"good"]
