"""The supervisor alone, as a process: what it makes of frames that no client of ours would send."""

import asyncio
import os
import random
import signal
import socket
import struct
import subprocess

import pytest

from hpcsched.errors import ContainerGone, InvalidValue, MissingTool, RuntimeFailure
from hpcsched.model.container import StepSpec
from hpcsched.model.idset import IdSet
from hpcsched.runtimes import build, frames
from hpcsched.runtimes.base import TaskSlot, WorkOrder
from hpcsched.runtimes.build import init_binary
from hpcsched.runtimes.connection import listen, short_path
from hpcsched.runtimes.supervisor import InitSupervisor
from tests.containers import DEADLINE_S, descriptors


def dial(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(DEADLINE_S)
    with short_path(path) as address:
        client.connect(address)
    assert client.recv(13, socket.MSG_WAITALL)[4] == frames.HELLO
    return client


async def answers(path):
    """It still serves others."""
    supervisor = await InitSupervisor.connect(path, (("PATH", os.environ["PATH"]),))
    number = random.randrange(1 << 31)
    await supervisor.spawn(StepSpec(number, ("true",)), -1)
    async with asyncio.timeout(DEADLINE_S):
        end = await supervisor.wait(number)
    await supervisor.close()
    return end.exit_code == 0


def a_spawn(argc, envc, rest, flags=0):
    return frame(struct.pack("<BIBQII", frames.SPAWN, 1, flags, 0, argc, envc) + rest)


def frame(body):
    return struct.pack("<I", len(body)) + body


def a_work(slots, rest):
    return frame(struct.pack("<BQIBQIII", frames.WORK, 7, 0, frames.WHOLE_LINES, 0, 1, 0, slots) + b"/\0true\0" + rest)


MALFORMED = {
    "no length": struct.pack("<I", 0),
    "a length above the bound": struct.pack("<I", frames.MAX_FRAME + 1),
    "the largest length": b"\xff\xff\xff\xff",
    "an unknown kind": frame(bytes([99])),
    "an empty spawn": frame(bytes([frames.SPAWN])),
    "a spawn of nothing": a_spawn(0, 0, b"/\0"),
    "a spawn with four billion arguments": a_spawn(0xFFFFFFFF, 0, b"/\0a\0"),
    "a spawn with four billion variables": a_spawn(1, 0xFFFFFFFF, b"/\0a\0"),
    "a spawn without its last NUL": a_spawn(1, 0, b"/\0true"),
    "a spawn with an argument too few": a_spawn(2, 0, b"/\0true\0"),
    "a script that is not announced": a_spawn(1, 0, b"/\0a\0#!/bin/sh\n"),
    "a script that is announced and not there": a_spawn(1, 0, b"/\0a\0", frames.SCRIPT),
    "a binding that is announced and not there": a_spawn(1, 0, b"/\0true\0", frames.BOUND),
    "a binding of more PUs than Linux has": a_spawn(1, 0, struct.pack("<I", 1025) + bytes(1029) + b"/\0true\0", frames.BOUND),
    "a binding of four billion PUs": a_spawn(1, 0, b"\xff" * 4 + b"/\0true\0", frames.BOUND),
    "a work of no slots": a_work(0, b""),
    "a work of four billion slots": a_work(0xFFFFFFFF, b""),
    "a work with a slot too few": a_work(2, bytes(12)),
    "a slot with four billion variables": a_work(1, bytes(8) + b"\xff" * 4),
    "half a work": frame(struct.pack("<BQIB", frames.WORK, 7, 0, 0)),
    "a wish of four billion ranges": frame(struct.pack("<BQBIII", frames.WANT, 7, 0, 0, 0, 0xFFFFFFFF)),
    "a wish with a range too few": frame(struct.pack("<BQBIIIIIII", frames.WANT, 7, 0, 0, 0, 2, 0, 1, 0, 1)),
    "a wish for a range that runs backwards": frame(struct.pack("<BQBIIIIIII", frames.WANT, 7, 0, 0, 0, 1, 2, 1, 0, 1)),
    "half a look": frame(struct.pack("<BI", frames.LOOK, 7)),
    "half a drop": frame(struct.pack("<BI", frames.DROP, 7)),
    "half a signal": frame(struct.pack("<BI", frames.SIGNAL, 1)),
    "half a status": frame(struct.pack("<BH", frames.STATUS, 1)),
}


def test_the_frame_that_the_malformed_ones_are_made_from_is_good():
    assert a_spawn(1, 0, b"/\0true\0") == frames.spawn(StepSpec(1, ("true",)), (), attached=False)
    slot = TaskSlot(IdSet(), IdSet())
    assert a_work(1, bytes(12)) == frames.work(7, WorkOrder(StepSpec(0, ("true",)), (slot,)), ())


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_frame_closes_its_connection_and_no_other(path, name):
    with dial(path) as other, dial(path) as client:
        client.sendall(MALFORMED[name])
        assert client.recv(1) == b""
        other.sendall(frames.status(5))
        assert other.recv(4096)[4] == frames.UNKNOWN
    assert await answers(path)


async def test_random_bytes_stop_nothing(path):
    source = random.Random(2026)
    for _ in range(300):
        with dial(path) as client:
            frame = bytearray(frames.spawn(StepSpec(source.randrange(50), ("true",), script=b""), (("A", "b"),), False))
            for _ in range(source.randrange(6)):
                frame[source.randrange(len(frame))] = source.randrange(256)
            client.sendall(frame[: source.randrange(1, len(frame) + 1)])
    assert await answers(path)


async def test_descriptors_that_nobody_asked_for_are_closed(path):
    with dial(path) as client:
        for _ in range(50):
            reading, writing = os.pipe()
            socket.send_fds(client, [frames.status(5)], [writing])
            os.close(writing)
            client.recv(4096)
        socket.send_fds(client, [frames.status(5)], [reading])
        os.close(reading)
        supervisor = await InitSupervisor.connect(path)
        pid = supervisor.pid
        await supervisor.close()
    assert sum(link.startswith("pipe:") for link in descriptors(pid)) <= 1


async def test_many_clients_come_and_go(path):
    clients = [dial(path) for _ in range(200)]
    for client in clients[::2]:
        client.close()
    assert await answers(path)
    for client in clients[1::2]:
        client.close()


async def test_a_client_that_reads_nothing_is_dropped_and_holds_up_nobody(path):
    with dial(path) as deaf:
        deaf.setblocking(False)
        request = frames.status(5) * 1_000_000
        with pytest.raises((BlockingIOError, BrokenPipeError, ConnectionResetError)):
            deaf.sendall(request)
        assert await answers(path)


async def test_each_attached_step_gets_its_own_descriptors_however_many_start_at_once(path):
    supervisor = await InitSupervisor.connect(path, (("PATH", os.environ["PATH"]),))

    async def attached(number):
        stdin, stdout, stderr = await supervisor.spawn_attached(StepSpec(number, ("cat",), tty=number % 3 == 0))
        os.write(stdin, b"%d\n" % number)
        answer = await asyncio.to_thread(os.read, stdout, 99)
        for fd in (stdin, stdout, stderr):
            os.close(fd)
        return int(answer.split()[0])

    async def detached(number):
        await supervisor.spawn(StepSpec(number, ("true",)), -1)
        return number

    async with asyncio.timeout(DEADLINE_S):
        found = await asyncio.gather(*(attached(number) if number % 2 else detached(number) for number in range(80)))
    assert found == list(range(80))
    await supervisor.close()


async def test_a_frame_may_come_in_single_bytes(path):
    with dial(path) as client:
        for byte in frames.status(77):
            client.sendall(bytes([byte]))
        assert client.recv(4096)[4] == frames.UNKNOWN


async def test_a_command_line_of_ten_megabytes_is_refused_with_its_reason(path):
    supervisor = await InitSupervisor.connect(path, (("PATH", os.environ["PATH"]),))
    with pytest.raises(RuntimeFailure, match="Argument list too long"):
        await supervisor.spawn(StepSpec(1, ("true", "x" * 10_000_000)), -1)
    with pytest.raises(InvalidValue, match="the limit is"):
        await supervisor.spawn(StepSpec(2, ("true", "x" * 20_000_000)), -1)
    with pytest.raises(InvalidValue, match="NUL"):
        await supervisor.spawn(StepSpec(3, ("true", "a\0b")), -1)
    await supervisor.close()


async def test_a_large_environment_arrives_whole(path, tmp_path):
    output = os.open(tmp_path / "out", os.O_CREAT | os.O_WRONLY)
    supervisor = await InitSupervisor.connect(path, (("PATH", os.environ["PATH"]),))
    env = tuple((f"NAME{number}", "v" * 1000) for number in range(900))
    await supervisor.spawn(StepSpec(1, ("env",), env=env), output)
    os.close(output)
    assert (await supervisor.wait(1)).exit_code == 0
    await supervisor.close()
    assert (tmp_path / "out").stat().st_size > 900 * 1000


async def test_a_lost_supervisor_is_told_to_all_that_wait(path, binary, tmp_path):
    with listen(tmp_path / "init.sock") as listener:
        process = start(binary, listener)
    supervisor = await InitSupervisor.connect(tmp_path / "init.sock")
    waiting = [asyncio.ensure_future(supervisor.wait(number)) for number in range(3)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    for end in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(end, ContainerGone) or "never started" in end.failure
    with pytest.raises(ContainerGone):
        await supervisor.wait(9)
    with pytest.raises(ContainerGone):
        await InitSupervisor.connect(tmp_path / "init.sock")
    await supervisor.close()


def start(binary, listener):
    return subprocess.Popen([binary, "--listen", str(listener.fileno()), "--bare"], pass_fds=[listener.fileno()])


def test_the_binary_is_built_once_for_each_version_of_its_source(binary):
    again = init_binary(binary.parent)
    assert again == binary
    assert again.stat().st_mtime_ns == binary.stat().st_mtime_ns
    assert os.listdir(binary.parent) == [binary.name]


def test_without_a_compiler_the_message_names_the_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="apt-get install gcc"):
        init_binary(tmp_path / "cache")


def test_a_source_that_does_not_compile_leaves_nothing(monkeypatch, tmp_path):
    (tmp_path / "bad.c").write_text("int main(void) { return nonsense; }\n")
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    with pytest.raises(RuntimeFailure, match="nonsense"):
        init_binary(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_supervisor_refuses_another_root(binary, tmp_path):
    info = os.stat("/")
    with listen(tmp_path / "init.sock") as listener:
        wrong = f"{info.st_dev}:{info.st_ino + 1}"
        command = [binary, "--listen", str(listener.fileno()), "--root", wrong]
        done = subprocess.run(command, pass_fds=[listener.fileno()], capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 125
    assert "the root is not the one that was prepared" in done.stderr
