"""The frames, without a supervisor."""

import contextlib
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hpcsched.errors import InvalidValue, RuntimeFailure
from hpcsched.model.container import ObservedTask, StepExit, StepSpec
from hpcsched.model.idset import IdSet
from hpcsched.runtimes import frames
from hpcsched.runtimes.frames import Decoder, Exited, Hello, Shown, Spawned, SpawnFailed, Unknown
from hpcsched.runtimes.launching import _reason
from hpcsched.runtimes.observe import read_limits, root_of
from hpcsched.runtimes.replies import exit_of, failure_text, observed_task

numbers = some.integers(0, 2**32 - 1)
large = some.integers(0, 2**64 - 1)


def id_sets(limit):
    return some.frozensets(some.integers(0, limit - 1), max_size=9).map(IdSet.of)


replies = some.one_of(
    some.builds(Hello, numbers, numbers),
    some.builds(Spawned, numbers, numbers),
    some.builds(SpawnFailed, numbers, numbers, some.integers(0, 255)),
    some.builds(Exited, numbers, numbers, large, large, large),
    some.builds(Unknown, numbers),
    some.builds(Shown, numbers, numbers, id_sets(frames.MAX_CPUS), id_sets(frames.MAX_NODES)),
)


def encoded(reply):
    if isinstance(reply, Shown):
        sets = frames._bits(reply.cpus, frames.MAX_CPUS) + frames._bits(reply.mems, frames.MAX_NODES)
        body = struct.pack("<BII", frames.SHOWN, reply.step_id, reply.policy) + sets
        return struct.pack("<I", len(body)) + body
    kind = next(number for number, (wanted, _) in frames._REPLIES.items() if wanted is type(reply))
    fields = [getattr(reply, name) for name in reply.__slots__]
    body = bytes([kind]) + frames._REPLIES[kind][1].pack(*fields)
    return struct.pack("<I", len(body)) + body


@given(some.lists(replies), some.integers(1, 40))
def test_replies_come_out_whole_however_the_bytes_come_in(expected, size):
    data = b"".join(map(encoded, expected))
    decoder, found = Decoder(), []
    for start in range(0, len(data), size):
        found += decoder.feed(data[start : start + size])
    assert found == expected


@given(some.binary(max_size=64))
def test_no_bytes_do_more_than_be_refused(data):
    with contextlib.suppress(RuntimeFailure):
        assert isinstance(Decoder().feed(data), list)


@pytest.mark.parametrize("size", [0, frames.MAX_REPLY + 1, 2**32 - 1])
def test_a_reply_of_absurd_length_is_refused_before_it_comes(size):
    with pytest.raises(RuntimeFailure, match=f"a frame of {size} bytes"):
        Decoder().feed(struct.pack("<I", size))


def test_the_largest_binding_fits_into_a_reply():
    every = Shown(1, 5, IdSet((1 << frames.MAX_CPUS) - 1), IdSet((1 << frames.MAX_NODES) - 1))
    assert Decoder().feed(encoded(every)) == [every]


@pytest.mark.parametrize("end", [3, 11, 12, 13, 16, -1])
def test_a_torn_binding_is_refused(end):
    body = encoded(Shown(1, 5, IdSet.of((9,)), IdSet.of((0,))))[4:][:end]
    with pytest.raises(RuntimeFailure, match="malformed frame of kind 21"):
        Decoder().feed(struct.pack("<I", len(body)) + body)


@pytest.mark.parametrize(("cpus", "mems"), [(8192, 0), (0, 1024)])
def test_an_id_that_linux_cannot_have_is_refused_with_its_number(cpus, mems):
    step = StepSpec(1, ("a",), cpus=IdSet.of((cpus,)), mems=IdSet.of((mems,)))
    with pytest.raises(InvalidValue, match=str(cpus or mems)):
        frames.spawn(step, (), attached=False)


@pytest.mark.parametrize(
    ("mode", "mems", "policy"),
    [
        (0, "", "default"),
        (1, "3", "prefer:3"),
        (5, "0-1", "prefer (many):0-1"),
        (2, "1", "bind:1"),
        (4, "", "local"),
        (99, "", "mode 99"),
    ],
)
def test_a_memory_policy_is_told_in_the_words_of_numa_maps(mode, mems, policy):
    assert observed_task(Shown(1, mode, IdSet.of((3,)), IdSet.parse(mems))) == ObservedTask(IdSet.of((3,)), policy)


def test_an_argument_that_no_program_can_get_is_refused():
    for step in (StepSpec(1, ("a\0b",)), StepSpec(1, ("a",), workdir="/\0")):
        with pytest.raises(InvalidValue, match="NUL"):
            frames.spawn(step, (), attached=False)
    with pytest.raises(InvalidValue, match="no command"):
        frames.spawn(StepSpec(1, ()), (), attached=False)


def test_bytes_that_are_no_utf_8_survive():
    assert b"\xff\xfe\0" in frames.spawn(StepSpec(1, (b"\xff\xfe".decode("utf-8", "surrogateescape"),)), (), attached=False)


@pytest.mark.parametrize(
    ("status", "code", "signal"), [(0, 0, None), (7 << 8, 7, None), (255 << 8, 255, None), (9, None, 9), (11 | 0x80, None, 11)]
)
def test_a_wait_status_is_an_exit_code_or_a_signal(status, code, signal):
    assert exit_of(Exited(3, status, 4096, 1_500_000, 250_000)) == StepExit(3, code, signal, "", 4096, 1.5, 0.25)


def test_a_failure_without_the_steps_words_is_still_a_sentence():
    for stage in (frames.STAGE_SETUP, frames.STAGE_WORKDIR, frames.STAGE_EXEC):
        assert failure_text(SpawnFailed(1, 2, stage), None) in (
            "cannot prepare the step: No such file or directory",
            "cannot enter the working directory: No such file or directory",
            "command not found",
        )


@pytest.mark.parametrize(
    ("command", "where"),
    [("./solve", " in '/data': name its folder with --workdir"), ("solve", ""), ("/opt/solve", "")],
)
def test_a_relative_path_that_is_not_there_was_looked_for_in_the_working_directory(command, where):
    step = StepSpec(1, (command,), workdir="/data")
    assert failure_text(SpawnFailed(1, 2, frames.STAGE_EXEC), step) == f"command '{command}' not found{where}"


def test_lxcs_first_errors_are_the_reason(tmp_path):
    (tmp_path / "lxc.log").write_text(
        "lxc j 20261123 WARN     start - ../src/lxc/start.c:f:1 - Inherited fd 3\n"
        "lxc j 20261123 ERROR    utils - ../src/lxc/utils.c:safe_mount:1 - Permission denied - Failed to mount x\n"
        "lxc j 20261123 ERROR    conf - ../src/lxc/conf.c:lxc_setup:2 - Failed to set up\n"
        "lxc j 20261123 ERROR    start - ../src/lxc/start.c:do_start:3 - Failed to start\n"
    )
    reading, writing = os.pipe()
    assert _reason(reading, tmp_path / "lxc.log") == "Permission denied - Failed to mount x; Failed to set up"
    os.write(writing, b"two\nlines\n")
    assert _reason(reading, tmp_path / "no such log") == "two; lines"
    os.close(writing)
    assert _reason(reading, tmp_path / "no such log") == "it ended at once"
    os.close(reading)


def test_limits_are_read_as_the_kernel_prints_them():
    text = (
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max stack size            8388608              unlimited            bytes     \n"
        "Max open files            1024                 4096                 files     \n"
        "Max realtime timeout      unlimited            unlimited            us        \n"
    )
    found = {limit.resource: (limit.soft, limit.hard) for limit in read_limits(text)}
    assert found == {"stack": (8388608, -1), "nofile": (1024, 4096), "rttime": (-1, -1)}


def test_the_root_is_named_by_its_lowest_layer():
    line = r"89 66 0:39 / / rw shared:1 - overlay overlay rw,lowerdir=/images/a\,b,upperdir=/u,workdir=/w"
    assert root_of(f"22 27 0:21 / /proc rw - proc proc rw\n{line}\n") == r"overlay /images/a\,b"
    assert root_of("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n") == "ext4 /dev/vda"
    assert root_of("") == ""
