"""Burdens for the container arm alone, to see that a run finds them. As a module it starts a command under one:

`python -m hpcsched.bench.handicap busy 0.02 -- COMMAND…`
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hpcsched.bench.interleave import SET_POLICY
from hpcsched.errors import HpcschedError, InvalidValue
from hpcsched.model.job import ResourceRequest

PERIOD_S = 0.01
MOST_LOOPS = 8
MOST_NODES = 1024
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _PR_SET_SPECULATION_CTRL = 1, 22, 38, 53
_SPEC_STORE_BYPASS, _SPEC_DISABLE = 0, 4
_SECCOMP_MODE_FILTER, _SECCOMP_ALLOW = 2, 0x7FFF0000
_LOAD_WORD, _RETURN = 0x20, 0x06
_ARGUMENTS = 16
"""Where a system call's arguments begin in struct seccomp_data, seccomp(2)."""
_MPOL_BIND = 2


@dataclass(frozen=True, slots=True)
class Handicap:
    """`says`: what the container arm is burdened with, in words. `resources`: what it asks for instead of what the others do."""

    says: str
    wrapper: tuple[str, ...] = ()
    resources: ResourceRequest | None = None

    def wrap(self, start: tuple[str, ...], command: tuple[str, ...]) -> tuple[str, ...]:
        """`start`: what runs Python."""
        return (*start, "-m", "hpcsched.bench.handicap", *self.wrapper, "--", *command) if self.wrapper else command


def cores(count: int) -> Handicap:
    """It gets only so many cores. The kernel's binding shows it."""
    return Handicap(f"only {count} cores", resources=ResourceRequest(cores_per_node=count))


def busy(share: float) -> Handicap:
    """Beside it something wants that share of each of its CPUs; above 1 several loops want them. No fingerprint shows it."""
    if not 0 < share <= MOST_LOOPS:
        raise InvalidValue(f"a busy share of {share:g}: choose one above 0, up to {MOST_LOOPS}")
    return Handicap(f"{share:.1%} of each CPU wanted by a busy loop", ("busy", f"{share:g}"))


def memory_node(node: int) -> Handicap:
    """All its memory comes from that node, near or far, set_mempolicy(2). /proc/PID/numa_maps shows it."""
    if not 0 <= node < MOST_NODES:
        raise InvalidValue(f"memory from node {node}: choose one from 0 to {MOST_NODES - 1}")
    return Handicap(f"memory from node {node} alone", ("memory", str(node)))


def no_store_bypass() -> Handicap:
    """Stores are not passed by later loads (SSBD), as seccomp switched it on before Linux 5.16. /proc/PID/status shows it."""
    return Handicap("speculative store bypass disabled", ("no-store-bypass", ""))


def seccomp(instructions: int) -> Handicap:
    """A filter that allows everything after so many instructions for each system call. /proc/PID/status shows it."""
    if not 1 <= instructions <= 4000:
        raise InvalidValue(f"a filter of {instructions} instructions: choose 1 to 4000")
    return Handicap(f"a seccomp filter of {instructions} instructions", ("seccomp", str(instructions)))


def _busy(argument: str) -> None:
    whole, rest = divmod(float(argument), 1.0)
    shares, command = [1.0] * int(whole) + [rest] * (rest > 0), os.getpid()
    for cpu, share in itertools.product(sorted(os.sched_getaffinity(0)), shares):
        if os.fork() == 0:
            _end_with(command)
            os.sched_setaffinity(0, {cpu})
            _spin(share)


def _end_with(parent: int) -> None:
    """Also where it has ended before the kernel was told."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _spin(share: float) -> None:
    while True:
        end = time.monotonic() + share * PERIOD_S
        while time.monotonic() < end:
            pass
        time.sleep((1 - share) * PERIOD_S)


def _memory(argument: str) -> None:
    node, number = int(argument), SET_POLICY.get(os.uname().machine)
    if number is None:
        raise HpcschedError(f"set_mempolicy is not known on {os.uname().machine}")
    mask = (ctypes.c_ulong * (MOST_NODES // 64))()
    mask[node // 64] = 1 << node % 64
    _checked(_libc().syscall(number, _MPOL_BIND, mask, ctypes.c_ulong(MOST_NODES + 1)), f"cannot take memory from node {node}")


def _no_store_bypass(argument: str) -> None:
    _prctl(_PR_SET_SPECULATION_CTRL, _SPEC_STORE_BYPASS, _SPEC_DISABLE)


def _seccomp(argument: str) -> None:
    """Each instruction reads an argument, so that the kernel cannot know the answer beforehand and keep it in its bitmap."""
    steps = [struct.pack("HBBI", _LOAD_WORD, 0, 0, _ARGUMENTS)] * int(argument)
    program = b"".join([*steps, struct.pack("HBBI", _RETURN, 0, 0, _SECCOMP_ALLOW)])
    held = ctypes.create_string_buffer(program)
    described = struct.pack("HP", len(steps) + 1, ctypes.addressof(held))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _checked(_libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, described), "cannot set a seccomp filter")


def _prctl(option: int, *arguments: int) -> None:
    values = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_libc().prctl(option, *values), f"prctl {option} is refused")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(returned: int, what: str) -> None:
    if returned and ctypes.get_errno() == errno.ENXIO:
        raise HpcschedError(f"{what}: this processor or kernel has no such control")
    if returned:
        raise HpcschedError(f"{what}: {os.strerror(ctypes.get_errno())}")


_BURDENS: dict[str, Callable[[str], None]] = {
    "busy": _busy,
    "memory": _memory,
    "no-store-bypass": _no_store_bypass,
    "seccomp": _seccomp,
}


def main(arguments: Sequence[str]) -> None:
    """Becomes the command; exits 1 with a line on stderr when the burden cannot be laid on."""
    name, argument, _, *command = arguments
    try:
        _BURDENS[name](argument)
    except HpcschedError as error:
        sys.exit(f"handicap {name}: {error}")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
