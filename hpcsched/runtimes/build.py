"""`hpcsched-init` from its source, once for each version of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from hpcsched.errors import MissingTool, RuntimeFailure

SOURCES = Path(__file__).parent / "init"
FLAGS = ("-O2", "-static", "-std=gnu11", "-Wall", "-Wextra", "-Werror")


def init_binary(cache: Path) -> Path:
    """The compiled supervisor in `cache`, named by the hash of its source, so that a new version gets a new file.

    Raises MissingTool without a C compiler.
    """
    binary = cache / f"hpcsched-init-{_fingerprint()}"
    if not binary.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _compile(binary)
    return binary


def _fingerprint() -> str:
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for source in sorted(SOURCES.glob("*.[ch]")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _compile(binary: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise MissingTool("no C compiler for the containers' supervisor; apt-get install gcc libc6-dev")
    with tempfile.TemporaryDirectory(dir=binary.parent, prefix=".build-") as folder:
        output = Path(folder) / "hpcsched-init"
        _run([compiler, *FLAGS, "-o", str(output), *map(str, sorted(SOURCES.glob("*.c")))])
        output.chmod(0o555)
        os.rename(output, binary)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        line = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:200])
        raise RuntimeFailure(f"the containers' supervisor does not compile: {line} (is libc6-dev installed?)")
