"""Traces in the Standard Workload Format (Feitelson, https://www.cs.huji.ac.il/labs/parallel/workload/swf.html), also .gz."""

from __future__ import annotations

import gzip
import math
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from hpcsched.errors import InvalidValue, NotFound
from hpcsched.sim.trace import MAX_JOBS, MAX_PROCESSORS, Trace, TraceJob, in_order

FIELDS = 18
MAX_LINE = 4096
MAX_SAMPLES = 5
MAX_SECONDS = 1e11
_GZIP = b"\x1f\x8b"
_ID, _SUBMIT, _RUN, _USED, _ASKED, _ESTIMATE, _USER, _GROUP, _QUEUE, _PARTITION = 0, 1, 3, 4, 7, 8, 11, 12, 14, 15


class _Unusable(Exception):
    """A line that is no job; its text is the reason, which is counted."""


def opened(path: Path) -> IO[bytes]:
    """The file, unpacked if it is packed, whatever its name. Raises NotFound, InvalidValue."""
    if not path.is_file():
        raise NotFound(f"no trace file {path}" + (": it is a folder" if path.is_dir() else ""))
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else path.open("rb")


def read_swf(path: Path) -> Trace:
    """Skips lines that are no jobs, and counts them. Raises NotFound, InvalidValue when no job is left."""
    reader = _Reader()
    try:
        with opened(path) as file:
            for number, line in enumerate(_lines(file), 1):
                reader.take(number, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidValue(f"{path} is damaged: {error}") from None
    if not reader.jobs:
        raise InvalidValue(f"{path} {_lack(reader)}")
    return reader.trace(path.name)


def _lack(reader: _Reader) -> str:
    sample = reader.first_sample()
    return (
        f"has no job in the Standard Workload Format{sample}"
        if sample
        else "is empty, or has comments alone: there is nothing to simulate"
    )


def _lines(file: IO[bytes]) -> Iterator[str]:
    """Of a line that is too long, one character more than it may have."""
    while line := file.readline(MAX_LINE + 1):
        rest = line
        while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
            rest = file.readline(MAX_LINE + 1)
        yield line.decode("ascii", "replace")


class _Reader:
    def __init__(self) -> None:
        self.jobs: list[TraceJob] = []
        self._header: dict[str, int] = {}
        self._skipped: Counter[str] = Counter()
        self._samples: list[str] = []
        self._no_estimate = 0

    def take(self, number: int, line: str) -> None:
        text = line.strip()
        if text.startswith(";"):
            self._comment(text)
        elif len(line) > MAX_LINE:
            self._skip(number, text, f"more than {MAX_LINE} characters")
        elif text:
            try:
                self._job(text.split())
            except _Unusable as error:
                self._skip(number, text, str(error))

    def first_sample(self) -> str:
        return f": {self._samples[0]}" if self._samples else ""

    def trace(self, name: str) -> Trace:
        return Trace(
            name,
            in_order(self.jobs),
            self._machine(),
            float(self._header.get("unixstarttime", 0)),
            tuple(self._skipped.most_common()),
            tuple(self._samples),
            self._no_estimate,
        )

    def _machine(self) -> int:
        told = self._header.get("maxprocs", 0) or self._header.get("maxnodes", 0)
        return told if 0 < told <= MAX_PROCESSORS else 0

    def _comment(self, line: str) -> None:
        """The first value of a name counts."""
        name, colon, value = line.lstrip("; ").partition(":")
        word = value.split()[0] if colon and value.split() else ""
        if word.isascii() and word.isdigit() and len(word) < 15:
            self._header.setdefault(name.strip().lower(), int(word))

    def _job(self, words: list[str]) -> None:
        if len(words) < FIELDS:
            raise _Unusable(f"fewer than {FIELDS} columns")
        if len(self.jobs) >= MAX_JOBS:
            raise _Unusable(f"more than {MAX_JOBS} jobs")
        try:
            fields = [float(word) for word in words[:FIELDS]]
        except ValueError:
            raise _Unusable("a column is no number") from None
        self.jobs.append(_job(fields))
        self._no_estimate += fields[_ESTIMATE] <= 0

    def _skip(self, number: int, line: str, why: str) -> None:
        self._skipped[why] += 1
        if len(self._samples) < MAX_SAMPLES:
            self._samples.append(f"line {number}, {why}: {line[:60]!r}")


def _job(fields: list[float]) -> TraceJob:
    submit, run, processors = fields[_SUBMIT], fields[_RUN], _processors(fields)
    if not all(math.isfinite(field) and abs(field) <= MAX_SECONDS for field in fields):
        raise _Unusable("a number is out of bounds")
    if submit < 0:
        raise _Unusable("no time of submission")
    if run < 0:
        raise _Unusable("no run time")
    estimate = fields[_ESTIMATE] if fields[_ESTIMATE] > 0 else max(run, 1.0)
    return TraceJob(
        int(fields[_ID]),
        submit,
        min(run, estimate),
        processors,
        estimate,
        f"u{fields[_USER]:.0f}" if fields[_USER] >= 0 else "",
        f"g{fields[_GROUP]:.0f}" if fields[_GROUP] >= 0 else "",
        _place(fields),
        cut=run > estimate,
    )


def _processors(fields: list[float]) -> int:
    """Those asked for, or where that is missing, those used."""
    asked = fields[_ASKED] if fields[_ASKED] > 0 else fields[_USED]
    if not 1 <= asked <= MAX_PROCESSORS:
        raise _Unusable("no number of processors" if not asked >= 1 else f"more than {MAX_PROCESSORS} processors")
    return int(asked)


def _place(fields: list[float]) -> str:
    """`p2` for partition 2, else `q1` for queue 1: the name that a site's partition must have to take its jobs."""
    if fields[_PARTITION] >= 0:
        return f"p{fields[_PARTITION]:.0f}"
    return f"q{fields[_QUEUE]:.0f}" if fields[_QUEUE] >= 0 else ""
