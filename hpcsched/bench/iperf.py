"""iperf3 (https://software.es.net/iperf): one stream between two of its processes on this node."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hpcsched.bench.program import NO_SPEED, run
from hpcsched.errors import HpcschedError, WrongResult

ADDRESS = "127.0.0.1"
LIMIT_S = 300.0
BUFFERS = (Path("/proc/sys/net/ipv4/tcp_rmem"), Path("/proc/sys/net/ipv4/tcp_wmem"))


def bandwidth(iperf: str, cpus: tuple[int, int], size: int) -> float:
    """Bytes per second of that many bytes, from the receiver. Raises WrongResult."""
    port = free_port()
    pinned = ["--affinity", f"{cpus[0]},{cpus[1]}"]
    client = [iperf, "--client", ADDRESS, "--port", str(port), "--bytes", str(size), "--json", *pinned]
    with _server(iperf, port):
        return received(run(client, limit_s=LIMIT_S), in_flight())


def free_port() -> int:
    with socket.socket() as door:
        door.bind((ADDRESS, 0))
        number: int = door.getsockname()[1]
        return number


@contextmanager
def _server(iperf: str, port: int) -> Iterator[None]:
    """For one client; it listens when its first lines are there."""
    command = [iperf, "--server", "--one-off", "--bind", ADDRESS, "--port", str(port), "--forceflush"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            if not any("listening" in line for line in process.stdout):
                raise HpcschedError(f"iperf3 cannot listen on {ADDRESS} port {port}: is the port taken? run it again")
            yield
        finally:
            process.kill()


def in_flight(files: Iterable[Path] = BUFFERS) -> int:
    """Bytes that the two sockets can hold at most (tcp(7)): the receiver stops counting when it is told that the test is over."""
    return sum(int(file.read_text().split()[2]) for file in files)


def received(text: str, missing: int) -> float:
    """The receiver's rate. Raises WrongResult unless what was sent arrived, all but that many bytes."""
    found = _object(text)
    try:
        sent, got = found["end"]["sum_sent"], found["end"]["sum_received"]
        whole = 0 < got["bytes"] <= sent["bytes"] <= got["bytes"] + missing
        rate = float(got["bits_per_second"]) / 8
    except (KeyError, TypeError, ValueError):
        raise WrongResult(f"iperf3 printed no result: {str(found.get('error', 'no figures'))[:200]}") from None
    if not whole or rate <= 0:
        raise WrongResult(f"iperf3 sent {sent['bytes']} bytes, and {got['bytes']} arrived: {NO_SPEED}")
    return rate


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"error": text.strip() or "nothing"}
