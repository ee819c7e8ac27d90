"""What of a benchmark an image cannot run: `python -m hpcsched.bench.inside` looks in the image, and prints what it Found."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hpcsched.bench.libraries import traced

IMPORT_LIMIT_S = 60.0
OR_ELSE = "or measure a program of your own there with --command"
_MISSING = re.compile(r"(\S+) => not found|error while loading shared libraries: ([^:\s]+)|(\w+_[\d.]+)' not found")


@dataclass(frozen=True, slots=True)
class Found:
    """`absent`: what is not there and what to do, in one line; empty: all is there. `python`: the image's own, if asked.
    `lacking`: programs that cannot start, by path, and why.
    """

    absent: str = ""
    python: str = ""
    lacking: dict[str, str] = field(default_factory=dict)


def programs(paths: Iterable[Path]) -> Found:
    """Whether those of the node can start here, be they shown or the image's own at the same path."""
    return Found(lacking={str(path): why for path in paths if (why := _lacking(path))})


def _lacking(path: Path) -> str:
    if not os.access(path, os.X_OK):
        return f"{path} is not in the image, the node has it: install it there"
    what = lack(traced(path))
    return f"{path.name} needs {what}, which is not in the image: install it there" if what else ""


def lack(traced: str) -> str:
    """The first library, or version of one, that a loader says it has not."""
    found = _MISSING.search(traced)
    return next(filter(None, found.groups())) if found else ""


def modules(names: Iterable[str], version: str) -> Found:
    """Whether the image's own Python has them, and is one that can run the harness."""
    wanted = " and ".join(names)
    python = shutil.which("python3")
    if python is None:
        return Found(
            f"it measures the image's own {wanted}, and there is no python3: install Python {version} with it, {OR_ELSE}"
        )
    theirs = _said(python, "import sys; print('%d.%d' % sys.version_info[:2])")
    if theirs != version:
        return Found(
            f"the image's Python is {theirs or 'broken'}, the harness needs {version}: measure with that Python, {OR_ELSE}"
        )
    for name in names:
        if _said(python, f"import {name}; print('ok')") != "ok":
            return Found(f"the image's Python has no {name}: install it there (python3-{name}), {OR_ELSE}")
    return Found(python=python)


def _said(python: str, code: str) -> str:
    try:
        done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=IMPORT_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="inside", description="Looks for what a benchmark needs of an image.")
    parser.add_argument("--modules", nargs="*", default=[], help="Python modules that are measured")
    parser.add_argument("--version", default="", help="Python version that the harness needs, as 3.11")
    parser.add_argument("--programs", nargs="*", type=Path, default=[], help="programs that the node has")
    options = parser.parse_args(argv)
    found = modules(options.modules, options.version) if options.modules else programs(options.programs)
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
