"""Bad input gets one line that says what to do, and loses nothing."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import contextmanager

import grpc
import pytest

from hpcsched.client import Client, JobSpec
from hpcsched.errors import InvalidValue, NotFound, StoreFull, Unreachable
from hpcsched.v1 import agent_service_pb2 as agent_pb
from hpcsched.v1 import agent_service_pb2_grpc
from tests.integration.daemons import DEADLINE_S, Daemons

MIB = 1 << 20


@contextmanager
def controller_in(folder):
    both = Daemons(folder)
    both.start("controller")
    try:
        both.wait_for_answer()
        yield both
    finally:
        both.stop()


@pytest.fixture
def lone(tmp_path):
    """A controller without agents."""
    with controller_in(tmp_path) as both:
        yield both


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One for all tests that change nothing."""
    with controller_in(tmp_path_factory.mktemp("shared")) as both:
        yield both


def cli(both, *arguments, **options):
    command = [sys.executable, "-m", "hpcsched.cli.main", "--address", both.address, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, **options)


def one_line(done, code, *words):
    assert done.returncode == code, done
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) <= (3 if code == 2 else 1), done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--frobnicate", "--", "true"], "No such option"),
        (["-N", "-1", "--", "true"], "-1"),
        (["-N", "0", "--", "true"], "0"),
        (["--mem-per-node", "99999999999999G", "--", "true"], "99999999999999G"),
        (["--mem-per-node", "lots", "--", "true"], "bad size 'lots'"),
        (["-t", "soon", "--", "true"], "bad duration 'soon'"),
        (["-J", "../x", "--", "true"], "bad job name '../x'"),
        (["-J", "a/b", "--", "true"], "bad job name 'a/b'"),
        (["--image", "../secret", "--", "true"], "bad image '../secret'"),
        (["-D", "relative", "--", "true"], "relative"),
        (["--mount", "/etc:/x/../y", "--", "true"], "'..'"),
        (["--env", "=x", "--", "true"], "=x"),
        (["--runtime", "docker!", "--", "true"], "docker!"),
        (["/no/such/script.sh"], "/no/such/script.sh"),
        (["--"], ""),
    ],
)
def test_a_wrong_call_exits_with_2_and_names_the_value(shared, arguments, words):
    one_line(cli(shared, "submit", *arguments), 2, words)
    with shared.client() as client:
        assert client.jobs() == []


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (JobSpec(command=("echo", "x" * 10 * MIB)), "argument 1"),
        (JobSpec(command=("echo", *["x" * 1000] * 10_000)), "bytes together"),
        (JobSpec(command=("echo", "a\0b")), "NUL"),
        (JobSpec(), "nothing to run"),
        (JobSpec(script=b"echo hi"), "interpreter"),
        (JobSpec(command=("true",), env=(("A", "1"), ("A", "2"))), "twice"),
    ],
)
def test_what_a_program_sends_is_bounded_too(shared, spec, words):
    with shared.client() as client:
        with pytest.raises(InvalidValue, match=words) as caught:
            client.submit(spec)
        assert len(str(caught.value)) < 400
        assert client.jobs() == []


@pytest.mark.parametrize("request_id", ["x" * 65, "a b", "é"])
def test_a_strange_request_id_is_refused(shared, request_id):
    with shared.client() as client, pytest.raises(InvalidValue, match="bad request_id"):
        client.submit(JobSpec(command=("true",)), request_id)


def test_a_job_that_does_not_exist_is_not_found_by_any_call(shared):
    with shared.client() as client:
        for call in (client.job, client.cancel, client.hold, client.release, client.wait, client.output):
            with pytest.raises(NotFound, match="no job 99"):
                call(99)


def test_a_second_controller_on_the_same_folder_is_refused_by_the_pid_of_the_first(lone):
    config = lone.folder / "second.toml"
    config.write_text(f'[controller]\nlisten = "unix://{lone.folder}/other.sock"\nstate_dir = "{lone.folder}/controller"\n')
    one_line(cli(lone, "controller", "--config", str(config)), 1, str(lone.processes["controller"].pid))
    lone.wait_for_answer()


def test_a_second_controller_on_the_same_socket_is_refused(lone):
    config = lone.folder / "second.toml"
    config.write_text(f'[controller]\nlisten = "{lone.address}"\nstate_dir = "{lone.folder}/elsewhere"\n')
    one_line(cli(lone, "controller", "--config", str(config)), 1, "another controller answers")
    lone.wait_for_answer()


@pytest.mark.parametrize(
    "listen", ["tcp://0.0.0.0:7", "tcp://192.0.2.1:7", "http://x", "unix://relative", "tcp://127.0.0.1:99999"]
)
def test_an_address_that_others_could_reach_must_be_asked_for(shared, listen):
    config = shared.folder / "tcp.toml"
    config.write_text(f'[controller]\nlisten = "{listen}"\nstate_dir = "{shared.folder}/tcp"\n')
    done = cli(shared, "controller", "--config", str(config))
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1
    assert ("insecure" in done.stderr) == listen.startswith(("tcp://0", "tcp://192"))


def test_an_unknown_key_in_the_configuration_is_named(shared):
    config = shared.folder / "bad.toml"
    config.write_text("[controller]\nlisten_to = 3\n")
    one_line(cli(shared, "controller", "--config", str(config)), 1, "listen_to")


def rows(journal):
    with sqlite3.connect(journal) as database:
        found = database.execute("SELECT * FROM entry ORDER BY position").fetchall()
    database.close()
    return found


def test_a_flipped_byte_in_the_journal_stops_the_start_and_says_how_to_save_the_rest(lone):
    with lone.client() as client:
        ids = [client.submit(JobSpec(command=("true",))) for _ in range(5)]
    lone.kill("controller")
    journal = lone.folder / "controller" / "journal.sqlite"
    with sqlite3.connect(journal) as database:
        last = database.execute("SELECT max(position) FROM entry").fetchone()[0]
        database.execute("UPDATE entry SET body = X'7B7D' WHERE position = ?", (last,))
    database.close()
    before = rows(journal)
    done = cli(lone, "controller", "--config", str(lone.write_config()))
    one_line(done, 1, f"{last}", "hpcsched journal salvage")
    assert rows(journal) == before
    saved = cli(lone, "journal", "salvage", str(lone.folder / "controller"))
    assert saved.returncode == 0, saved.stderr
    assert ids


def test_a_full_disk_stops_accepting_says_so_and_goes_on_when_there_is_room(tmp_path):
    small = tmp_path / "controller"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], check=True)
    both = Daemons(tmp_path)
    try:
        both.start("controller")
        both.wait_for_answer()
        fill_the_disk_and_go_on(both, small)
    finally:
        both.stop()
        subprocess.run(["umount", small], check=True)


def write_for_ever(file):
    while True:
        file.write(b"x" * 4096)


def submit_for_ever(client):
    for _ in range(2000):
        client.submit(JobSpec(command=("true", "x" * 10_000)))


def fill_the_disk_and_go_on(both, small):
    with both.client() as client:
        first = client.submit(JobSpec(command=("true",)))
        with (small / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space"):
            write_for_ever(ballast)
        with pytest.raises(StoreFull, match="space"):
            submit_for_ever(client)
        accepted = {job.id for job in client.jobs(limit=10_000)}
        (small / "ballast").unlink()
        last = client.submit(JobSpec(command=("true",)))
        assert {job.id for job in client.jobs(limit=10_000)} == {*accepted, last}
        assert first in accepted
    both.kill("controller")
    both.start("controller")
    both.wait_for_answer()
    with both.client() as client:
        assert {job.id for job in client.jobs(limit=10_000)} == {*accepted, last}


async def say_hello(address, protocol):
    async with grpc.aio.insecure_channel(address.replace("unix://", "unix:")) as channel:
        stub = agent_service_pb2_grpc.AgentServiceStub(channel)
        hello = agent_pb.SyncRequest(hello=agent_pb.Hello(protocol=protocol))
        async for _ in stub.Sync(iter([hello]), timeout=DEADLINE_S):
            break


async def test_an_agent_of_another_version_is_told_to_upgrade(shared):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await say_hello(shared.address, 99)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "protocol 99" in caught.value.details()


def test_a_client_without_a_controller_hears_what_to_start(tmp_path):
    with Client(f"unix://{tmp_path}/none.sock", timeout_s=2) as client, pytest.raises(Unreachable, match="hpcsched up"):
        client.nodes()


def test_sigterm_ends_a_controller_cleanly(lone):
    process = lone.processes["controller"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) in (0, 128 + signal.SIGTERM)
    assert not os.path.exists(f"{lone.folder}/s.sock")
