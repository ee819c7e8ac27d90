"""What `run` and `logs` print of a job whose command runs on several nodes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.cli import follow
from hpcsched.cli.context import Context
from hpcsched.cli.lines import LONGEST, Lines
from hpcsched.cli.main import invoke
from hpcsched.errors import Conflict, NotFound, Unreachable
from hpcsched.model.allocation import Allocation
from hpcsched.model.job import Job, JobSpec, JobState, Reason, ResourceRequest
from hpcsched.testing import nouns
from hpcsched.testing.client import FakeClient, Part

TASKS = ("-N", "2", "--ntasks-per-node", "1")
DEADLINE_S = 60.0


def call(client: FakeClient, *args: str) -> int:
    return invoke(args, Context(connect=lambda address: client))  # type: ignore[arg-type,return-value]


def ended(tasks: int = 1, state: JobState = JobState.COMPLETED) -> Job:
    spec = JobSpec(nodes=2, resources=ResourceRequest(ntasks_per_node=tasks))
    nodes = Allocation(tuple(nouns.allocation(name).bindings[0] for name in ("n1", "n2")))
    return replace(nouns.failed(), id=12, spec=spec, allocation=nodes, state=state, exit_code=0, reason=Reason.NONE)


def writing(job: Job | None = None, **readings: Iterable[Part]) -> FakeClient:
    """A client of a job of two nodes; by node what each call of `read_output` hands out."""
    return FakeClient(known=[job or ended()], readings_of={node: [parts] for node, parts in readings.items()})


def read_calls(client: FakeClient) -> list[tuple[object, ...]]:
    return sorted(entry[2:] for entry in client.calls if entry[0] == "read_output")


@given(st.lists(st.binary(max_size=6), max_size=8))
def test_lines_are_whole_however_the_output_is_cut(pieces: list[bytes]) -> None:
    written: list[bytes] = []
    lines = Lines(written.append)
    for piece in pieces:
        lines.take(piece)
    assert all(part.endswith(b"\n") for part in written)
    lines.finish()
    output = b"".join(pieces)
    assert b"".join(written) == output + (b"\n" if output and not output.endswith(b"\n") else b"")


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"b\nc"]), max_size=8))
def test_each_line_has_its_label_once(pieces: list[bytes]) -> None:
    written: list[bytes] = []
    lines = Lines(written.append, "n1")
    for piece in pieces:
        lines.take(piece)
    lines.finish()
    whole = b"".join(pieces).split(b"\n")
    expected = whole if whole[-1] else whole[:-1]
    assert b"".join(written) == b"".join(b"n1: " + line + b"\n" for line in expected)


def test_a_line_without_end_does_not_stay_in_memory() -> None:
    written: list[bytes] = []
    lines = Lines(written.append)
    lines.take(b"x" * (LONGEST + 1))
    assert len(written) == 1
    lines.take(b"y\n")
    assert b"".join(written) == b"x" * (LONGEST + 1) + b"y\n"


def test_run_writes_the_lines_of_all_nodes_as_they_come(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The first node's second line is written after the other's, which comes in two pieces."""
    other_done = threading.Event()

    def first() -> Iterator[Part]:
        yield b"first\nsec"
        assert other_done.wait(DEADLINE_S)
        yield b"ond\n"
        yield ended()

    def other() -> Iterator[Part]:
        yield b"ot"
        yield b"her\n"
        other_done.set()
        yield ended()

    client = writing(n1=first(), n2=other())
    assert call(client, "run", *TASKS, "--", "x") == 0
    lines = capfdbinary.readouterr().out.splitlines()
    assert lines[-1] == b"second"
    assert sorted(lines[:-1]) == [b"first", b"other"]
    assert read_calls(client) == [(0, True, "n1"), (0, True, "n2")]


@pytest.mark.parametrize("args", [("run", *TASKS, "--label", "--", "x"), ("logs", "-f", "-l", "12")])
def test_a_label_says_which_node_each_line_is_from(args: tuple[str, ...], capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert call(writing(n1=[b"a\nb\n", ended()], n2=[b"\xff", ended()]), *args) == 0
    assert sorted(capfdbinary.readouterr().out.splitlines()) == [b"n1: a", b"n1: b", b"n2: \xff"]


def test_a_label_is_had_for_one_node_too(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    job = replace(ended(), spec=JobSpec(), allocation=nouns.allocation("n1"))
    assert call(writing(job, n1=[b"a\n", job]), "run", "--label", "--", "x") == 0
    assert capfdbinary.readouterr().out == b"n1: a\n"


def test_each_node_is_read_on_from_where_it_was_when_the_controller_comes_back(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PAUSE_S", 0)
    client = writing(n1=[b"ab\nc", Unreachable("away")], n2=[b"x\n", ended()])
    client.readings_of["n1"].append([b"d\n", ended()])
    assert call(client, "run", *TASKS, "--", "x") == 0
    assert sorted(capfdbinary.readouterr().out.splitlines()) == [b"ab", b"cd", b"x"]
    assert read_calls(client) == [(0, True, "n1"), (0, True, "n2"), (4, True, "n1")]


def test_an_interrupt_cancels_once_and_the_rest_of_all_nodes_still_comes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    job = ended(state=JobState.CANCELLED)
    cancelled = threading.Event()

    class Telling(FakeClient):
        def cancel(self, job_id: int) -> Job:
            cancelled.set()
            return super().cancel(job_id)

    def output(name: bytes) -> Iterator[Part]:
        yield name + b" begun\n"
        if name == b"n1":
            os.kill(os.getpid(), signal.SIGINT)
        assert cancelled.wait(DEADLINE_S)
        yield name + b" done\n"
        yield job

    client = Telling(known=[job])
    client.readings_of = {"n1": [output(b"n1")], "n2": [output(b"n2")]}
    assert call(client, "run", *TASKS, "--", "x") == 130
    assert sorted(capfdbinary.readouterr().out.splitlines()) == [b"n1 begun", b"n1 done", b"n2 begun", b"n2 done"]
    assert client.calls.count(("cancel", 12)) == 1


def test_what_one_node_cannot_give_is_said_and_the_others_are_read_to_the_end(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    said = b"hpcsched: node n1 is away\n"
    assert call(writing(n1=[Conflict("node n1 is away")], n2=[b"x\n", ended()]), "run", *TASKS, "--", "x") == 0
    assert capfdbinary.readouterr() == (b"x\n", said)
    for follow_it in ((), ("-f",)):
        assert call(writing(n1=[Conflict("node n1 is away")], n2=[b"x\n", ended()]), "logs", *follow_it, "12") == 1
        assert capfdbinary.readouterr() == (b"x\n", said)


def test_a_reader_that_breaks_does_not_leave_the_call_waiting(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with pytest.raises(ZeroDivisionError):
        call(writing(n1=[ZeroDivisionError()], n2=[ended()]), "run", *TASKS, "--", "x")


def test_a_job_that_ends_before_it_has_nodes_has_no_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    job = replace(ended(state=JobState.CANCELLED), allocation=None)
    assert call(writing(job), "run", *TASKS, "--", "x") == 130
    assert call(writing(job), "logs", "12") == 0
    assert capfdbinary.readouterr().out == b""


def test_logs_prints_one_node_after_the_other_by_rank(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    client = writing(n1=[b"b\n", b"a"], n2=[b"\x00\n", ended()])
    assert call(client, "logs", "12") == 0
    assert capfdbinary.readouterr().out == b"b\na\n\x00\n"
    assert read_calls(client) == [(0, False, "n1"), (0, False, "n2")]


@pytest.mark.parametrize("follow_it", [(), ("-f",)])
def test_logs_of_a_named_node_is_that_nodes_bytes(follow_it: tuple[str, ...], capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    client = writing(n2=[b"\xff\r", b"no end", ended()])
    assert call(client, "logs", *follow_it, "--node", "n2", "12") == 0
    assert capfdbinary.readouterr().out == b"\xff\rno end"
    assert read_calls(client) == [(0, bool(follow_it), "n2")]


@pytest.mark.parametrize("args", [("12",), ("-f", "12"), ("-l", "12")])
def test_logs_of_a_job_without_tasks_is_that_of_its_first_node(
    args: tuple[str, ...], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    client = FakeClient(known=[ended(tasks=0)], readings=[[b"a\n", ended()]], readings_of={"n1": [[b"a\n", ended()]]})
    assert call(client, "logs", *args) == 0
    assert capfdbinary.readouterr().out == (b"n1: a\n" if "-l" in args else b"a\n")
    assert len(read_calls(client)) == 1


def test_logs_of_a_node_that_the_job_does_not_have_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    client = writing(n9=[NotFound("job 12 has no node 'n9': it has n1, n2")])
    assert call(client, "logs", "--node", "n9", "12") == 1
    assert capsys.readouterr() == ("", "hpcsched: job 12 has no node 'n9': it has n1, n2\n")
