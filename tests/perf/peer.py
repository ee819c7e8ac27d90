"""What we are measured beside comes from PyPI, and is not among what the project needs."""

import subprocess
import venv
from pathlib import Path


def python_with(package: str, folder: Path) -> Path | None:
    """A Python that has it, in an environment of its own in that folder; None where it cannot be had."""
    venv.create(folder / "peer", with_pip=True)
    python = folder / "peer/bin/python"
    done = subprocess.run([python, "-m", "pip", "install", "-q", package], capture_output=True, check=False)
    return python if done.returncode == 0 else None
