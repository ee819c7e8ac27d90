"""What calls do, how they end, and what they say when they fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hpcsched.cli import follow
from hpcsched.cli.context import Context
from hpcsched.cli.main import invoke
from hpcsched.cli.outcome import complaint, exit_code
from hpcsched.errors import Conflict, HpcschedError, Infeasible, InvalidValue, NotFound, Unreachable
from hpcsched.model.job import Job, JobState, Reason
from hpcsched.testing import nouns
from hpcsched.testing.client import FakeClient, Part


def call(client: FakeClient, *args: str) -> int:
    return invoke(args, Context(connect=lambda address: client))  # type: ignore[arg-type,return-value]


def ended(state: JobState = JobState.COMPLETED, **fields: object) -> Job:
    base = replace(nouns.failed(), id=12, exit_code=0, reason=Reason.NONE)
    return replace(base, state=state, **fields)  # type: ignore[arg-type]


def following(*readings: Sequence[Part], job: Job | None = None) -> FakeClient:
    return FakeClient(known=[job or ended()], readings=list(readings))


ENDS = [
    (ended(), 0, ""),
    (ended(JobState.FAILED, exit_code=3, reason=Reason.NON_ZERO_EXIT), 3, ""),
    (ended(JobState.FAILED, exit_code=None, signal=11), 139, "job 12 FAILED: signal 11"),
    (
        ended(JobState.TIMEOUT, exit_code=None, signal=9, reason=Reason.TIME_LIMIT),
        124,
        "job 12 TIMEOUT: it reached its time limit of 1:00:00",
    ),
    (
        ended(JobState.OUT_OF_MEMORY, exit_code=None, signal=9, reason=Reason.OUT_OF_MEMORY),
        137,
        "job 12 OUT_OF_MEMORY: OutOfMemory",
    ),
    (ended(JobState.CANCELLED, exit_code=None, reason=Reason.CANCELLED), 130, "job 12 CANCELLED"),
    (ended(JobState.FAILED, exit_code=127, message="no command 'x'"), 127, "job 12 FAILED: no command 'x'"),
    (ended(JobState.FAILED, exit_code=None, reason=Reason.LAUNCH_FAILED), 1, "job 12 FAILED: JobLaunchFailure"),
    (ended(JobState.NODE_FAIL, exit_code=None, reason=Reason.NODE_DOWN), 1, "job 12 NODE_FAIL: NodeDown"),
    (ended(JobState.NODE_FAIL, exit_code=0, reason=Reason.NODE_DOWN), 1, "job 12 NODE_FAIL: NodeDown"),
]


@pytest.mark.parametrize(("job", "code", "said"), ENDS)
def test_every_end_has_its_exit_code_and_its_line(job: Job, code: int, said: str) -> None:
    assert (exit_code(job), complaint(job)) == (code, said)


@pytest.mark.parametrize(("job", "code", "said"), ENDS)
def test_submit_wait_exits_like_the_job(job: Job, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(FakeClient(known=[job]), "submit", "--wait", "--", "x") == code
    printed = capsys.readouterr()
    assert printed.out == "12\n"
    assert printed.err == (f"hpcsched: {said}\n" if said else "")


@pytest.mark.parametrize(("form", "out"), [("table", "12\n"), ("plain", "12\n"), ("json", '{\n  "job_id": 12\n}\n')])
def test_submit_prints_the_id(form: str, out: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(FakeClient(), "submit", "--output", form, "--", "x") == 0
    assert capsys.readouterr().out == out


def test_run_copies_the_output_byte_for_byte_and_exits_with_the_code(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    job = ended(JobState.FAILED, exit_code=3)
    client = following([b"\x00\xff", b"\n\r", job], job=job)
    assert call(client, "run", "--", "x") == 3
    assert capfdbinary.readouterr().out == b"\x00\xff\n\r"


def test_run_goes_on_where_it_was_when_the_controller_comes_back(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PAUSE_S", 0)
    client = following([b"abc", Unreachable("away")], [Unreachable("away")], [b"def", ended()])
    assert call(client, "run", "--", "x") == 0
    assert capfdbinary.readouterr().out == b"abcdef"
    assert [entry[2] for entry in client.calls if entry[0] == "read_output"] == [0, 3, 3]


def test_run_gives_up_when_the_controller_stays_away(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "PAUSE_S", 0)
    tries = 0

    def attempt() -> Job:
        nonlocal tries
        tries += 1
        raise Unreachable("away")

    with pytest.raises(Unreachable):
        follow.patiently(attempt, patience_s=0.05)
    assert tries > 1


def test_the_first_interrupt_cancels_the_job_and_waits_for_its_end(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    job = ended(JobState.CANCELLED, exit_code=None, reason=Reason.CANCELLED)
    client = following([b"begun", KeyboardInterrupt()], [b" last words", job], job=job)
    assert call(client, "run", "--", "x") == 130
    printed = capfdbinary.readouterr()
    assert printed.out == b"begun last words"
    assert b"cancelling job 12" in printed.err
    assert printed.err.endswith(b"hpcsched: job 12 CANCELLED\n")
    assert ("cancel", 12) in client.calls


def test_the_second_interrupt_leaves(capsys: pytest.CaptureFixture[str]) -> None:
    client = following([KeyboardInterrupt()], [KeyboardInterrupt()])
    assert call(client, "run", "--", "x") == 130
    assert client.calls.count(("cancel", 12)) == 1
    assert client.calls[-1] == ("close",)


def test_an_interrupt_while_submitting_cancels_what_was_accepted() -> None:
    ids: list[str | None] = []

    class Stalling(FakeClient):
        def submit(self, spec: object, request_id: str | None = None) -> int:
            ids.append(request_id)
            if len(ids) == 1:
                raise KeyboardInterrupt
            return 12

    client = Stalling()
    assert call(client, "submit", "--", "x") == 130
    assert ids[0] == ids[1]
    assert ("cancel", 12) in client.calls


def test_run_tells_how_the_job_ended_when_its_output_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    job = ended(JobState.FAILED, exit_code=None, message="image 'x' does not exist")
    assert call(following([NotFound("no output")], job=job), "run", "--", "x") == 1
    assert capsys.readouterr().err == "hpcsched: job 12 FAILED: image 'x' does not exist\n"


def test_run_says_when_a_good_job_has_no_output_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(following([Conflict("node n1 is away")]), "run", "--", "x") == 0
    assert capsys.readouterr().err == "hpcsched: node n1 is away\n"


def test_logs_prints_bytes_and_follows_only_when_told(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    client = following([b"\xff\x00"], [b"\xff\x00", b"more", ended(JobState.FAILED)])
    assert call(client, "logs", "12") == 0
    assert capfdbinary.readouterr().out == b"\xff\x00"
    assert call(client, "logs", "-f", "12") == 0
    assert capfdbinary.readouterr().out == b"\xff\x00more"
    assert [entry[3] for entry in client.calls if entry[0] == "read_output"] == [False, True]


def test_logs_does_not_cancel_the_job_on_an_interrupt() -> None:
    client = following([KeyboardInterrupt()])
    assert call(client, "logs", "-f", "12") == 130
    assert not [entry for entry in client.calls if entry[0] == "cancel"]


@pytest.mark.parametrize("verb", ["cancel", "hold", "release"])
def test_a_verb_goes_through_all_jobs_and_names_those_that_failed(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient(refuses={2: NotFound("no job 2")})
    assert call(client, verb, "1", "2", "3") == 1
    assert [entry for entry in client.calls if entry[0] == verb] == [(verb, 1), (verb, 2), (verb, 3)]
    assert capsys.readouterr().err == "hpcsched: no job 2\n"


def test_a_verb_stops_at_once_without_a_controller(capsys: pytest.CaptureFixture[str]) -> None:
    client = FakeClient(refuses={1: Unreachable("no controller")})
    assert call(client, "cancel", "1", "2") == 1
    assert ("cancel", 2) not in client.calls
    assert capsys.readouterr().err == "hpcsched: no controller\n"


def test_drain_and_resume_go_through_all_nodes() -> None:
    client = FakeClient(cluster=[nouns.node("n1"), nouns.node("n2")])
    assert call(client, "drain", "n1", "n2", "--reason", "new memory") == 0
    assert call(client, "resume", "n1") == 0
    told = [entry for entry in client.calls if entry[0] != "close"]
    assert told == [("drain", "n1", "new memory"), ("drain", "n2", "new memory"), ("resume", "n1")]


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["jbos"], "did you mean 'jobs'"),
        (["--nope"], "No such option '--nope'"),
        (["job"], "Missing argument 'ID[_TASK]'"),
        (["job", "-1"], "'-1'"),
        (["job", "0"], "0"),
        (["job", "9" * 5000], "no job id"),
        (["job", "7_x"], "the id of a task"),
        (["explain", "abc"], "'abc' is no job id"),
        (["job", "one"], "'one'"),
        (["jobs", "--output", "xml"], "'xml'"),
        (["jobs", "--limit", "0"], "0"),
        (["drain", "n1"], "Missing option '--reason'"),
        (["exec", "1"], "Missing argument"),
        (["exec", "1", "--"], "no command after"),
        (["config", "nope"], "'nope'"),
    ],
)
def test_a_wrong_call_exits_2_with_one_line(args: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(FakeClient(), *args) == 2
    printed = capsys.readouterr()
    assert word in printed.err
    assert printed.err.startswith("hpcsched: ")
    assert (printed.out, printed.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("error", "code"),
    [(InvalidValue("bad\nvalue"), 2), (Infeasible("99 cores"), 1), (Unreachable("nobody"), 1), (HpcschedError("other"), 1)],
)
def test_an_error_is_one_line_and_its_code(error: HpcschedError, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    class Refusing(FakeClient):
        def submit(self, spec: object, request_id: str | None = None) -> int:
            raise error

    assert call(Refusing(), "submit", "--", "x") == code
    assert capsys.readouterr().err == f"hpcsched: {' '.join(str(error).split())}\n"


def test_the_address_is_the_option_then_the_variable_then_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def connect(address: str) -> FakeClient:
        asked.append(address)
        return FakeClient()

    context = Context(connect=connect)  # type: ignore[arg-type]
    monkeypatch.delenv("HPCSCHED_ADDRESS", raising=False)
    invoke(["jobs"], context)
    monkeypatch.setenv("HPCSCHED_ADDRESS", "unix:///tmp/a.sock")
    invoke(["jobs"], context)
    invoke(["--address", "tcp://localhost:1", "jobs"], context)
    assert asked == ["unix:///run/hpcsched/hpcsched.sock", "unix:///tmp/a.sock", "tcp://localhost:1"]


def test_without_a_controller_the_line_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--address", f"unix://{tmp_path}/none.sock", "jobs"]) == 1
    said = capsys.readouterr().err
    assert "hpcsched up" in said
    assert said.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "hpcsched.cli.main", "config", "show"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.stderr == b""


def test_config_show_tells_every_setting_and_check_names_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hpcsched.toml"
    path.write_text('[controller]\npolicy = "mine"\n')
    assert invoke(["config", "show", "--config", str(path), "--output", "json"]) == 0
    found = {(key["table"], key["key"]): key for key in json.loads(capsys.readouterr().out)}
    assert (found["controller", "policy"]["value"], found["controller", "policy"]["default"]) == ("mine", False)
    assert found["agent", "reserved_cores"]["default"]
    path.write_text('[controller]\npolicy = "fifo"\n')
    assert invoke(["config", "check", "--config", str(path)]) == 0
    path.write_text("[agent]\nreserved_cores = -1\n")
    capsys.readouterr()
    assert invoke(["config", "check", "--config", str(path)]) == 1
    assert "reserved_cores: -1 is outside" in capsys.readouterr().err
