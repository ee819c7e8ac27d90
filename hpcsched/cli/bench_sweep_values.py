"""What a value of a sweep does to a combination."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from hpcsched.bench.blas import THREAD_VARIABLES
from hpcsched.cli.resources import PLACE_OPTIONS
from hpcsched.sched.check_resources import check_resources

if TYPE_CHECKING:
    from hpcsched.bench.sweep import Case

SIZES = ("quick", "normal", "full")
RESOURCES = {option.name: option for option in PLACE_OPTIONS if option.name != "hint"}
FIXED = frozenset({"OMP_NUM_THREADS", "OMP_PLACES", "OMP_DYNAMIC", *THREAD_VARIABLES})
"""Variables that the suite's benchmarks set themselves, from the cores that they are bound to."""
OF_THREADS = ("cpus_per_node", "cores_per_node", "threads_per_core")
THREADS = "threads"


def applied(case: Case, name: str, value: str) -> Case:
    """The combination with that parameter. Raises InvalidValue, click.UsageError."""
    kind, colon, inner = name.partition(":")
    if colon and kind == "env" and inner:
        return replace(case, env=tuple({**dict(case.env), inner: value}.items()))
    if colon and kind == "arg" and inner:
        return _with_argument(case, inner, value)
    if name == "size":
        return _with_size(case, value)
    if name == "image":
        return replace(case, image=value)
    return replace(case, resources=_resources(case, name.replace("-", "_"), value))


def _with_argument(case: Case, name: str, value: str) -> Case:
    place = f"{{{name}}}"
    if case.own is None or not any(place in word for word in case.own.words):
        raise click.UsageError(f"--sweep arg:{name}= needs {place} in --command, where its values go")
    return replace(case, own=replace(case.own, words=tuple(word.replace(place, value) for word in case.own.words)))


def _with_size(case: Case, value: str) -> Case:
    if case.own is not None:
        raise click.UsageError("--sweep size= is for benchmarks of the suite: sweep over an argument, as arg:n=100,200")
    if value not in SIZES:
        raise click.UsageError(f"no size {value!r}; there are: {', '.join(SIZES)}")
    return replace(case, size=value)


def _resources(case: Case, name: str, value: str) -> Any:
    """`threads`: whole cores, one hardware thread of each, so that a program with a thread for each CPU has that many."""
    if name == THREADS:
        count = _converted("cores_per_node", value, name)
        return _checked(replace(case.resources, cores_per_node=count, threads_per_core=1))
    if name not in RESOURCES:
        known = ", ".join((THREADS, "size", "image", "env:NAME", "arg:NAME", *filter(None, RESOURCES)))
        raise click.UsageError(f"nothing called {name!r} to sweep over; there are: {known}")
    found = _converted(name, value, name)
    change: dict[str, Any] = {name: (found,) if name == "hugepages" else found}
    return _checked(replace(case.resources, **change))


def _checked(resources: Any) -> Any:
    check_resources(resources)
    return resources


def _converted(name: str, value: str, axis: str) -> Any:
    option = RESOURCES[name]
    try:
        return option.type.convert(value, option, None)
    except click.BadParameter as error:
        raise click.UsageError(f"--sweep {axis}={value}: {error.message}") from None


def check_env(own: bool, names: Iterable[str]) -> None:
    """Raises click.UsageError for variables that would do nothing."""
    vain = sorted(FIXED.intersection(names))
    if vain and not own:
        raise click.UsageError(f"benchmarks of the suite set {vain[0]} themselves: sweep over threads=, or use --command")


def check_threads(case: Case, names: set[str]) -> None:
    """Raises click.UsageError where something else says how many cores there are, too."""
    others = [name for name in OF_THREADS if name in names or getattr(case.resources, name)]
    if THREADS in names and others:
        raise click.UsageError(f"--sweep threads= sets the cores of the job: leave out {others[0]}")
