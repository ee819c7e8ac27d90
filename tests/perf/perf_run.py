"""`hpcsched run -- true` from call to exit, beside `lxc-execute` and a plain fork and exec."""

import contextlib
import itertools
import statistics
import subprocess
import tempfile
from pathlib import Path

from hpcsched.client import Client, JobSpec
from hpcsched.model.node import NodeState
from tests.integration.daemons import eventually
from tests.perf.cluster import run_command, timings_ms, up, words

COUNT = 40


def measure() -> list[tuple[str, str]]:
    with up() as here, here.client() as client:
        ours = timings_ms(lambda: run(client, "lxc"), COUNT, before=lambda: idle(client))
        metal = timings_ms(lambda: run(client, "baremetal"), COUNT, before=lambda: idle(client))
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write(_CONFIG)
        config.flush()
        execute = timings_ms(lambda: lxc_execute(config.name), COUNT)
    remove_pivot()
    fork = timings_ms(run_command("true"), COUNT)
    ratio = statistics.median(ours) / statistics.median(execute)
    return [
        ("hpcsched run -- true, warm client, LXC (aim: p50 30 ms)", words(ours)),
        ("hpcsched run --runtime baremetal -- true, warm client", words(metal)),
        ("lxc-execute -- true", words(execute)),
        ("fork and exec of true", words(fork)),
        ("ratio to lxc-execute", f"{ratio:.2f}"),
    ]


def run(client: Client, runtime: str) -> None:
    """What the command line does: submit, follow, exit code."""
    job_id = client.submit(JobSpec(command=("true",), runtime=runtime))
    *_, job = client.read_output(job_id, follow=True)
    assert not isinstance(job, bytes)
    assert job.exit_code == 0, job


def idle(client: Client) -> None:
    """The container before is gone."""
    eventually(lambda: client.nodes()[0].state is NodeState.IDLE, "the node is idle")


_names = itertools.count()
_CONFIG = "lxc.net.0.type = none\nlxc.autodev = 0\nlxc.apparmor.profile = unconfined\n"


def lxc_execute(config: str) -> None:
    """A container with the namespaces of ours and the host's network and root."""
    subprocess.run(["lxc-execute", "-n", f"perf{next(_names)}", "-f", config, "--", "true"], check=True, capture_output=True)


def remove_pivot() -> None:
    """The empty control groups that lxc-execute leaves in each hierarchy."""
    for folder in [*Path("/sys/fs/cgroup").glob("lxc.pivot"), *Path("/sys/fs/cgroup").glob("*/lxc.pivot")]:
        with contextlib.suppress(OSError):
            folder.rmdir()
