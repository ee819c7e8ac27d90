"""The node's Python and this harness in a folder that any image can be shown: `python -m hpcsched.bench.kit` prints a Kit.

So a script runs in an image that has no Python, or another one. A program that was compiled on the node runs there too, with the
libraries of the node, which are in the kit as well: the same file and the same libraries, whatever the image brings.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from hpcsched.bench.kernel import default_cache, private_folder
from hpcsched.bench.libraries import mapped, paths_in
from hpcsched.bench.loading import LIBRARIES, is_dynamic, loader_of
from hpcsched.errors import HpcschedError

BESIDE = ("msgspec", "typing_extensions", "threadpoolctl")
"""What the harness imports of others before it measures."""
LATER = ("libgcc_s.so.1",)
"""What the C library loads when a thread is ended."""
_LEFT_OUT = shutil.ignore_patterns("test", "idlelib", "tkinter", "ensurepip", "lib2to3", "*-packages", "config-*")
_LIST_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Kit:
    """`cache`: the folder to show, in which all of it lies. `start`: runs `-m MODULE` or a script of `scripts`; `starter`: does
    that with another Python of that `version`.
    """

    cache: str
    start: tuple[str, ...]
    starter: str
    scripts: str
    version: str


def make(cache: Path, scripts: Path, programs: Iterable[Path] = ()) -> Kit:
    """In that folder, what is not there yet. `programs`: whose libraries are needed too."""
    private_folder(cache)
    runtime = _made(cache / f"python-{_key(mapped())}", _fill_runtime)
    harness = _made(cache / f"harness-{_key(_sources(scripts))}", lambda folder: _fill_harness(folder, scripts))
    for library in {library for program in programs for library in _libraries(program)}:
        bring(library, runtime / LIBRARIES)
    starter = str(harness / "start.py")
    start = (*loader_of(runtime), str(runtime / "bin" / _python().name), "-I", starter)
    return Kit(str(cache), start, starter, str(harness / "scripts"), sysconfig.get_python_version())


def _python() -> Path:
    return Path(os.path.realpath(sys.executable))


@cache
def _loader() -> Path:
    """Of this process. Raises HpcschedError."""
    found = next((path for path in mapped() if path.name.startswith("ld-")), None)
    if found is None:
        raise HpcschedError("this Python is linked statically: measure an image with one that the dynamic loader starts")
    return found


def _key(files: Iterable[Path]) -> str:
    """Another one when a file has changed."""
    seen = ((path, path.stat()) for path in files)
    told = "\0".join(f"{path} {info.st_size} {info.st_mtime_ns}" for path, info in seen)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _made(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Whole or not at all, also when several make it at once."""
    if folder.is_dir():
        return folder
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        fill(fresh)
        fresh.chmod(0o755)
        fresh.rename(folder)
    except OSError as error:
        if not folder.is_dir():
            raise HpcschedError(f"cannot make {folder}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _fill_runtime(folder: Path) -> None:
    """Where Python looks for its own files, as seen from its program."""
    library = folder / sys.platlibdir / f"python{sysconfig.get_python_version()}"
    modules = Path(sysconfig.get_config_var("DESTSHARED"))
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=_LEFT_OUT, ignore_dangling_symlinks=True)
    shutil.copytree(modules, library / "lib-dynload", dirs_exist_ok=True)
    (folder / "bin").mkdir()
    shutil.copy2(_python(), folder / "bin")
    (folder / LIBRARIES).mkdir()
    code = [_python(), *modules.glob("*.so"), *(file for package in _beside() for file in package.rglob("*.so"))]
    later = (file for name in LATER if (file := _loader().parent / name).exists())
    for file in {_loader(), *later, *(library for one in code for library in _libraries(one))}:
        bring(file, folder / LIBRARIES)


def _fill_harness(folder: Path, scripts: Path) -> None:
    package = Path(__file__).parents[1]
    shutil.copytree(package, folder / package.name)
    shutil.copytree(scripts, folder / "scripts")
    shutil.copy2(package / "bench" / "start.py", folder)
    for found in _beside():
        (shutil.copytree if found.is_dir() else shutil.copy2)(found, folder / found.name)


def _sources(scripts: Path) -> list[Path]:
    own = (file for folder in (Path(__file__).parents[1], scripts) for file in folder.rglob("*.py"))
    return sorted({*own, *_beside()})


def _beside() -> Iterator[Path]:
    """Folders of packages, and files of modules."""
    for name in BESIDE:
        found = importlib.util.find_spec(name)
        if found and found.origin:
            yield Path(found.origin).parent if found.submodule_search_locations else Path(found.origin)


def _libraries(file: Path) -> list[Path]:
    """What the loader of this process would load for it."""
    if not is_dynamic(file) and ".so" not in file.name:
        return []
    command = [str(_loader()), "--list", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LIST_LIMIT_S)
    return paths_in(done.stdout)


def bring(file: Path, folder: Path) -> None:
    """Under its own name and the one that programs ask for; a newer one takes the place of the one before."""
    real, target = file.resolve(), folder / file.name
    if target.exists() and _stamp(target) == _stamp(real):
        return
    with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
        Path(shutil.copy2(real, fresh)).rename(folder / real.name)
        if file.name != real.name:
            link = Path(fresh) / file.name
            link.symlink_to(real.name)
            link.rename(target)


def _stamp(file: Path) -> tuple[str, int, int]:
    info = file.stat()
    return file.resolve().name, info.st_size, info.st_mtime_ns


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="kit", description="Makes the folder that an image is shown to run the harness in it.")
    parser.add_argument("--cache", type=Path, default=None, help="folder to make it in")
    parser.add_argument("--scripts", type=Path, required=True, help="folder of the benchmarks")
    parser.add_argument("programs", nargs="*", type=Path, help="programs whose libraries it needs too")
    options = parser.parse_args(argv)
    try:
        kit = make(options.cache or default_cache(), options.scripts, options.programs)
    except HpcschedError as error:
        sys.exit(f"kit: {error}")
    print(json.dumps(asdict(kit)))


if __name__ == "__main__":
    main()
