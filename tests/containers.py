"""What the tests of real containers share."""

import asyncio
import contextlib
import os
import time
from pathlib import Path

from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec, Rlimit, StepSpec
from hpcsched.model.idset import IdSet
from tests.supervisor import compiled_in

MIB = 1 << 20
TOO_MUCH = "blocks = [bytearray(16 << 20) for _ in range(24)]"
"""A Python program that takes more memory than `a_spec` gives; in steps, so that a small machine does not refuse it outright."""
DEADLINE_S = 60.0 * float(os.environ.get("HPCSCHED_TEST_PATIENCE", "1"))
CPUS = IdSet.of(sorted(os.sched_getaffinity(0))[-1:])
MEMS = IdSet.of((0,))
LIMITS = (Rlimit("nofile", 512, 1024), Rlimit("core", 0, 0), Rlimit("stack", 4 * MIB, 4 * MIB))


def a_spec(name="job1", memory=256 * MIB, **fields):
    fields = {"image": "host", "hostname": "inside", "rlimits": LIMITS, **fields}
    return ContainerSpec(name=name, binding=Binding(CPUS, MEMS, memory), **fields)


class Shell:
    """Steps in one container, numbered as they come; their output in files of `folder`."""

    def __init__(self, runtime, supervisor, folder):
        self.runtime, self.supervisor, self.folder = runtime, supervisor, folder
        self.last = 0

    @classmethod
    async def open(cls, runtime, name, folder):
        return cls(runtime, await runtime.connect(name), folder)

    def path(self, step_id):
        return self.folder / f"step{step_id}"

    async def spawn(self, *argv, **fields):
        """Start a step; returns its id."""
        self.last = fields.pop("step_id", self.last + 1)
        output = os.open(self.path(self.last), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            await self.supervisor.spawn(StepSpec(self.last, argv, **fields), output)
        finally:
            os.close(output)
        return self.last

    async def wait(self, step_id):
        async with asyncio.timeout(DEADLINE_S):
            return await self.supervisor.wait(step_id)

    async def run(self, *argv, **fields):
        """The exit of a step and all that it wrote."""
        step_id = await self.spawn(*argv, **fields)
        return await self.wait(step_id), self.path(step_id).read_bytes()

    async def sh(self, script, **fields):
        return await self.run("/bin/sh", "-c", script, **fields)

    async def close(self):
        await self.supervisor.close()


async def eventually(condition, what):
    """Wait until `condition()` holds; returns its value."""
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
        await asyncio.sleep(0.005)
    return value


def processes(argument):
    """Pids on the node of all whose command line holds that text as one argument."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if argument.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.add(int(folder.name))
        except OSError:
            continue
    return found


def children(pid):
    """Pids of its children, zombies too."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descriptors(pid):
    """What its descriptors lead to; one that is closed meanwhile is left out."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(link))
    return found


@contextlib.asynccontextmanager
async def opened(runtime):
    """The runtime, opened; what a test leaves in it is removed."""
    compiled_in(runtime.folders.state)
    await runtime.open()
    try:
        yield runtime
    finally:
        for name in runtime.existing():
            await runtime.remove(name)
        await runtime.close()


@contextlib.asynccontextmanager
async def shell_in(runtime, folder, spec=None):
    """Steps in a new container of that runtime."""
    spec = spec or a_spec()
    await runtime.start(spec)
    shell = await Shell.open(runtime, spec.name, folder)
    yield shell
    await shell.close()
