"""Parameter sweeps: each combination is a run of its own, in random order, one after the other."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import Any

import msgspec

from hpcsched.bench.own import entry
from hpcsched.bench.own_program import Own
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Result
from hpcsched.bench.runner import Progress, run
from hpcsched.bench.submit import Jobs
from hpcsched.bench.sweep_folder import Folder
from hpcsched.bench.sweep_table import Row, csv_text, failed, rows
from hpcsched.errors import InvalidValue
from hpcsched.model.container import HOST
from hpcsched.model.job import ResourceRequest

MOST_COMBINATIONS, MOST_AXES = 1000, 16
INTERRUPTED = "interrupted"
"""What `Result.stopped` says of a run that Ctrl-C ended."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter and the values that it takes, as the user wrote them."""

    name: str
    values: tuple[str, ...]


Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One combination, and all that its run needs. Without `own` the benchmarks `names` (none: all) are measured."""

    parameters: Parameters = ()
    names: tuple[str, ...] = ()
    own: Own | None = None
    size: str = "quick"
    pairs: int = 15
    budget_s: float | None = None
    precision: float = 0.0
    arms: tuple[Arm, ...] = tuple(Arm)
    resources: ResourceRequest = field(default_factory=ResourceRequest)
    env: tuple[tuple[str, str], ...] = ()
    nodelist: tuple[str, ...] = ()
    image: str = HOST

    @property
    def digest(self) -> str:
        """Of all that defines it: 16 hexadecimal digits."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]

    @property
    def title(self) -> str:
        return " ".join(f"{name}={value}" for name, value in self.parameters) or "no parameters"


@dataclass(frozen=True, slots=True)
class Sweep:
    """`base`: what all of the `cases` share, which are in the table's order. `seed` None: that of the folder, or a new one."""

    base: Case
    axes: tuple[Axis, ...]
    cases: tuple[Case, ...]
    seed: int | None = None

    @property
    def definition(self) -> dict[str, str]:
        """All that a resumed sweep must have alike, flat, as text."""
        axes = {f"--sweep {axis.name}": ",".join(axis.values) for axis in self.axes}
        return {**_flat(msgspec.to_builtins(self.base)), **axes}


@dataclass(frozen=True, slots=True)
class Ahead:
    """Told before each combination and each sample of it. `left_s`: what all that is left will take, None: nobody knows yet."""

    case: Case
    done: int
    total: int
    left_s: float | None
    sample: Progress | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """`rows` of the combinations that have a result, in the order of the cases; of `done` ones it is whole."""

    rows: tuple[Row, ...]
    done: int
    total: int
    failed: int
    interrupted: bool = False


def axis(text: str) -> Axis:
    r"""Of `NAME=VALUE,VALUE…`; `\,` is a comma in a value. Raises InvalidValue."""
    name, equals, listed = text.partition("=")
    values = tuple(part.replace("\0", ",") for part in listed.replace("\\,", "\0").split(","))
    if not name or not equals or "\0" in text or not all(values):
        raise InvalidValue(f"bad sweep {text[:60]!r}: write a parameter and its values, as threads=1,2,4")
    if len(set(values)) < len(values):
        raise InvalidValue(f"the sweep of {name} names a value twice")
    return Axis(name, values)


def expand(base: Case, axes: Sequence[Axis], applied: Callable[[Case, str, str], Case]) -> tuple[Case, ...]:
    """Every combination of the values, the last axis fastest. Raises InvalidValue for too many, or what `applied` raises."""
    count = prod(len(one.values) for one in axes)
    if count > MOST_COMBINATIONS or len(axes) > MOST_AXES:
        raise InvalidValue(f"{count:,} combinations of {len(axes)} parameters, at most {MOST_COMBINATIONS:,} of {MOST_AXES}")
    if len({one.name for one in axes}) < len(axes):
        raise InvalidValue("a parameter is swept twice: give all its values at once, with commas")
    return tuple(_case(base, axes, values, applied) for values in product(*(one.values for one in axes)))


def _case(base: Case, axes: Sequence[Axis], values: Sequence[str], applied: Callable[[Case, str, str], Case]) -> Case:
    case = replace(base, parameters=tuple((one.name, value) for one, value in zip(axes, values, strict=True)))
    for name, value in case.parameters:
        case = applied(case, name, value)
    return case


def _flat(value: Any, name: str = "") -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {name: msgspec.json.encode(value).decode()}
    return {key: text for part, inner in value.items() for key, text in _flat(inner, f"{name}.{part}" if name else part).items()}


@dataclass(slots=True)
class _State:
    sweep: Sweep
    seed: int
    folder: Folder | None
    tell: Callable[[Ahead], None]
    rows: dict[int, tuple[Row, ...]] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    spent_s: dict[int, float] = field(default_factory=dict)
    ahead: int = 0
    """Combinations behind the one that is measured."""

    def take_in(self, number: int, result: Result) -> None:
        case = self.sweep.cases[number]
        self.rows[number] = tuple(rows(case.parameters, result))
        self.spent_s[number] = result.ended - result.started
        (self.failed.add if failed(result) else self.failed.discard)(number)

    def table(self) -> tuple[Row, ...]:
        return tuple(row for number in sorted(self.rows) for row in self.rows[number])

    def swept(self, interrupted: bool) -> Swept:
        return Swept(self.table(), len(self.rows) - len(self.failed), len(self.sweep.cases), len(self.failed), interrupted)


def run_sweep(
    jobs: Jobs, sweep: Sweep, folder: Folder | None = None, tell: Callable[[Ahead], None] = lambda _: None, **options: Any
) -> Swept:
    """Measures what the folder has no result of, or a failed one, and keeps each result there as soon as it is whole.

    Ctrl-C ends it with what there is. `options` go to `runner.run`.

    Raises InvalidValue for a folder of another sweep, and Unreachable.
    """
    state = _State(sweep, _seed(sweep, folder), folder, tell)
    try:
        _resume(state)
        order = _order(state)
        for place, number in enumerate(order, 1):
            state.ahead = len(order) - place
            if not _measure(state, jobs, number, options):
                return state.swept(interrupted=True)
    except KeyboardInterrupt:
        return state.swept(interrupted=True)
    return state.swept(interrupted=False)


def _seed(sweep: Sweep, folder: Folder | None) -> int:
    fresh = random.SystemRandom().randrange(1 << 31) if sweep.seed is None else sweep.seed
    if folder is None:
        return fresh
    return folder.begin(sweep.definition, fresh, sweep.seed is not None, [(case.digest, case.title) for case in sweep.cases])


def _resume(state: _State) -> None:
    for number, case in enumerate(state.sweep.cases):
        found = state.folder.read(number, case.digest) if state.folder else None
        if found is not None:
            state.take_in(number, found)
    _write_table(state)


def _order(state: _State) -> list[int]:
    """A machine that drifts must not look like an effect of a parameter, so the order is random; the same for the same seed."""
    count = len(state.sweep.cases)
    shuffled = random.Random(state.seed).sample(range(count), count)
    return [number for number in shuffled if number not in state.rows or number in state.failed]


def _measure(state: _State, jobs: Jobs, number: int, options: Mapping[str, Any]) -> bool:
    """Whether it came to its end."""
    case = state.sweep.cases[number]
    state.tell(Ahead(case, _done(state), len(state.sweep.cases), _left_s(state, None)))
    result = _run(state, jobs, case, options)
    if result.stopped == INTERRUPTED:
        return False
    if state.folder:
        state.folder.keep(number, case.digest, result)
    state.take_in(number, result)
    _write_table(state)
    return True


def _run(state: _State, jobs: Jobs, case: Case, options: Mapping[str, Any]) -> Result:
    def tell(sample: Progress) -> None:
        state.tell(Ahead(case, _done(state), len(state.sweep.cases), _left_s(state, sample), sample))

    return run(
        jobs,
        case.names,
        case.size,
        case.pairs,
        case.budget_s,
        int(hashlib.sha256(f"{state.seed} {case.digest}".encode()).hexdigest()[:7], 16),
        tell,
        resources=case.resources,
        precision=case.precision,
        entries=(entry(case.own),) if case.own else (),
        env=case.env,
        arms=case.arms,
        nodelist=case.nodelist,
        image=case.image,
        **options,
    )


def _done(state: _State) -> int:
    return len(state.rows) - len(state.failed)


def _left_s(state: _State, sample: Progress | None) -> float | None:
    """This one's rest, and for each other the mean of those that are done, or else this one's whole time."""
    whole = sample.elapsed_s * sample.planned / sample.done if sample and sample.done else None
    spent = [seconds for number, seconds in state.spent_s.items() if number not in state.failed]
    each = sum(spent) / len(spent) if spent else whole
    if each is None:
        return None
    now = whole or each
    return max(now - (sample.elapsed_s if sample else 0.0), 0.0) + state.ahead * each


def _write_table(state: _State) -> None:
    if state.folder:
        state.folder.write_table(csv_text([one.name for one in state.sweep.axes], state.table()))
