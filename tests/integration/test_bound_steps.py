"""Steps with an affinity, a memory policy and a part of one output file, under the real supervisor."""

import asyncio
import os
import re
import socket
import struct
from pathlib import Path

import pytest

from hpcsched.errors import BindingMismatch, RuntimeFailure, VersionMismatch
from hpcsched.model.container import StepSpec
from hpcsched.model.idset import IdSet
from hpcsched.runtimes import frames
from hpcsched.runtimes.connection import listen
from hpcsched.runtimes.supervisor import InitSupervisor
from tests.containers import eventually

PATH = (("PATH", os.environ["PATH"]),)
ALLOWED = IdSet.of(os.sched_getaffinity(0))
ONE = IdSet.of(sorted(ALLOWED)[-1:])
NODE = IdSet.of((0,))
ABSENT = IdSet.of((8191,))
ENOUGH_S = 20


@pytest.fixture
async def supervisor(path):
    supervisor = await InitSupervisor.connect(path, PATH)
    yield supervisor
    await supervisor.close()


@pytest.fixture
def output(tmp_path):
    """The descriptor of an empty file, to append to."""
    file = os.open(tmp_path / "out", os.O_CREAT | os.O_RDWR | os.O_APPEND)
    yield file
    os.close(file)


def written(output):
    return os.pread(output, 1 << 24, 0)


async def ends_of(supervisor, *numbers):
    async with asyncio.timeout(ENOUGH_S):
        return [await supervisor.wait(number) for number in numbers]


def sh(number, script, **fields):
    return StepSpec(number, ("/bin/sh", "-c", script), **fields)


@pytest.mark.skipif(not Path("/proc/self/numa_maps").exists(), reason="this kernel has no NUMA")
@pytest.mark.parametrize("cpus", [ONE, ALLOWED])
async def test_a_bound_step_runs_where_it_was_bound_and_what_the_kernel_showed_is_known(supervisor, output, cpus):
    await supervisor.spawn(sh(1, "grep _allowed_list /proc/self/status; cat /proc/self/numa_maps", cpus=cpus, mems=NODE), output)
    await ends_of(supervisor, 1)
    seen = supervisor.shown(1)
    assert seen.cpus == cpus
    assert re.fullmatch(r"prefer( \(many\))?:0", seen.policy)
    text = written(output).decode()
    assert f"Cpus_allowed_list:\t{cpus}\n" in text
    assert f" {seen.policy} " in text


async def test_a_step_that_is_only_pinned_keeps_the_memory_policy_of_its_container(supervisor):
    await supervisor.spawn(StepSpec(1, ("true",), cpus=ONE), -1)
    assert (supervisor.shown(1).cpus, supervisor.shown(1).policy) == (ONE, "default")


async def test_a_step_that_is_bound_to_nothing_shows_nothing_and_has_all_cpus(supervisor, output):
    await supervisor.spawn(sh(1, "grep Cpus_allowed_list /proc/self/status"), output)
    await ends_of(supervisor, 1)
    assert supervisor.shown(1) is None
    assert written(output) == f"Cpus_allowed_list:\t{ALLOWED}\n".encode()


async def test_the_binding_of_a_step_that_has_ended_long_ago_is_told_to_whoever_spawns_it_again(path, supervisor):
    step = StepSpec(1, ("true",), cpus=ONE, mems=NODE)
    await supervisor.spawn(step, -1)
    await ends_of(supervisor, 1)
    later = await InitSupervisor.connect(path, PATH)
    await later.spawn(step, -1)
    assert later.shown(1) == supervisor.shown(1)
    await later.close()


@pytest.mark.parametrize(
    ("cpus", "mems", "what"),
    [(ONE | ABSENT, NODE, "cpus"), (ABSENT, NODE, "cpus"), (ONE, NODE | IdSet.of((1023,)), "memory nodes")],
)
async def test_a_step_that_cannot_have_its_binding_never_runs(path, supervisor, output, cpus, mems, what):
    step = sh(7, "echo ran", cpus=cpus, mems=mems)
    with pytest.raises(BindingMismatch, match=f"{what} of step 7 asked .*, the kernel shows "):
        await supervisor.spawn(step, output)
    (end,) = await ends_of(supervisor, 7)
    assert "cannot bind the step to cpus" in end.failure
    assert written(output) == b""
    later = await InitSupervisor.connect(path, PATH)
    with pytest.raises(BindingMismatch, match=what):
        await later.spawn(step, output)
    await later.close()


async def test_a_bound_step_whose_command_is_not_there_has_its_binding_and_says_why(supervisor):
    with pytest.raises(RuntimeFailure, match="'/nowhere' not found"):
        await supervisor.spawn(StepSpec(1, ("/nowhere",), cpus=ONE), -1)
    assert supervisor.shown(1).cpus == ONE


async def test_a_terminal_can_be_bound_too(supervisor):
    files = await supervisor.spawn_attached(sh(1, "taskset -p $$", cpus=ONE, tty=True))
    assert supervisor.shown(1).cpus == ONE
    for file in files:
        os.close(file)


async def test_a_line_waits_for_its_end_while_other_steps_write_theirs(supervisor, output, tmp_path):
    os.mkfifo(tmp_path / "go")
    script = f"printf 'one\\nbegin'; : > {tmp_path}/begun; read _ < {tmp_path}/go; echo ' end'"
    await supervisor.spawn(sh(0, script, whole_lines=True), output)
    await eventually((tmp_path / "begun").exists, "half a line is written")
    await supervisor.spawn(sh(1, "echo two; printf three", whole_lines=True), output)
    await ends_of(supervisor, 1)
    (tmp_path / "go").write_text("\n")
    await ends_of(supervisor, 0)
    assert written(output) == b"one\ntwo\nthreebegin end\n"


@pytest.mark.parametrize("size", [1, 65535, 65536, 65537, 300_000])
async def test_a_line_without_an_end_comes_whole_whatever_its_length(supervisor, output, size):
    await supervisor.spawn(sh(1, f"printf 'x\\n'; head -c {size} /dev/zero | tr '\\0' y", whole_lines=True), output)
    await ends_of(supervisor, 1)
    assert written(output) == b"x\n" + b"y" * size


async def test_the_cap_counts_what_all_steps_write_into_one_file(supervisor, output):
    for number in range(4):
        await supervisor.spawn(sh(number, "seq 100000", output_cap=5000), output)
        await ends_of(supervisor, number)
    assert len(written(output)) < 5100
    assert written(output).count(b"output cut at 5000 bytes") == 1


async def test_another_file_has_its_own_cap(supervisor, output, tmp_path):
    with (tmp_path / "other").open("wb") as other:
        await supervisor.spawn(sh(1, "seq 100000", output_cap=5000), output)
        await supervisor.spawn(sh(2, "seq 100000", output_cap=6000), other.fileno())
        await ends_of(supervisor, 1, 2)
    assert b"output cut at 6000 bytes" in (tmp_path / "other").read_bytes()


async def test_a_supervisor_of_before_gets_the_frames_it_knows_and_no_binding(tmp_path):
    with listen(tmp_path / "init.sock") as listener:
        dialled = asyncio.create_task(InitSupervisor.connect(tmp_path / "init.sock", ()))
        old, _ = await asyncio.get_running_loop().run_in_executor(None, listener.accept)
    with old:
        old.sendall(struct.pack("<IBII", 9, frames.HELLO, 1, 99))
        supervisor = await dialled
        with pytest.raises(VersionMismatch, match="submit the job again"):
            await supervisor.spawn(StepSpec(1, ("true",), cpus=ONE), -1)
        old.sendall(struct.pack("<IBII", 9, frames.SPAWNED, 2, 100))
        assert await supervisor.spawn(StepSpec(2, ("true",), workdir="/"), -1) == 100
        assert old.recv(4096, socket.MSG_DONTWAIT) == struct.pack("<IBIBQII", 29, 1, 2, 0, 0, 1, 0) + b"/\0true\0"
        await supervisor.close()
