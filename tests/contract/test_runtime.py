"""What every runtime must do."""

import asyncio
import fcntl
import os
import shutil
import signal
import struct
import termios
from dataclasses import replace
from pathlib import Path

import pytest

from hpcsched.errors import Conflict, ContainerGone, ImageError, RuntimeFailure
from hpcsched.model.container import DeviceNode, Mount, Rlimit, StepSpec, Usage
from hpcsched.model.idset import IdSet
from hpcsched.plugins import load
from hpcsched.runtimes.folder import write_pid
from hpcsched.runtimes.supervisor import HELLO_DEADLINE_S
from tests.containers import (
    CPUS,
    DEADLINE_S,
    LIMITS,
    MEMS,
    MIB,
    TOO_MUCH,
    Shell,
    a_spec,
    children,
    descriptors,
    eventually,
    opened,
    processes,
    shell_in,
)

pytestmark = pytest.mark.system
LIMIT_FILES = ("memory.limit_in_bytes", "memory.max")


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.fixture(params=["lxc", "baremetal"])
def make_runtime(request, state, tmp_path):
    return lambda: load("runtimes", request.param)(state / request.param, tmp_path / "images")


@pytest.fixture
async def runtime(make_runtime):
    async with opened(make_runtime()) as runtime:
        yield runtime


@pytest.fixture
async def shell(runtime, tmp_path):
    async with shell_in(runtime, tmp_path) as shell:
        yield shell


@pytest.mark.parametrize("code", [0, 1, 7, 255])
async def test_an_exit_code_comes_back_as_it_is(shell, code):
    end, _ = await shell.sh(f"exit {code}")
    assert (end.exit_code, end.signal, end.failure) == (code, None, "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGUSR1])
async def test_a_step_that_a_signal_ended_names_the_signal(shell, number):
    end, _ = await shell.sh(f"ulimit -c 0; kill -{int(number)} $$")
    assert (end.exit_code, end.signal) == (None, number)


async def test_what_a_step_used_comes_with_its_end(shell):
    busy = "import time\nblock = bytearray(64 << 20)\nwhile time.process_time() < 0.2: pass"
    end, output = await shell.run("python3", "-c", busy)
    assert end.exit_code == 0, output
    assert end.user_s + end.system_s >= 0.2
    assert 64 * MIB < end.max_rss < 128 * MIB


async def test_starting_twice_in_a_row_starts_once(runtime, shell):
    pid = runtime.observe("job1").pid
    await runtime.start(a_spec())
    assert runtime.observe("job1").pid == pid


async def test_starting_twice_at_once_starts_once(runtime):
    await asyncio.gather(*(runtime.start(a_spec("twin")) for _ in range(4)))
    assert len(runtime.group("twin").pids()) == 1


async def test_removing_twice_or_what_never_was_is_fine(runtime, shell):
    await asyncio.gather(runtime.remove("job1"), runtime.remove("job1"))
    await runtime.remove("job1")
    await runtime.remove("never-was")
    assert runtime.existing() == ()
    with pytest.raises(ContainerGone):
        await runtime.connect("job1")
    with pytest.raises(ContainerGone):
        runtime.observe("job1")
    assert runtime.usage("job1") == Usage()


async def test_a_removed_container_leaves_no_file(runtime, state, shell):
    await shell.sh("mkdir -p /tmp/hpcsched-test-dir; rmdir /tmp/hpcsched-test-dir")
    await runtime.remove("job1")
    assert list((state / runtime.name / "containers").iterdir()) == []


async def test_a_name_can_be_used_again(runtime, shell, tmp_path):
    await runtime.remove("job1")
    await runtime.start(a_spec())
    again = await Shell.open(runtime, "job1", tmp_path)
    end, _ = await again.sh("exit 4", step_id=1)
    await again.close()
    assert end.exit_code == 4


async def test_what_is_observed_is_what_was_asked(runtime, shell):
    seen = runtime.observe("job1")
    assert (seen.cpus, seen.mems, seen.memory, seen.cfs_quota) == (CPUS, MEMS, 256 * MIB, False)
    assert set(LIMITS) <= set(seen.rlimits)
    assert seen.runtime == runtime.name
    assert seen.cgroup.endswith(f"/{runtime.group('job1').path}/payload")


async def test_devices_are_tried_from_the_containers_control_groups_and_nobody_stays_there(runtime, shell):
    before = runtime.group("job1").pids()
    nodes = (DeviceNode("/dev/null", 1, 3), DeviceNode("/dev/no-such-node", 1, 99))
    assert await runtime.try_open("job1", nodes) == {"/dev/null": "ok", "/dev/no-such-node": "ENOENT"}
    assert runtime.group("job1").pids() == before
    with pytest.raises(ContainerGone):
        await runtime.try_open("never-was", nodes)


async def test_a_container_is_in_no_group_of_the_agent_where_systemd_looks_for_processes_of_a_unit(runtime, shell):
    assert where_systemd_looks(runtime.observe("job1").pid) == {f"/{runtime.group('job1').path}/payload"}


def where_systemd_looks(pid):
    """Paths in v2 and in systemd's own hierarchy of v1, where there are such."""
    found = (line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines())
    return {path for _, names, path in found if names in ("", "name=systemd")}


async def test_a_second_start_of_a_running_container_writes_no_limit(runtime, shell):
    files = (folder / name for folder in runtime.group("job1").folders() for name in LIMIT_FILES)
    next(file for file in files if file.exists()).write_text(str(200 * MIB))
    await runtime.start(a_spec())
    assert runtime.observe("job1").memory == 200 * MIB


async def test_a_step_gets_the_cpus_memory_nodes_and_limits_that_were_asked(shell):
    _, output = await shell.run("cat", "/proc/self/status", "/proc/self/limits")
    lines = [" ".join(line.split()) for line in output.decode().splitlines()]
    assert f"Cpus_allowed_list: {CPUS}" in lines
    assert f"Mems_allowed_list: {MEMS}" in lines
    assert "Max open files 512 1024 files" in lines
    assert f"Max stack size {4 * MIB} {4 * MIB} bytes" in lines


async def test_a_limit_above_the_nodes_hard_limit_is_refused_by_name(runtime):
    beyond = 1 << 40
    with pytest.raises(RuntimeFailure, match="nofile"):
        await runtime.start(a_spec("greedy", rlimits=(Rlimit("nofile", beyond, beyond),)))
    assert runtime.existing() == ()


async def test_the_environment_is_the_specs_with_the_steps_over_it_and_nothing_else(runtime, tmp_path):
    os.environ["HPCSCHED_TEST_SECRET"] = "of the agent"
    await runtime.start(a_spec(env=(("COLOUR", "blue"), ("SIZE", "1"))))
    shell = await Shell.open(runtime, "job1", tmp_path)
    _, output = await shell.run("/usr/bin/env", env=(("SIZE", "2"),))
    _, of_init = await shell.run("cat", f"/proc/{runtime.observe('job1').pid if runtime.name == 'baremetal' else 1}/environ")
    await shell.close()
    del os.environ["HPCSCHED_TEST_SECRET"]
    assert sorted(output.decode().split()) == ["COLOUR=blue", "SIZE=2"]
    assert b"SECRET" not in of_init


async def test_output_is_binary_safe_and_whole_when_the_end_is_told(shell):
    end, output = await shell.run("python3", "-c", "import os; os.write(1, bytes(range(256)) * 4000); os.write(2, b'err')")
    assert end.exit_code == 0
    assert output == bytes(range(256)) * 4000 + b"err"


async def test_all_output_is_in_the_file_in_the_moment_the_end_is_told(shell):
    for _ in range(30):
        step = await shell.spawn("head", "-c", "900000", "/dev/zero")
        await shell.wait(step)
        assert shell.path(step).stat().st_size == 900_000


async def test_output_beyond_the_cap_is_dropped_behind_one_marker_and_the_step_goes_on(shell):
    end, output = await shell.sh("yes | head -c 5000000; exit 5", output_cap=1000)
    assert end.exit_code == 5
    assert output == b"y\n" * 500 + b"\n[hpcsched: output cut at 1000 bytes]\n"


async def test_output_of_just_the_cap_has_no_marker(shell):
    _, output = await shell.sh("printf 12345", output_cap=5)
    assert output == b"12345"


async def test_a_full_disk_under_the_output_neither_stops_nor_fails_the_step(shell):
    full = os.open("/dev/full", os.O_WRONLY)
    await shell.supervisor.spawn(StepSpec(70, ("/bin/sh", "-c", "yes | head -c 3000000; exit 6")), full)
    os.close(full)
    assert (await shell.wait(70)).exit_code == 6


async def test_a_background_child_that_holds_the_output_open_does_not_hold_up_the_end(shell):
    step = await shell.spawn("/bin/sh", "-c", "(read x < /tmp/none; exec sleep 987) 2>/dev/null & sleep 987 & echo early")
    assert (await shell.wait(step)).exit_code == 0
    assert shell.path(step).read_bytes() == b"early\n"


async def test_what_a_background_child_writes_after_the_end_is_still_copied(shell, tmp_path):
    _, output = await shell.sh("mkfifo /dev/shm/hpcsched-gate; (read x < /dev/shm/hpcsched-gate; echo late) & echo early")
    assert output == b"early\n"
    await shell.sh("echo go > /dev/shm/hpcsched-gate; rm /dev/shm/hpcsched-gate")
    await eventually(lambda: shell.path(1).read_bytes() == b"early\nlate\n", "the late line")


async def test_a_step_id_is_spawned_once_ever(runtime, shell, tmp_path):
    await shell.sh("echo once", step_id=7)
    again = await Shell.open(runtime, "job1", tmp_path)
    assert await again.spawn("/bin/sh", "-c", "echo twice; exit 9", step_id=7) == 7
    assert (await again.wait(7)).exit_code == 0
    await again.close()
    await eventually(lambda: len(runtime.group("job1").pids()) == 1, "nothing runs any more")
    assert shell.path(7).read_bytes() == b"once\n"


async def test_a_running_step_is_not_spawned_again(runtime, shell, tmp_path):
    await shell.spawn("sleep", "987.875", step_id=7)
    again = await Shell.open(runtime, "job1", tmp_path)
    await again.spawn("sleep", "987.875", step_id=7)
    await again.sh("exit 0", step_id=8)
    assert len(processes("987.875")) == 1
    await again.supervisor.signal(7, signal.SIGKILL)
    assert (await again.wait(7)).signal == (await shell.wait(7)).signal == signal.SIGKILL
    await again.close()


async def test_a_step_that_was_never_spawned_is_told_apart(shell):
    assert "never started" in (await shell.wait(4711)).failure
    end, _ = await shell.sh("exit 2", step_id=4711)
    assert end.exit_code == 2


async def test_an_end_is_remembered_for_a_fresh_runtime(runtime, make_runtime, shell, tmp_path):
    await shell.sh("exit 3")
    running = await shell.spawn("/bin/sh", "-c", "read x < /dev/shm/hpcsched-never || sleep 987")
    await runtime.close()
    fresh = make_runtime()
    await fresh.open()
    again = await Shell.open(fresh, "job1", tmp_path)
    assert fresh.existing() == ("job1",)
    assert (await again.wait(1)).exit_code == 3
    assert fresh.observe("job1").cpus == CPUS
    await again.supervisor.signal(running, signal.SIGTERM)
    assert (await again.wait(running)).signal == signal.SIGTERM
    await again.close()
    await fresh.remove("job1")
    await fresh.close()


async def test_two_connections_both_hear_of_an_end(runtime, shell, tmp_path):
    other = await Shell.open(runtime, "job1", tmp_path)
    step = await shell.spawn("sleep", "987")
    waiting = asyncio.ensure_future(other.wait(step))
    await shell.supervisor.signal(step, signal.SIGTERM)
    assert (await waiting).signal == (await shell.wait(step)).signal == signal.SIGTERM
    await other.close()


async def test_a_client_that_vanishes_disturbs_nothing(runtime, shell, tmp_path):
    gone = await Shell.open(runtime, "job1", tmp_path)
    step = await gone.spawn("/bin/sh", "-c", "yes | head -c 300000; exit 8")
    await gone.close()
    assert (await shell.wait(step)).exit_code == 8


async def test_waiting_ends_when_the_container_is_removed(runtime, shell):
    step = await shell.spawn("sleep", "987")
    waiting = asyncio.ensure_future(shell.wait(step))
    await asyncio.sleep(0)
    await runtime.remove("job1")
    with pytest.raises(ContainerGone):
        await waiting


async def test_a_signal_reaches_the_whole_group_of_a_step(shell):
    step = await shell.spawn("/bin/sh", "-c", "trap 'echo told; exit 0' TERM; (sleep 987.25) & echo ready; wait")
    await eventually(lambda: b"ready" in shell.path(step).read_bytes() and processes("987.25"), "the trap is set")
    await shell.supervisor.signal(step, signal.SIGTERM)
    assert (await shell.wait(step)).exit_code == 0
    await eventually(lambda: not processes("987.25"), "the child of the step is gone too")
    await shell.supervisor.signal(step, signal.SIGTERM)


async def test_a_signal_to_the_container_reaches_daemons_but_not_the_supervisor(runtime, shell):
    await shell.sh("setsid sleep 987.5 & exit 0")
    await eventually(lambda: processes("987.5"), "the daemon runs")
    await runtime.signal("job1", signal.SIGTERM)
    await eventually(lambda: not processes("987.5"), "the daemon is gone")
    assert (await shell.sh("exit 0"))[0].exit_code == 0


async def test_signals_from_inside_do_not_end_the_supervisor(runtime, shell):
    target = "1" if runtime.name == "lxc" else str(runtime.observe("job1").pid)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM, signal.SIGRTMAX):
        await shell.run("kill", f"-{int(number)}", target)
    assert (await shell.sh("exit 0"))[0].exit_code == 0


async def test_removal_kills_double_forked_daemons_that_ignore_signals(runtime, shell):
    await shell.sh("(setsid sh -c 'trap \"\" TERM HUP INT; (sleep 987.75 & sleep 987.75) & wait' &) ; exit 0")
    await eventually(lambda: len(processes("987.75")) == 2, "the daemons run")
    await runtime.remove("job1")
    assert not processes("987.75")


async def test_removal_waits_for_a_start_under_way_to_tell_its_pid_and_ends_it(runtime, shell):
    folder = runtime.folders.of("job1")
    late = await asyncio.create_subprocess_exec("sleep", "600")
    with folder.plan.open() as plan:
        fcntl.flock(plan, fcntl.LOCK_SH)
        removal = asyncio.create_task(runtime.remove("job1"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(removal), 0.1)
        write_pid(folder.launch_pid, late.pid)
        fcntl.flock(plan, fcntl.LOCK_UN)
        await removal
        assert await asyncio.wait_for(late.wait(), DEADLINE_S) == -signal.SIGKILL


async def test_removal_outruns_a_fork_bomb(runtime, shell):
    await shell.spawn("/bin/sh", "-c", "f() { while :; do (sleep 0.0$1) & done; }; f 1 & f 2 & f 3 & wait")
    await eventually(lambda: len(runtime.group("job1").pids()) > 5, "it forks")
    await runtime.remove("job1")
    assert runtime.existing() == ()


async def test_orphans_are_reaped(runtime, shell):
    await shell.sh("for i in 1 2 3 4 5; do (true & ) ; done; (setsid true &)")
    await eventually(lambda: len(runtime.group("job1").pids()) == 1, "only the supervisor is left")
    pid = runtime.observe("job1").pid
    assert children(pid) == []


async def test_an_orphan_becomes_the_supervisors_child(runtime, shell):
    await shell.sh("(setsid sleep 987.9375 &)")
    (orphan,) = await eventually(lambda: processes("987.9375"), "the orphan runs")
    assert orphan in children(runtime.observe("job1").pid)


async def test_memory_above_the_limit_is_an_oom_kill_that_is_counted(runtime, shell):
    assert runtime.usage("job1").oom_kills == 0
    end, _ = await shell.run("python3", "-c", TOO_MUCH)
    assert end.signal == signal.SIGKILL
    assert runtime.usage("job1").oom_kills == 1
    assert (await shell.sh("exit 0"))[0].exit_code == 0


async def test_another_sigkill_is_no_oom_kill(runtime, shell):
    await shell.sh("kill -9 $$")
    assert runtime.usage("job1").oom_kills == 0


async def test_usage_counts_all_processes_and_the_peak(runtime, shell):
    burn = "import time\nblock = bytearray(100 << 20)\nwhile time.process_time() < 0.2: pass"
    await shell.run("python3", "-c", burn)
    await shell.run("python3", "-c", burn)
    usage = runtime.usage("job1")
    assert 0.4 <= usage.cpu_s < 20
    assert 100 * MIB <= usage.peak_memory <= 256 * MIB


@pytest.mark.parametrize(
    ("step", "reason", "code"),
    [
        (StepSpec(1, ("no-such-command",)), "command 'no-such-command' not found", 127),
        (StepSpec(1, ("/no/such",)), "command '/no/such' not found", 127),
        (StepSpec(1, ("/etc/passwd",)), "cannot run the command '/etc/passwd': Permission denied", 126),
        (StepSpec(1, ("true",), workdir="/no/such"), "working directory '/no/such': No such file", None),
        (StepSpec(1, ("true",), workdir="/etc/passwd"), "working directory '/etc/passwd': Not a directory", None),
        (StepSpec(1, (), script=b"#!/no/such\n"), "interpreter is not there: '#!/no/such'", 127),
        (StepSpec(1, (), script=b"echo hello\n"), "begins with 'echo hello'", 126),
    ],
)
async def test_what_cannot_run_is_refused_with_its_reason_and_stays_so(shell, step, reason, code):
    with pytest.raises(RuntimeFailure, match=reason):
        await shell.supervisor.spawn(step, -1)
    end = await shell.wait(1)
    assert reason in end.failure
    assert (end.exit_code, end.signal) == (code, None)


async def test_a_script_runs_by_its_first_line_with_arguments(shell):
    end, output = await shell.run(
        "ignored", "a b", "c", script=b"#!/usr/bin/python3\nimport sys; print(sys.argv[1:]); sys.exit(4)\n"
    )
    assert (end.exit_code, output) == (4, b"['a b', 'c']\n")


async def test_a_step_starts_with_three_descriptors_default_signals_and_its_own_session(shell):
    _, output = await shell.run("python3", "-c", "import os; print(os.listdir('/proc/self/fd'), os.getpid() == os.getsid(0))")
    assert output == b"['0', '1', '2', '3'] True\n"
    _, status = await shell.run("cat", "/proc/self/status")
    lines = dict(line.split(":", 1) for line in status.decode().splitlines())
    assert int(lines["SigBlk"], 16) == int(lines["SigIgn"], 16) == 0
    _, adjusted = await shell.run("cat", "/proc/self/oom_score_adj")
    assert adjusted == b"0\n"


async def test_the_supervisor_holds_nothing_of_the_agent(runtime, shell, tmp_path):
    secret = os.open(tmp_path / "of the agent", os.O_CREAT | os.O_WRONLY)
    os.set_inheritable(secret, True)
    await runtime.start(a_spec("job2"))
    held = descriptors(runtime.observe("job2").pid)
    os.close(secret)
    kinds = {link.partition(":")[0] for link in held}
    assert kinds <= {"/dev/null", "socket", "anon_inode"}


async def test_a_terminal_step_has_a_size_a_controlling_terminal_and_an_exit_code(shell):
    script = "stty size; tty; test -w /dev/tty && echo controlling; exit 5"
    step = StepSpec(1, ("/bin/sh", "-c", f"read x; {script}"), tty=True)
    stdin, *others = await shell.supervisor.spawn_attached(step)
    fcntl.ioctl(stdin, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 44, 0, 0))
    os.write(stdin, b"go\n")
    assert (await shell.wait(1)).exit_code == 5
    lines = read_until(stdin, b"controlling").decode().split()
    assert lines[:3] == ["go", "33", "44"]
    assert lines[3].startswith("/dev/pts/")
    assert lines[4] == "controlling"
    for fd in (stdin, *others):
        os.close(fd)


def read_until(terminal, word):
    """The kernel hands what was written to a terminal on in parts. Raises OSError when it is closed before the word came."""
    seen = b""
    while word not in seen:
        seen += os.read(terminal, 4096)
    return seen


async def test_control_c_on_a_terminal_interrupts_the_foreground(shell):
    step = StepSpec(1, ("/bin/sh", "-c", "trap 'exit 9' INT; sleep 987.375"), tty=True)
    stdin, *others = await shell.supervisor.spawn_attached(step)
    await eventually(lambda: processes("987.375"), "the foreground command runs")
    os.write(stdin, b"\x03")
    assert (await shell.wait(1)).exit_code == 9
    for fd in (stdin, *others):
        os.close(fd)


async def test_an_attached_step_has_three_separate_pipes(shell):
    step = StepSpec(1, ("/bin/sh", "-c", "cat; echo oops >&2; exit 2"))
    stdin, stdout, stderr = await shell.supervisor.spawn_attached(step)
    os.write(stdin, b"\x00data")
    os.close(stdin)
    assert (await shell.wait(1)).exit_code == 2
    assert (os.read(stdout, 99), os.read(stderr, 99)) == (b"\x00data", b"oops\n")
    assert (os.read(stdout, 99), os.read(stderr, 99)) == (b"", b"")
    os.close(stdout)
    os.close(stderr)


async def test_an_attached_step_is_not_handed_out_twice(shell):
    step = StepSpec(1, ("cat",))
    fds = await shell.supervisor.spawn_attached(step)
    with pytest.raises(Conflict, match="new step id"):
        await shell.supervisor.spawn_attached(step)
    for fd in fds:
        os.close(fd)
    assert (await shell.wait(1)).exit_code == 0


async def test_an_attached_command_that_is_not_there_is_refused_with_its_reason(shell):
    with pytest.raises(RuntimeFailure, match="command 'no-such' not found"):
        await shell.supervisor.spawn_attached(StepSpec(1, ("no-such",), tty=True))


@pytest.mark.parametrize("image", ["nowhere", "/no/such/image", "../etc", ""])
async def test_an_image_that_is_not_there_is_refused_and_nothing_is_left(runtime, image):
    with pytest.raises(ImageError):
        await runtime.start(a_spec(image=image))
    assert runtime.existing() == ()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "x" * 200, "nul\0"])
async def test_a_name_that_is_no_file_name_is_refused(runtime, name):
    with pytest.raises(RuntimeFailure, match="name"):
        await runtime.start(a_spec(name=name))


async def test_a_binding_that_the_node_does_not_have_is_refused_and_nothing_is_left(runtime):
    spec = a_spec()
    with pytest.raises(RuntimeFailure, match="control group"):
        await runtime.start(replace(spec, binding=replace(spec.binding, cpus=IdSet.of((4000,)))))
    assert runtime.existing() == ()


async def test_a_container_whose_supervisor_was_killed_is_gone_and_can_be_removed_and_started(runtime, shell):
    pid = runtime.observe("job1").pid
    await shell.sh("setsid sleep 987.125 & exit 0")
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ContainerGone):
        await shell.wait(99)
    assert runtime.existing() == ("job1",)
    await runtime.start(a_spec())
    assert runtime.observe("job1").pid != pid
    assert not processes("987.125")


async def test_a_dead_launch_helper_is_replaced(runtime):
    os.kill(runtime._launcher._process.pid, signal.SIGKILL)
    runtime._launcher._process.wait()
    await runtime.start(a_spec())
    assert runtime.observe("job1").cpus == CPUS


async def test_a_mount_onto_itself_shows_the_nodes_files(runtime, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/file").write_text("of the node")
    folder = str(tmp_path / "data")
    await runtime.start(a_spec(mounts=(Mount(folder, folder, read_only=False),)))
    shell = await Shell.open(runtime, "job1", tmp_path)
    _, output = await shell.sh(f"cat {folder}/file; echo new > {folder}/other")
    await shell.close()
    assert output == b"of the node"
    assert (tmp_path / "data/other").read_text() == "new\n"


def a_small_image(folder):
    """A root file system with a shell that needs nothing else."""
    for name in ("bin", "etc", "usr"):
        (folder / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), folder / "bin/busybox")
    for name in ("sh", "cat", "ls", "stat"):
        (folder / "bin" / name).symlink_to("busybox")
    return folder


@pytest.mark.skipif(not shutil.which("busybox"), reason="no busybox for an image; apt-get install busybox-static")
async def test_an_images_files_are_the_root_and_what_a_job_writes_there_is_thrown_away(runtime, tmp_path):
    image = a_small_image(tmp_path / "image")
    await runtime.start(a_spec(image=str(image)))
    shell = await Shell.open(runtime, "job1", tmp_path)
    end, output = await shell.sh("echo new > /etc/new; cat /etc/new; ls /; test -c /dev/null && cat /proc/self/comm")
    await shell.close()
    assert end.exit_code == 0
    assert output.split() == b"new bin dev etc proc run sys usr cat".split()
    assert runtime.observe("job1").root.endswith(str(image))
    await runtime.remove("job1")
    assert not [name for name in os.listdir(image) if name not in ("bin", "etc", "usr")]
    assert not (image / "etc/new").exists()


@pytest.mark.skipif(not shutil.which("busybox"), reason="no busybox for an image; apt-get install busybox-static")
async def test_a_folder_of_the_node_is_mounted_elsewhere_in_an_image(runtime, tmp_path):
    image, data = a_small_image(tmp_path / "image"), tmp_path / "data"
    data.mkdir()
    (data / "file").write_text("of the node")
    mounts = (Mount(str(data), "/mnt/deep/data", read_only=False), Mount(str(data), "/safe"))
    await runtime.start(a_spec(image=str(image), mounts=mounts))
    shell = await Shell.open(runtime, "job1", tmp_path)
    _, output = await shell.sh("cat /mnt/deep/data/file; echo new > /mnt/deep/data/other; echo no > /safe/third || echo refused")
    await shell.close()
    assert b"of the node" in output
    assert b"refused" in output
    assert sorted(os.listdir(data)) == ["file", "other"]


async def test_a_frozen_container_stands_still_until_it_is_thawed(runtime, shell):
    await shell.spawn("/bin/sh", "-c", "while :; do :; done")

    def usage():
        return runtime.usage("job1").cpu_s

    await eventually(lambda: usage() > 0.05, "it runs")
    await runtime.freeze("job1", True)
    await runtime.freeze("job1", True)
    before = usage()
    assert not [usage() for _ in range(1000) if usage() != before]
    await runtime.freeze("job1", False)
    await eventually(lambda: usage() > before, "it goes on")


async def test_a_start_takes_the_place_of_a_container_that_was_left_frozen_at_its_removal(runtime, shell):
    before = shell.supervisor.pid
    await runtime.freeze("job1", True)
    async with asyncio.timeout(HELLO_DEADLINE_S):
        await runtime.start(a_spec())
    supervisor = await runtime.connect("job1")
    await supervisor.close()
    assert supervisor.pid != before


async def test_a_frozen_container_can_be_removed(runtime, shell):
    await shell.spawn("sleep", "1000")
    await runtime.freeze("job1", True)
    async with asyncio.timeout(DEADLINE_S):
        await runtime.remove("job1")
    assert runtime.existing() == ()
    with pytest.raises(ContainerGone):
        await runtime.freeze("job1", True)
