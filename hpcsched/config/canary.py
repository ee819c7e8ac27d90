"""The table `[canary]`: short benchmarks on idle nodes, which find those that have gone slow."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.config.parse import duration, setting


@dataclass(frozen=True, slots=True)
class CanaryConfig:
    """`[canary]`."""

    enabled: bool = setting(False, "measure idle nodes, and drain those that have gone slow")
    benchmarks: tuple[str, ...] = setting(("stream", "dgemm"), "what each canary runs, one after the other, of size quick")
    interval: int = duration(3600, "how often each node is measured when it is idle")
    loss: float = setting(0.03, "how much slower a node must have become", 0.005, 0.5)
    share: float = setting(0.1, "part of the nodes of one class that may be drained for it at once; one always may", 0.0, 1.0)
    retests: int = setting(5, "how often a suspect is measured before it is judged", 3, 100)
    retest_interval: int = duration(600, "time between these")
    pause: int = duration(3600, "a drained node is measured again after that; up to a day when it stays slow")
    drain: bool = setting(True, "drain and resume nodes; false: only list what is slow")
    at_once: int = setting(16, "nodes that are measured at one time", 1, 10_000)
    runtime: str = setting("lxc", "how a canary runs: lxc or baremetal", choices=("lxc", "baremetal"))
    image: str = setting("host", "image of its container, with python, numpy and the benchmarks")
    python: str = setting("", "interpreter in that image, with hpcsched (default: the controller's own)")
    folder: str = setting("", "benchmarks in that image (default: as for `hpcsched bench`)")
