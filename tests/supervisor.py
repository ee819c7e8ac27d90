"""The supervisor of containers, compiled once for all tests: each runtime of each agent takes more than a second for it."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from hpcsched.runtimes.build import init_binary


@cache
def _compiled() -> Path:
    folder = tempfile.mkdtemp(prefix="hpcsched-supervisor-")
    atexit.register(shutil.rmtree, folder)
    return init_binary(Path(folder))


def compiled_in(state: Path) -> None:
    """The runtime with that state folder finds it there."""
    folder = state / "cache"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / _compiled().name).exists():
        shutil.copy(_compiled(), folder)


def compiled_for(agent: Path) -> None:
    """The agent with that state folder finds it there."""
    for runtime in ("lxc", "baremetal"):
        compiled_in(agent / runtime)
