"""What a sweep leaves on disk: `sweep.json` says what it is, a report for each finished combination, `table.csv`.

Each file is written beside its place and moved there, so that a kill at any moment leaves whole files only.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hpcsched.bench.result import Result
from hpcsched.errors import Conflict, HpcschedError, InvalidValue

SCHEMA = 1
DEFINITION, TABLE, LOCK = "sweep.json", "table.csv", ".lock"
FRESH = ".new"
LONG = 60


@dataclass(frozen=True, slots=True)
class Combination:
    """`file`: where its report is once it is finished."""

    file: str
    title: str


@dataclass(frozen=True, slots=True)
class _Page:
    definition: dict[str, str]
    seed: int
    combinations: tuple[Combination, ...]
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class Folder:
    """Held by one sweep at a time: see `opened`."""

    path: Path

    def begin(self, definition: Mapping[str, str], seed: int, seed_is_asked: bool, cases: Sequence[tuple[str, str]]) -> int:
        """The seed: that of the sweep that was begun here, or else the given one. `cases`: digest and title of each.

        Raises InvalidValue when another sweep was begun here.
        """
        found = self._page()
        if found is None:
            combinations = tuple(Combination(_name(number, digest), title) for number, (digest, title) in enumerate(cases))
            page = _Page(dict(definition), seed, combinations)
            self._write(DEFINITION, msgspec.json.format(msgspec.json.encode(page), indent=1))
            return seed
        if seed_is_asked:
            _same(self.path, {"--seed": str(found.seed)}, {"--seed": str(seed)})
        _same(self.path, found.definition, definition)
        if [one.file for one in found.combinations] != [_name(number, digest) for number, (digest, _) in enumerate(cases)]:
            raise InvalidValue(f"{self.path} was begun by another version of hpcsched: choose another --out")
        return found.seed

    def read(self, number: int, digest: str) -> Result | None:
        """Raises InvalidValue that names the file."""
        file = self.path / _name(number, digest)
        return Result.read(file) if file.exists() else None

    def keep(self, number: int, digest: str, result: Result) -> None:
        self._write(_name(number, digest), result.to_json())

    def write_table(self, text: str) -> None:
        self._write(TABLE, text.encode())

    def _page(self) -> _Page | None:
        file = self.path / DEFINITION
        try:
            page = msgspec.json.decode(file.read_bytes(), type=_Page)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise InvalidValue(f"cannot read {file} ({error}): choose another --out") from None
        if page.schema != SCHEMA:
            raise InvalidValue(f"{file} is of another version of hpcsched: choose another --out")
        return page

    def _write(self, name: str, body: bytes) -> None:
        """Durable before it has its name."""
        fresh = self.path / f"{name}{FRESH}"
        try:
            with fresh.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path / name)
            _sync(self.path)
        except OSError as error:
            raise HpcschedError(f"cannot write {self.path / name}: {error.strerror}") from None


def _name(number: int, digest: str) -> str:
    return f"{number + 1:04d}-{digest}.json"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _same(folder: Path, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    for name in (*before, *now):
        if before.get(name) != now.get(name):
            told = " and this call says ".join(_short(side.get(name, "nothing")) for side in (before, now))
            raise InvalidValue(f"{folder} holds another sweep: {name} was {told}; call it as before, or choose another --out")


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]}…"


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    """Made if need be, and locked until the end, which a kill is as well.

    Raises Conflict when another sweep is at work in it, InvalidValue for a folder with other files.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        strangers = [file.name for file in path.iterdir() if file.name != LOCK]
        if strangers and DEFINITION not in strangers and any(not name.endswith(FRESH) for name in strangers):
            raise InvalidValue(f"{path} has other files ({strangers[0]}): choose a new or empty folder for --out")
        descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise HpcschedError(f"cannot use {path}: {error.strerror}; choose another --out") from None
    try:
        _lock(descriptor, path)
        _sweep_up(path)
        yield Folder(path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Conflict(f"another sweep is at work in {path}: wait for its end, or choose another --out") from None


def _sweep_up(path: Path) -> None:
    """What a kill left half written."""
    for file in path.glob(f"*{FRESH}"):
        with suppress(FileNotFoundError):
            file.unlink()
