"""An agent that is killed at any moment of a start leaves nothing that the next one cannot use or remove."""

import contextlib
import subprocess
import sys
import textwrap

import pytest

from hpcsched.plugins import load
from tests.containers import CPUS, MEMS, Shell, a_spec, eventually, opened

pytestmark = pytest.mark.system

AGENT = """
import asyncio, sys
from pathlib import Path
from hpcsched.model.allocation import Binding
from hpcsched.model.container import ContainerSpec
from hpcsched.model.idset import IdSet
from hpcsched.plugins import load

async def main(kind, state, cpus, mems):
    runtime = load("runtimes", kind)(Path(state), Path(state) / "images")
    await runtime.open()
    print("open", flush=True)
    for number in range(1000):
        await runtime.start(ContainerSpec("job1", "host", Binding(IdSet.parse(cpus), IdSet.parse(mems), 1 << 28), "inside"))
        await runtime.remove("job1")

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("kind", ["lxc", "baremetal"])
async def test_an_agent_killed_at_any_moment_leaves_nothing_in_the_way(kind, tmp_path):
    async with opened(load("runtimes", kind)(tmp_path / "state", tmp_path / "images")) as runtime:
        await hit_at_many_moments(runtime, kind, tmp_path)


async def hit_at_many_moments(runtime, kind, tmp_path):
    for moment_ms in range(0, 60, 3):
        run_until_killed(kind, tmp_path / "state", moment_ms / 1000)
        if moment_ms % 2:
            await runtime.start(a_spec())
            shell = await Shell.open(runtime, "job1", tmp_path)
            end, _ = await shell.sh("exit 3")
            await shell.close()
            assert end.exit_code == 3
        await runtime.remove("job1")
        await eventually(lambda: runtime.existing() == (), "nothing is left")


def run_until_killed(kind, state, seconds):
    command = [sys.executable, "-c", textwrap.dedent(AGENT), kind, str(state), str(CPUS), str(MEMS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as agent:
        assert agent.stdout.readline() == b"open\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            agent.wait(timeout=seconds)
        agent.kill()
