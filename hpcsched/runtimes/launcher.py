"""The launch helper: a small single-threaded process that forks one child for each container.

    python -m hpcsched.runtimes.launcher CONTROL_FD KIND

It imports `lxc` (for KIND `lxc`) and the standard library, nothing that starts threads, because liblxc and we fork. A request on
the control socket has three descriptors: the listening socket that `hpcsched-init` will serve, a pipe for the reason when the
start fails, and a plan (JSON, written by `runtimes/plan.py`). The plan comes locked, and stays so until the child has told its
pid: whoever locks it for himself finds every child that there is. The children outlive the helper and the agent.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
from typing import Any

from hpcsched.runtimes import mounts
from hpcsched.runtimes.moves import favour

LISTENER, PLAN = 3, 4
_MOST_CPUS = 8192
"""NR_CPUS of Linux; the kernel takes those that there are."""
_SET_MEMPOLICY = {"x86_64": 238, "aarch64": 237}


class LaunchFailure(Exception):
    """One line: why the container did not start."""


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    reason = _load_lxc() if sys.argv[2] == "lxc" else ""
    control.send(reason.encode() or b"ready")
    network = mounts.private_network() if sys.argv[2] == "lxc" else -1
    favour()
    while not reason:
        request, fds, _flags, _address = socket.recv_fds(control, 64, 3)
        if not request:
            return
        if len(fds) == 3 and os.fork() == 0:
            control.close()
            _child(fds, network)
        for fd in fds:
            os.close(fd)


def _load_lxc() -> str:
    try:
        import lxc  # noqa: F401
    except ImportError as error:
        return f"cannot import lxc ({error})"
    return ""


def _child(fds: list[int], network: int) -> None:
    """Never returns. LXC's monitor serves commands on an abstract socket, which whoever is in its network namespace may call (and
    containers are in the node's): so it gets another.
    """
    status = 1
    try:
        if network >= 0:
            mounts.enter_network(network)
        _settle(*fds)
        with open(PLAN) as file:
            plan = json.load(file)
            _forget_the_agent(plan)
        _START[plan["kind"]](plan)
        status = 0
    except (LaunchFailure, mounts.MountFailure) as error:
        os.write(2, str(error).encode())
    except (OSError, ValueError, KeyError) as error:
        os.write(2, f"the launch failed: {error}".encode())
    finally:
        os._exit(status)


def _settle(listener: int, complaints: int, plan: int) -> None:
    """0 and 1 are /dev/null, 2 takes complaints, LISTENER the socket, PLAN the plan; nothing else is open."""
    null = os.open("/dev/null", os.O_RDWR)
    high = [os.dup2(fd, 100 + number, inheritable=False) for number, fd in enumerate((null, null, complaints, listener, plan))]
    for number, fd in enumerate(high):
        os.dup2(fd, number, inheritable=True)
    os.closerange(PLAN + 1, 100)
    os.closerange(100, 1 << 16)


def _forget_the_agent(plan: dict[str, Any]) -> None:
    """What a process hands down without being asked: session, signals, priority, memory policy, affinity."""
    os.setsid()
    os.chdir("/")
    os.umask(0o022)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.setpriority(os.PRIO_PROCESS, 0, 0)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    os.sched_setaffinity(0, range(_MOST_CPUS))
    _default_memory_policy()
    _write("/proc/self/oom_score_adj", "0")
    _write(plan["pid_file"], f"{os.getpid()} {_start_time()}")


def _default_memory_policy() -> None:
    number = _SET_MEMPOLICY.get(os.uname().machine)
    if number:
        mounts.system_call(number, 0, 0, 0)


def _start_time() -> str:
    """In clock ticks since boot, field 22 of /proc/self/stat: with the pid it names a process for good."""
    with open("/proc/self/stat") as file:
        return file.read().rpartition(")")[2].split()[19]


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _start_bare(plan: dict[str, Any]) -> None:
    """With an image its root is made before the limits of the job hold, and entered after."""
    init = os.open(plan["init"], os.O_PATH | os.O_CLOEXEC)
    if plan["mounts"]:
        mounts.private_namespace()
        _mount_root(plan)
    for path in plan["join"]:
        _write(path, "0")
    if plan["mounts"]:
        mounts.enter_root(plan["root"])
    for name, soft, hard in plan["rlimits"]:
        _set_rlimit(name, soft, hard)
    os.execve(init, [plan["init"], "--listen", str(LISTENER), "--bare"], {})


def _mount_root(plan: dict[str, Any]) -> None:
    _write(plan["skipped_file"], "\n".join(mounts.mount_all(plan["root"], plan["mounts"])))


def _set_rlimit(name: str, soft: int, hard: int) -> None:
    try:
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (soft, hard))
    except (AttributeError, ValueError, OSError) as error:
        raise LaunchFailure(f"cannot set the limit {name} to {soft}:{hard}: {error}") from None


def _start_lxc(plan: dict[str, Any]) -> None:
    """Returns when the container has ended."""
    import lxc

    root = plan["root"]
    mounts.private_namespace()
    mounts.mount_all("/", plan["before"])
    _mount_root(plan)
    expected = os.stat(root)
    container = lxc.Container(plan["name"], config_path=plan["config_path"])
    container.clear_config()
    for key, value in [*plan["config"], ("lxc.namespace.share.net", str(os.getppid()))]:
        if not container.append_config_item(key, value):
            raise LaunchFailure(f"liblxc refuses {key} = {value}")
    command = (plan["init"], "--listen", str(LISTENER), "--root", f"{expected.st_dev}:{expected.st_ino}")
    if not container.start(useinit=False, daemonize=False, close_fds=False, cmd=command):
        raise LaunchFailure("liblxc could not start the container")


_START = {"bare": _start_bare, "lxc": _start_lxc}

if __name__ == "__main__":
    main()
