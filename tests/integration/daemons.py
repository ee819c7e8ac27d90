"""Real controller and agent processes in a folder of their own, to be killed at will."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcsched.client import Client
from hpcsched.errors import HpcschedError, Unreachable
from hpcsched.hardware.cgroup_layout import read
from hpcsched.model.node import NodeState
from tests.supervisor import compiled_for

DEADLINE_S = 60.0 * float(os.environ.get("HPCSCHED_TEST_PATIENCE", "1"))
"""HPCSCHED_TEST_PATIENCE: how many times slower than usual this machine is."""


def eventually(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S, every_s: float = 0.002) -> None:
    """Wait for a condition; fail, naming it, when it does not come."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s:g} s: {what}"
        time.sleep(every_s)


@dataclass
class Daemons:
    """`controller` and `agent` are the processes of now. `agent_keys`: more lines of the table `[agent]`.

    `site`: tables of the queue.
    """

    folder: Path
    agent_timeout_s: float = 60.0
    cpus: str = ""
    agent_keys: str = ""
    site: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/s.sock"

    def write_config(self, name: str = "config.toml", agent: str = "n1", cpus: str | None = None) -> Path:
        path = self.folder / name
        compiled_for(self.folder / agent)
        path.write_text(
            f'[controller]\nlisten = "{self.address}"\nstate_dir = "{self.folder}/controller"\n'
            f"agent_timeout_s = {self.agent_timeout_s}\n"
            f'[agent]\ncontroller = "{self.address}"\nname = "{agent}"\nstate_dir = "{self.folder}/{agent}"\n'
            f'image_dir = "{self.folder}/images"\nmount_allow = ["{self.folder}"]\n'
            f'cpus = "{self.cpus if cpus is None else cpus}"\n{self.agent_keys}\n{self.site}\n'
        )
        return path

    def start(self, role: str, config: Path | None = None) -> subprocess.Popen[bytes]:
        return self.spawn(role, role, config or self.write_config())

    def start_second_agent(self) -> subprocess.Popen[bytes]:
        return self.spawn("agent2", "agent", self.write_config("second.toml", agent="n2", cpus="1"))

    def spawn(self, name: str, role: str, config: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hpcsched.cli.main", role, "--config", str(config)]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        return self.processes[name]

    def kill(self, role: str) -> None:
        """kill -9, and reap."""
        process = self.processes.pop(role)
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE_S)

    def client(self) -> Client:
        return Client(self.address, timeout_s=DEADLINE_S)

    def wait_for_answer(self) -> None:
        """The controller is up, whatever its nodes do."""
        eventually(self._answers, "the controller answers")

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                client.nodes()
        except Unreachable:
            return False
        return True

    def wait_for_node(self, state: NodeState = NodeState.IDLE) -> None:
        eventually(lambda: state in self._states(), f"a node in state {state}", every_s=0.03)

    def wait_for_node_of_any_state(self) -> None:
        """Whose agent is connected."""
        eventually(lambda: any(state is not NodeState.UNKNOWN for state in self._states()), "a node", every_s=0.03)

    def wait_for_nodes(self, count: int) -> None:
        eventually(lambda: self._states().count(NodeState.IDLE) == count, f"{count} idle nodes")

    def _states(self) -> list[NodeState]:
        try:
            with self.client() as client:
                return [node.state for node in client.nodes()]
        except HpcschedError:
            return []

    def logs(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        """End both; a container that a failed test left is for the next agent on that folder, so it is ended first."""
        self._cancel_all()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(DEADLINE_S)

    def _cancel_all(self) -> None:
        if len(self.processes) < 2 or not self._answers():
            return
        with self.client() as client:
            for job in client.jobs():
                client.cancel(job.id)
            eventually(lambda: not any(node.busy and node.connected for node in client.nodes()), "the nodes are free")


@contextmanager
def daemons(folder: Path, **settings: Any) -> Iterator[Daemons]:
    """A controller and an agent, up; whatever a test leaves running is ended."""
    both = Daemons(folder, **settings)
    try:
        both.start("controller")
        both.start("agent")
        both.wait_for_node()
        yield both
    except BaseException:
        sys.stderr.write(both.logs())
        raise
    finally:
        both.stop()


def runs(pid: int | str) -> bool:
    """It is there, and not just dead and not waited for yet. Nothing runs without a pid."""
    state = read(Path(f"/proc/{pid or 'none'}/stat")).rpartition(")")[2].split()[:1]
    return state not in ([], ["Z"], ["X"])
