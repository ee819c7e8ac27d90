"""`hpcsched run -- true` from call to exit, beside `lxc-execute` and a plain fork and exec."""

import itertools
import statistics
import subprocess

from hpcsched.client import Client, JobSpec
from tests.perf.cluster import run_command, timings_ms, up, words

COUNT = 40


def measure() -> list[tuple[str, str]]:
    with up() as here, here.client() as client:
        ours = timings_ms(lambda: run(client, "lxc"), COUNT)
        metal = timings_ms(lambda: run(client, "baremetal"), COUNT)
    execute = timings_ms(lxc_execute, COUNT)
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


_names = itertools.count()


def lxc_execute() -> None:
    """A container with the namespaces of ours and the host's network and root."""
    name = f"perf{next(_names)}"
    settings = ["lxc.net.0.type=none", "lxc.rootfs.path=/", "lxc.autodev=0", "lxc.cap.drop=", "lxc.apparmor.profile=unconfined"]
    options = [part for setting in settings for part in ("-s", setting)]
    subprocess.run(["lxc-execute", "-n", name, *options, "--", "true"], check=True, capture_output=True)
