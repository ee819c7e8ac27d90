"""Quick moves between control groups, while the launch helper lives.

Moving a process into a group waits for all CPUs (an RCU grace period, 4 to 15 ms) unless another move has just been made or some
hierarchy is mounted with `favordynmods` (Linux 6.0, Documentation/admin-guide/cgroup-v2.rst), which costs each fork some
nanoseconds. The helper makes a hierarchy of its own with that option, without any controller, and attaches it nowhere: it is
gone when the helper is, however that ends.
"""

from __future__ import annotations

from hpcsched.runtimes.mounts import MountFailure, system_call

_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CLOEXEC = 1
_SET_FLAG, _SET_STRING, _CREATE = 0, 1, 6
_NAME = b"hpcsched"


def favour() -> int:
    """The descriptor that keeps the hierarchy, or -1 where the kernel has no such option."""
    try:
        context = system_call(_FSOPEN, b"cgroup", _CLOEXEC)
        for command, key, value in (
            (_SET_FLAG, b"none", 0),
            (_SET_STRING, b"name", _NAME),
            (_SET_FLAG, b"favordynmods", 0),
            (_CREATE, 0, 0),
        ):
            system_call(_FSCONFIG, context, command, key, value, 0)
        return system_call(_FSMOUNT, context, _CLOEXEC, 0)
    except (OSError, MountFailure):
        return -1
