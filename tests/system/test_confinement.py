"""Root inside a container tries to change its node, and fails."""

import json
import os
import signal
import socket
import stat
import subprocess
import textwrap
from pathlib import Path

import pytest

from hpcsched.errors import RuntimeFailure
from hpcsched.model.container import Mount
from hpcsched.runtimes.connection import short_path
from hpcsched.runtimes.lxc import LxcRuntime
from tests.containers import MIB, TOO_MUCH, Shell, a_spec, eventually, opened, shell_in

pytestmark = pytest.mark.system

TOOLS = """
import ctypes, errno, json, os, socket, stat, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    '''0, or the name of the errno.'''
    ctypes.set_errno(0)
    converted = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return 0 if getattr(libc, name)(*converted) >= 0 else errno.errorcode[ctypes.get_errno()]
def attempt(action, *arguments, **options):
    ''''done', or the name of the errno.'''
    try:
        action(*arguments, **options)
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'done'
def write(path, text):
    with open(path, 'r+') as file:
        file.write(text)
MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.fixture
async def runtime(state, tmp_path):
    (tmp_path / "of the controller").mkdir()
    (tmp_path / "of the controller/journal").write_text("secret")
    async with opened(LxcRuntime(state, tmp_path / "images", (tmp_path / "of the controller",))) as runtime:
        yield runtime


@pytest.fixture
async def shell(runtime, tmp_path):
    async with shell_in(runtime, tmp_path) as shell:
        yield shell


@pytest.fixture
def victim(tmp_path):
    """A file of the node, which the container sees through its overlay."""
    path = tmp_path / "victim"
    path.write_text("untouched")
    path.chmod(0o640)
    return path


def text_of(path):
    return Path(path).read_text()


async def attack(shell, code, *arguments):
    """What the code prints as JSON, run by root inside."""
    end, output = await shell.run("python3", "-c", TOOLS + textwrap.dedent(code), *arguments)
    assert end.exit_code == 0, output.decode()
    return json.loads(output)


def looks(path):
    info = path.stat()
    return path.read_text(), info.st_mode, info.st_uid, info.st_mtime_ns, info.st_ctime_ns


async def test_writes_go_to_the_containers_own_layer(shell, victim):
    before = looks(victim)
    await shell.sh(f"echo x > {victim}; chmod 777 {victim}; chown 5 {victim}; touch {victim}; cat {victim}")
    assert shell.path(1).read_bytes() == b"x\n"
    await shell.sh(f"mv {victim} {victim}.moved; rm -f {victim}.moved; echo x > {victim.parent}/made; rm -rf /etc /usr/share")
    assert looks(victim) == before
    assert not (victim.parent / "made").exists()
    assert os.access("/etc/passwd", os.F_OK)


async def test_nothing_under_proc_and_sys_opens_for_writing(shell):
    writable = await attack(
        shell,
        """
        found = []
        for top in ('/proc', '/sys'):
            for folder, folders, files in os.walk(top):
                if folder == '/proc':
                    folders[:] = [name for name in folders if not name.isdigit()]
                for name in files:
                    path = f'{folder}/{name}'
                    mode = os.lstat(path).st_mode
                    meant_for_it = stat.S_ISREG(mode) and mode & 0o222
                    if meant_for_it and attempt(lambda: os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))) == 'done':
                        found.append(path)
        print(json.dumps(found))
        """,
    )
    assert writable == []


def opens(path):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


async def test_a_device_of_the_node_cannot_be_opened_by_a_node_that_lies_in_a_folder(shell, tmp_path):
    """Such a node is in the container's sight and its permissions are for all: the device rules alone refuse."""
    openable = [path for path in ("/dev/loop-control", "/dev/fuse", "/dev/net/tun", "/dev/kmsg", "/dev/ttyS0") if opens(path)]
    assert openable
    for number, path in enumerate(openable):
        os.mknod(tmp_path / f"device{number}", stat.S_IFCHR | 0o666, os.stat(path).st_rdev)
        assert opens(tmp_path / f"device{number}")
    answers = await attack(
        shell,
        "print(json.dumps([attempt(os.open, f'{sys.argv[1]}/device{i}', 0) for i in range(int(sys.argv[2]))]))",
        str(tmp_path),
        str(len(openable)),
    )
    assert answers == ["EPERM"] * len(openable)


async def test_a_disk_of_the_node_cannot_be_opened_whatever_node_names_it(shell, tmp_path):
    disk = os.stat(tmp_path).st_dev
    os.mknod(tmp_path / "disk", stat.S_IFBLK | 0o600, disk)
    answers = await attack(
        shell,
        """
        path, device = sys.argv[1], int(sys.argv[2])
        print(json.dumps([
            attempt(os.mknod, '/tmp/disk', stat.S_IFBLK | 0o600, device),
            attempt(os.mknod, '/dev/disk', stat.S_IFBLK | 0o600, device),
            attempt(os.mknod, '/dev/mem', stat.S_IFCHR | 0o600, os.makedev(1, 1)),
            attempt(open, path, 'rb'),
        ]))
        """,
        str(tmp_path / "disk"),
        str(disk),
    )
    assert answers == ["EPERM"] * 4


async def test_the_devices_that_programs_need_are_there(runtime, shell):
    end, output = await shell.sh(
        "echo x > /dev/null && head -c 3 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c; ls /dev/shm"
    )
    assert (end.exit_code, output.split()) == (0, [b"3", b"4"])
    assert runtime.observe("job1").devices == (
        "/dev/full", "/dev/null", "/dev/ptmx", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero",
    )  # fmt: skip


async def test_root_inside_can_neither_mount_nor_unmount_nor_enter_namespaces(shell):
    answers = await attack(
        shell,
        """
        namespace = os.open('/proc/1/ns/mnt', os.O_RDONLY)
        print(json.dumps([
            call('mount', b'none', b'/mnt', b'tmpfs', 0, None),
            call('mount', b'/', b'/mnt', None, MS_BIND, None),
            call('mount', None, b'/proc/sys', None, MS_REMOUNT | MS_BIND, None),
            call('mount', None, b'/sys', None, MS_REMOUNT | MS_BIND, None),
            call('mount', None, b'/dev/.hpcsched-init', None, MS_REMOUNT | MS_BIND, None),
            call('umount2', b'/proc/sys', 2),
            call('umount2', b'/run', 2),
            call('setns', namespace, 0),
            call('unshare', 0x20000),
            call('pivot_root', b'/tmp', b'/tmp') if hasattr(libc, 'pivot_root') else 'EPERM',
            call('syscall', 428, -100, b'/', 1),
        ]))
        """,
    )
    assert answers == ["EPERM"] * 11


async def test_capabilities_are_those_of_the_list_and_no_others(runtime, shell):
    kept = int(runtime.observe("job1").capabilities, 16)
    forbidden = {"dac_read_search": 2, "linux_immutable": 9, "net_bind_service": 10, "net_admin": 12, "net_raw": 13}
    forbidden |= {"sys_module": 16, "sys_rawio": 17, "sys_admin": 21, "sys_boot": 22, "sys_resource": 24, "sys_time": 25}
    forbidden |= {"mknod": 27, "audit_control": 30, "mac_admin": 33, "syslog": 34, "perfmon": 38, "bpf": 39}
    assert [name for name, bit in forbidden.items() if kept >> bit & 1] == []
    assert kept.bit_count() == 13


async def test_a_file_handle_of_the_nodes_disk_cannot_be_opened(shell):
    answers = await attack(
        shell,
        """
        def handles():
            room = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128))
            mount = ctypes.c_int()
            got = call('name_to_handle_at', -100, b'/dev/.hpcsched-init', room, ctypes.byref(mount), 0)
            base = os.open('/dev/.hpcsched-init', os.O_RDONLY)
            room[8:12] = struct.pack('I', 2)
            return [got, call('open_by_handle_at', base, room, os.O_RDONLY)]
        answers = handles()
        if os.fork() == 0:
            uid = os.getuid()
            libc.unshare(0x10020000)
            write('/proc/self/uid_map', f'0 {uid} 1')
            print(json.dumps([*answers, handles()[1]]), flush=True)
            os._exit(0)
        os.wait()
        """,
    )
    assert answers[0] == 0
    assert answers[1] == "EPERM"
    assert answers[2] in ("EPERM", "ESTALE")


def a_process():
    return subprocess.Popen(["sleep", "987"])


async def test_processes_of_the_node_are_neither_seen_nor_signalled(shell):
    bystander = a_process()
    try:
        answers = await attack(
            shell,
            """
            pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]
            print(json.dumps([len(pids), attempt(os.kill, int(sys.argv[1]), 0)]))
            """,
            str(bystander.pid),
        )
        assert answers == [2, "ESRCH"]
        await shell.run("kill", "-9", "--", "-1")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


async def test_process_1_leads_nowhere_outside(shell):
    answers = await attack(
        shell,
        """
        same = [os.stat(path).st_ino == os.stat('/').st_ino for path in ('/proc/1/root', '/proc/1/cwd')]
        links = [os.readlink(f'/proc/1/fd/{name}') for name in os.listdir('/proc/1/fd')]
        ours = '/dev/.hpcsched-init'
        tries = [attempt(os.chmod, path, 0o777) for path in (ours, '/proc/1/exe')]
        tries += [attempt(write, ours, 'x'), attempt(write, '/proc/1/exe', 'x'), attempt(os.unlink, ours)]
        print(json.dumps([same, tries, sorted(links)]))
        """,
    )
    same, tries, links = answers
    assert same == [True, True]
    assert tries[:2] == ["EROFS", "EROFS"]
    assert set(tries[2:]) <= {"EROFS", "ETXTBSY", "EBUSY"}
    others = {link for link in links if link.partition(":")[0] not in ("socket", "pipe", "anon_inode")}
    assert others == {"/dev/null", str(shell.path(1))}


async def test_a_chroot_leads_back_to_the_containers_root_only(shell, state):
    answer = await attack(
        shell,
        """
        inside = os.stat('/').st_ino, os.stat('/').st_dev
        os.makedirs('/tmp/cage', exist_ok=True)
        outside = os.open('/', os.O_RDONLY)
        os.chroot('/tmp/cage')
        os.fchdir(outside)
        for _ in range(200):
            os.chdir('..')
        os.chroot('.')
        print(json.dumps([inside == (os.stat('/').st_ino, os.stat('/').st_dev), os.listdir(sys.argv[1])]))
        """,
        str(state),
    )
    assert answer == [True, []]


async def test_folders_of_the_daemons_are_hidden(shell, state, tmp_path):
    _, output = await shell.sh(
        f"ls -A {state} '{tmp_path}/of the controller'; cat '{tmp_path}/of the controller/journal'; ls -A /run"
    )
    assert b"secret" not in output
    assert b"containers" not in output
    assert output.count(b"No such file") == 1


async def test_sockets_of_the_node_cannot_be_reached(shell, tmp_path):
    with short_path(tmp_path / "daemon.sock") as path, socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(path)
        daemon.listen(1)
        answers = await attack(
            shell,
            """
            os.chdir(sys.argv[1])
            print(json.dumps([os.path.exists('daemon.sock'), attempt(socket.socket(socket.AF_UNIX).connect, 'daemon.sock')]))
            """,
            str(tmp_path),
        )
    assert answers == [True, "ECONNREFUSED"]


async def test_lxcs_command_socket_cannot_be_reached(runtime, shell, state):
    name = f"{state}/containers/job1/command"
    answer = await attack(
        shell,
        """
        client = socket.socket(socket.AF_UNIX)
        print(json.dumps([attempt(client.connect, chr(0) + sys.argv[1]), open('/proc/net/unix').read()]))
        """,
        name,
    )
    assert answer[0] == "ECONNREFUSED"
    assert "/command" not in answer[1]


USER_NAMESPACE = """
def inside():
    uid, gid = os.getuid(), os.getgid()
    libc.unshare(0x10000000 | 0x20000 | 0x20000000 | 0x02000000 | 0x40000000 | 0x08000000 | 0x04000000)
    write('/proc/self/setgroups', 'deny')
    write('/proc/self/uid_map', f'0 {uid} 1')
    write('/proc/self/gid_map', f'0 {gid} 1')
    os.makedirs('/tmp/m', exist_ok=True)
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        os._exit(0)
def tries(actions):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        inside()
        print(json.dumps(actions()), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
"""


async def test_a_user_namespace_makes_no_proc_or_sys_that_can_be_written(shell):
    before = text_of("/proc/sys/vm/stat_interval")
    answers = await attack(
        shell,
        USER_NAMESPACE
        + """
def actions():
    answers = [call('mount', b'none', b'/tmp/m', b'tmpfs', 0, None)]
    answers.append(call('mount', b'proc', b'/tmp/m', b'proc', 0, None))
    answers.append(call('mount', b'sysfs', b'/tmp/m', b'sysfs', 0, None))
    answers.append(call('mount', None, b'/proc/sys', None, MS_REMOUNT | MS_BIND, None))
    answers.append(call('mount', None, b'/sys', None, MS_REMOUNT | MS_BIND, None))
    answers.append(call('umount2', b'/proc/sys', 2))
    answers.append(call('umount2', b'/run', 2))
    answers.append(attempt(write, '/proc/sys/vm/stat_interval', '77'))
    answers.append(attempt(write, '/tmp/m/sys/vm/stat_interval', '77'))
    return answers
tries(actions)
""",
    )
    tmpfs, proc, sysfs, *others = answers
    assert tmpfs == 0, "the attack is real: it has a namespace of its own to mount in"
    assert (proc, sysfs) == ("EPERM", "EPERM")
    assert all(answer in ("EPERM", "EINVAL", "EROFS", "ENOENT") for answer in others), others
    assert text_of("/proc/sys/vm/stat_interval") == before


async def test_the_memory_limit_cannot_be_lifted_through_any_cgroup_mount(runtime, shell):
    answers = await attack(
        shell,
        USER_NAMESPACE
        + """
def actions():
    answers = [attempt(write, '/sys/fs/cgroup/memory/memory.limit_in_bytes', '-1')]
    answers.append(attempt(write, '/sys/fs/cgroup/memory.max', 'max'))
    for kind, options in ((b'cgroup', b'memory'), (b'cgroup', b'cpuset'), (b'cgroup2', None)):
        if call('mount', b'none', b'/tmp/m', kind, 0, options) == 0:
            for folder, _, files in os.walk('/tmp/m'):
                for name in files:
                    if name in ('memory.max', 'memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', 'memory.high'):
                        attempt(write, f'{folder}/{name}', '-1' if 'bytes' in name else 'max')
            attempt(write, '/tmp/m/../memory.max', 'max')
            call('umount2', b'/tmp/m', 2)
    return answers
tries(actions)
""",
    )
    assert set(answers) <= {"EROFS", "ENOENT", "EACCES"}
    assert runtime.observe("job1").memory == 256 * MIB
    end, _ = await shell.run("python3", "-c", TOO_MUCH)
    assert end.signal == signal.SIGKILL


async def test_what_is_bound_read_only_stays_so_and_what_is_bound_for_writing_reaches_the_node(runtime, victim, tmp_path):
    (tmp_path / "shared").mkdir()
    mounts = (Mount(str(victim), "/opt/new folder/victim"), Mount(str(tmp_path / "shared"), "/srv/shared", read_only=False))
    await runtime.start(a_spec("mounts", mounts=mounts))
    shell = await Shell.open(runtime, "mounts", tmp_path)
    end, output = await shell.sh(
        "cat '/opt/new folder/victim'; echo hello > /srv/shared/made && echo x > '/opt/new folder/victim'"
    )
    await shell.close()
    assert end.exit_code != 0
    assert b"untouched" in output
    assert (tmp_path / "shared/made").read_text() == "hello\n"
    assert victim.read_text() == "untouched"


async def test_a_target_behind_a_symbolic_link_of_the_image_stays_inside(runtime, tmp_path):
    image = a_root(tmp_path / "image")
    (tmp_path / "node").mkdir()
    (tmp_path / "data").mkdir()
    (image / "way-out").symlink_to(tmp_path / "node")
    (image / "further").symlink_to("../../../../../../../../.." + str(tmp_path / "node"))
    mounts = tuple(Mount(str(tmp_path / "data"), f"/{link}/deep", read_only=False) for link in ("way-out", "further"))
    with pytest.raises(RuntimeFailure, match="way-out/deep"):
        await runtime.start(a_spec(image=str(image), mounts=mounts))
    assert list((tmp_path / "node").iterdir()) == []


@pytest.mark.parametrize(
    ("mount", "reason"),
    [
        (Mount("/no/such", "/mnt"), "cannot mount /no/such on /mnt: No such file"),
        (Mount("/etc/../etc", "/mnt"), "'..'"),
        (Mount("/etc", "/mnt/../proc"), "'..'"),
        (Mount("etc", "/mnt"), "not absolute"),
        (Mount("/etc", "mnt"), "not absolute"),
        (Mount("/etc", "/"), "taken"),
        (Mount("/etc", "/proc/sys"), "taken"),
        (Mount("/etc", "/dev/shm"), "taken"),
        (Mount("/etc/passwd", "/usr"), "cannot mount /etc/passwd on /usr"),
    ],
)
async def test_a_mount_that_cannot_be_is_refused_with_its_reason(runtime, mount, reason):
    with pytest.raises(RuntimeFailure, match=reason):
        await runtime.start(a_spec(mounts=(mount,)))
    assert runtime.existing() == ()


async def test_a_source_that_is_a_symbolic_link_is_refused(runtime, tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(RuntimeFailure, match="there is a symbolic link in the path"):
        await runtime.start(a_spec(mounts=(Mount(str(tmp_path / "link"), "/mnt"),)))


async def test_a_mount_does_not_show_what_is_hidden(runtime, state, tmp_path):
    with pytest.raises(RuntimeFailure, match="belongs to the node's daemons"):
        await runtime.start(a_spec(mounts=(Mount(str(state / "containers"), "/mnt"),)))
    await runtime.start(a_spec(mounts=(Mount(str(state.parent), "/srv/all", read_only=False),)))
    shell = await Shell.open(runtime, "job1", tmp_path)
    _, output = await shell.sh(f"ls -A /srv/all/{state.name}; touch /srv/all/{state.name}/x")
    await shell.close()
    assert b"containers" not in output
    assert b"Read-only" in output


def a_root(path):
    """The least that is a root file system and can run a shell: the node's own /usr, copied by name."""
    for name in ("etc", "usr", "tmp"):
        (path / name).mkdir(parents=True)
    (path / "usr/bin").mkdir()
    busy = path / "usr/bin/hello"
    source = path / "hello.c"
    source.write_text(
        "#include <stdio.h>\n#include <unistd.h>\nint main(void) { char n[99]; gethostname(n, 99); puts(n); return 3; }\n"
    )
    subprocess.run(["cc", "-static", "-o", busy, source], check=True)
    (path / "bin").symlink_to("usr/bin")
    return path


def pack(folder, archive):
    subprocess.run(["tar", "-C", folder, "-czf", archive, "."], check=True)


@pytest.mark.parametrize("kind", ["folder", "tar"])
async def test_a_root_file_system_of_ones_own_runs_and_is_not_changed(runtime, tmp_path, kind):
    image = a_root(tmp_path / "images/small")
    if kind == "tar":
        pack(image, tmp_path / "images/packed.tar.gz")
    before = sorted(str(path) for path in image.rglob("*"))
    await runtime.start(a_spec(image="small" if kind == "folder" else "packed"))
    shell = await Shell.open(runtime, "job1", tmp_path)
    end, output = await shell.run("/bin/hello")
    await shell.close()
    assert (end.exit_code, output) == (3, b"inside\n")
    assert sorted(str(path) for path in image.rglob("*")) == before


async def test_a_container_never_starts_on_another_root(runtime, monkeypatch, tmp_path):
    """The root that liblxc is told is not the one that was prepared: the supervisor refuses."""
    from hpcsched.runtimes import plan

    places = plan._places

    def elsewhere(place):
        return [(key, "/" if key == "lxc.rootfs.path" else value) for key, value in places(place)]

    monkeypatch.setattr(plan, "_places", elsewhere)
    with pytest.raises(RuntimeFailure, match="the root is not the one that was prepared"):
        await runtime.start(a_spec())
    assert runtime.existing() == ()


async def test_a_refused_key_stops_the_start(runtime, monkeypatch):
    from hpcsched.runtimes import lxc

    config = lxc.lxc_config
    monkeypatch.setattr(lxc, "lxc_config", lambda *arguments: [*config(*arguments), ("lxc.no.such.key", "1")])
    with pytest.raises(RuntimeFailure, match=r"liblxc refuses lxc\.no\.such\.key = 1"):
        await runtime.start(a_spec())


async def test_shared_memory_has_the_size_that_was_asked(runtime, tmp_path):
    await runtime.start(a_spec("half"))
    await runtime.start(a_spec("given", shm_bytes=8 * MIB))
    for name, size in (("half", 128 * MIB), ("given", 8 * MIB)):
        shell = await Shell.open(runtime, name, tmp_path)
        _, output = await shell.sh("stat -f -c '%b %S' /dev/shm")
        await shell.close()
        blocks, block = map(int, output.split())
        assert blocks * block == size
        shell.path(1).unlink()


async def test_a_kept_layer_stays_and_a_thrown_away_one_does_not(runtime, state, tmp_path):
    for name, keep in (("kept", True), ("thrown", False)):
        await runtime.start(a_spec(name, keep=keep))
        shell = await Shell.open(runtime, name, tmp_path)
        await shell.sh("echo result > /srv/result", step_id=keep + 1)
        await shell.close()
        await runtime.remove(name)
    assert (state / "kept/kept/srv/result").read_text() == "result\n"
    assert not (state / "kept/thrown").exists()
    assert runtime.existing() == ()


async def test_a_tree_deeper_than_python_walks_is_removed(runtime, shell):
    await shell.run("python3", "-c", "import os\nfor _ in range(3000):\n os.mkdir('d'); os.chdir('d')", workdir="/srv")
    await runtime.remove("job1")
    assert runtime.existing() == ()


async def test_killing_the_monitor_ends_the_container_and_leaves_nothing_after_removal(runtime, shell):
    monitor = int(runtime.folders.of("job1").launch_pid.read_text().split()[0])
    await shell.spawn("sleep", "987.625")
    os.kill(monitor, signal.SIGKILL)
    await eventually(lambda: not runtime.group("job1").pids(), "the container is gone")
    await runtime.remove("job1")
    assert runtime.existing() == ()


async def test_the_node_gets_no_mount(shell):
    assert "containers/job1" not in text_of("/proc/self/mountinfo")


async def test_the_container_sees_its_limits_where_programs_look_for_them(runtime, shell):
    _, output = await shell.sh("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null")
    assert output.split() == [str(256 * MIB).encode()]
