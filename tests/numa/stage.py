"""What a guest gets in /job/share: hpcsched, what it imports (for the guest's Python), tests, supervisor and kernels compiled."""

from __future__ import annotations

import compileall
import configparser
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from hpcsched.bench.kernel import build
from hpcsched.runtimes.build import init_binary

ROOT = Path(__file__).parents[2]
PYTHON = "3.11"
"""Of the guest (Debian 12)."""
UNUSED = ("matplotlib",)
"""Large, and imported for pictures alone."""
TOOLS = ("pytest", "pytest-asyncio")
KERNELS = ("latency", "stream")
STATIC = ("-O2", "-fopenmp", "-static")
"""For the guest's CPU, which is another than the host's, and without the libraries that it lacks."""
SOURCES = ("hpcsched", "benchmarks", "tests/numa", "tests/integration/daemons.py", "tests/contract/test_runtime.py")
SOURCES += ("tests/containers.py", "tests/residue.py", "tests/supervisor.py", "setup.cfg")


def requirements() -> list[str]:
    """As in setup.cfg, without those that no test in a guest imports."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    needed = config["options"]["install_requires"].split("\n")
    tools = config["options.extras_require"]["dev"].split("\n")
    return [line for line in needed if line and _name(line) not in UNUSED] + [line for line in tools if _name(line) in TOOLS]


def _name(requirement: str) -> str:
    return requirement.split(">")[0].strip()


def site(cache: Path) -> Path:
    """A folder with all requirements, made once for each list of them."""
    wanted = requirements()
    folder = cache / f"site-{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:16]}"
    if not folder.exists():
        unfinished = folder.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        options = ["--target", str(unfinished), "--python-version", PYTHON, "--implementation", "cp", "--only-binary", ":all:"]
        _python("-m", "pip", "install", "-qq", "--disable-pip-version-check", *options, *wanted)
        unfinished.rename(folder)
    return folder


def stage(folder: Path, cache: Path) -> list[tuple[Path, str]]:
    """Fill `folder`; returns what to copy into the guest, and the names there."""
    for name in SOURCES:
        _copy(ROOT / name, folder / name)
    _python("-c", "import setuptools; setuptools.setup()", "-q", "egg_info", "--egg-base", str(folder))
    compileall.compile_dir(folder, quiet=1)
    (folder / "bin").mkdir()
    shutil.copy(init_binary(cache / "init"), folder / "bin/hpcsched-init")
    for name in KERNELS:
        shutil.copy(build(ROOT / f"benchmarks/src/{name}.c", cache / "kernels", STATIC), folder / "bin" / name)
    return [(site(cache), "site"), *((path, path.name) for path in folder.iterdir())]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)
