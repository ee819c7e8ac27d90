"""Which benchmarks there are: one file each in a folder."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpcsched.bench.about import About
from hpcsched.errors import InvalidValue, NotFound

VARIABLE = "HPCSCHED_BENCHMARKS"


@dataclass(frozen=True, slots=True)
class Entry:
    """`start`: what Python is given to run it; empty: the file. `of_image`: what it measures is part of the image. `mounts`:
    folders of the node that it must find there, already when it is prepared.
    """

    about: About
    file: Path
    start: tuple[str, ...] = ()
    of_image: bool = False
    mounts: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.start or (str(self.file),)


def folder(given: Path | None = None) -> Path:
    """The one given, else $HPCSCHED_BENCHMARKS, else `benchmarks` beside the package in a checkout. Raises NotFound."""
    named = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    found = named or Path(__file__).resolve().parents[2] / "benchmarks"
    if not found.is_dir():
        raise NotFound(f"no folder of benchmarks at {found}: set {VARIABLE} to the folder `benchmarks` of a checkout")
    return found.resolve()


def find(given: Path | None = None) -> tuple[Entry, ...]:
    """All benchmarks of the folder, by name. Runs the top level of each file. Raises NotFound, InvalidValue."""
    files = sorted(file for file in folder(given).glob("*.py") if not file.name.startswith("_"))
    return tuple(Entry(_about(file), file) for file in files)


def choose(names: Sequence[str], given: Path | None = None) -> tuple[Entry, ...]:
    """Those of that name in the order asked for, each once; all of them without any name. Raises NotFound."""
    known = {entry.about.name: entry for entry in find(given)}
    for name in names:
        if name not in known:
            raise NotFound(f"no benchmark {name!r}; there are: {', '.join(known) or 'none'}")
    return tuple(known[name] for name in dict.fromkeys(names or known))


def _about(file: Path) -> About:
    spec = importlib.util.spec_from_file_location(f"hpcsched_benchmark_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise InvalidValue(f"{file} cannot be read as a benchmark: {error}") from None
    about = getattr(module, "ABOUT", None)
    if not isinstance(about, About) or about.name != file.stem:
        raise InvalidValue(f"{file} is no benchmark: it needs ABOUT = About(name={file.stem!r}, …)")
    return about
