"""A user's own program as a benchmark: what it is, and how its figures are read from what it prints; pure."""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.program import NO_SPEED
from hpcsched.errors import InvalidValue, WrongResult

MOST_METRICS, LONGEST_PATTERN, LONGEST_NAME = 32, 1000, 32
MOST_MARGIN = 0.5
START_S = 60
"""On top of its own limit a job has so long to start Python and to say what it found."""
TIME = Metric("seconds", "s", higher_is_better=False)
"""Wall time from start to exit: what is measured of a program for which nobody names a metric."""
_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,63})=(.+)", re.ASCII | re.DOTALL)
_UNCOMMON = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)
_UNCHECKED = "whether the figures are right: {asked} is all that was asked for{more}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric, and the pattern (`re`, MULTILINE) that finds it: of the last match its named group, or else its first one."""

    name: str
    pattern: str
    unit: str = ""
    higher_is_better: bool = True

    @property
    def metric(self) -> Metric:
        return Metric(self.name, self.unit, self.higher_is_better)


@dataclass(frozen=True, slots=True)
class Own:
    """`words`: the command, no shell. `check`: a pattern that its output must hold. `mounts`: folders of the node that the
    container gets as they are. `limit_s`: wall time of one run. Without `readings` its wall time is measured.
    """

    words: tuple[str, ...]
    readings: tuple[Reading, ...] = ()
    margin: float = 0.01
    check: str = ""
    workdir: str = "/"
    mounts: tuple[str, ...] = ()
    limit_s: int = 600

    @property
    def name(self) -> str:
        """Of the program, in letters that a job's name may have."""
        return _UNCOMMON.sub("-", self.words[0].rpartition("/")[2]).strip("-")[:LONGEST_NAME] or "program"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return tuple(reading.metric for reading in self.readings) or (TIME,)

    @property
    def about(self) -> About:
        limits = tuple((size, self.limit_s + START_S) for size in Size)
        stresses = f"what the program does: {shlex.join(self.words)}"
        return About(self.name, stresses, "the program's own output", self.metrics, self.margin, limits)

    @property
    def unchecked(self) -> str:
        """What nobody knows of its result."""
        if self.check:
            return _UNCHECKED.format(asked=f"exit code 0 and a match of {self.check!r}", more="")
        return _UNCHECKED.format(asked="exit code 0", more=" (--check PATTERN asks for more)")

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Own:
        """Raises InvalidValue."""
        try:
            return checked(msgspec.json.decode(text, type=cls))
        except msgspec.DecodeError as error:
            raise InvalidValue(f"this defines no program: {error}") from None


def reading(text: str) -> Reading:
    """Of `PATTERN` or `NAME=PATTERN`; without a name that of its named group, or `value`. Raises InvalidValue."""
    named = _NAMED.fullmatch(text)
    name, pattern = (named[1], named[2]) if named else ("", text)
    compiled = _compiled(pattern)
    if not compiled.groups:
        raise InvalidValue(f"pattern {_short(pattern)} has no group: put () around the number, as in 'Rate: ([0-9.]+)'")
    return Reading(name or next(iter(compiled.groupindex), "value"), pattern)


def checked(own: Own) -> Own:
    """The same. Raises InvalidValue for what is out of bounds."""
    if not own.words or not own.words[0]:
        raise InvalidValue("the command is empty: name a program")
    if len(own.readings) > MOST_METRICS:
        raise InvalidValue(f"{len(own.readings)} metrics, at most {MOST_METRICS}")
    if not 0 < own.margin <= MOST_MARGIN:
        raise InvalidValue(f"a margin of {own.margin:g}: choose one above 0 and up to {MOST_MARGIN:.0%}")
    for pattern in (*(one.pattern for one in own.readings), own.check):
        _compiled(pattern)
    twice = [name for name, count in Counter(one.name for one in own.readings).items() if count > 1]
    if twice:
        raise InvalidValue(f"two metrics are called {twice[0]!r}: name them, as in NAME=PATTERN")
    return own


def values(own: Own, output: str) -> dict[str, float]:
    """By metric. Raises WrongResult: no match, no positive number, or an output in which NAME=PATTERN can be read in two ways."""
    if own.check and not _compiled(own.check).search(output):
        raise WrongResult(f"no line of its output matches {_short(own.check)}, which --check asks for: {NO_SPEED}")
    return {one.name: _value(one, output) for one in own.readings}


def _value(one: Reading, output: str) -> float:
    found = _last(one.pattern, output)
    if found is None:
        last = (output.strip().splitlines() or ["(nothing)"])[-1]
        raise WrongResult(f"no line of its output matches {_short(one.pattern)} ({one.name}); its last line: {_short(last)}")
    other = _last(f"{re.escape(one.name)}={one.pattern}", output)
    if other not in (None, found):
        raise WrongResult(
            f"--metric {one.name}=… can be meant in two ways: as the metric {one.name} it is {found}, behind {one.name}= in the "
            f"output stands {other}; put a name before what stands in the output: {one.name}={one.name}=…"
        )
    return _number(found, one)


def _last(pattern: str, output: str) -> str | None:
    match = None
    for match in _compiled(pattern).finditer(output):  # noqa: B007, the last one
        pass
    return None if match is None else (next(iter(match.groupdict().values()), match[1]) or "")


def _number(text: str, one: Reading) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise WrongResult(f"{_short(text)}, read as {one.name}, is no positive number; make the pattern's group hold just that")
    return found


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")


def _compiled(pattern: str) -> re.Pattern[str]:
    if len(pattern) > LONGEST_PATTERN:
        raise InvalidValue(f"a pattern of {len(pattern)} characters, at most {LONGEST_PATTERN}")
    try:
        return re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise InvalidValue(f"bad pattern {_short(pattern)}: {error}") from None


def with_units(readings: Iterable[Reading], units: Sequence[str], lower: Sequence[str]) -> tuple[Reading, ...]:
    """`units`: `UNIT` for all, or `NAME=UNIT`; `lower`: names of metrics that are better when lower, or an empty one for all.

    Raises InvalidValue for a name that no metric has.
    """
    found = tuple(readings)
    names = [one.name for one in found]
    unit_of = {name if equals else "": unit if equals else name for name, equals, unit in (text.partition("=") for text in units)}
    for name in (*unit_of, *lower):
        if name and name not in names:
            raise InvalidValue(f"no metric {name!r}; there are: {', '.join(names) or 'none, name one with --metric'}")
    return tuple(
        Reading(one.name, one.pattern, unit_of.get(one.name, unit_of.get("", "")), one.name not in lower and "" not in lower)
        for one in found
    )
