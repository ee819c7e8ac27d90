"""The options of `bench run` for one's own program and for sweeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpcsched.cli.params import Duration, Share, Variable
from hpcsched.model.container import HOST

if TYPE_CHECKING:
    from hpcsched.bench.own_program import Own

ALL = "\0"
_OWN = ("metric", "unit", "lower", "margin", "check", "workdir", "mounts", "time_limit_s")
"""Those that make sense with --command alone."""


def _option(*names: str, about: str, **settings: Any) -> click.Option:
    return click.Option(list(names), help=about, **settings)


SWEEP_OPTIONS: tuple[click.Option, ...] = (
    _option("--command", "program", metavar="COMMAND", about="Measure this instead of benchmarks; no shell, so write sh -c '…'."),
    _option(
        "--metric",
        multiple=True,
        metavar="[NAME=]REGEX",
        about="What finds a figure in its output: group 1 of the last match. Repeatable [default: its wall time].",
    ),
    _option("--unit", multiple=True, metavar="[NAME=]UNIT", about="Of all metrics, or of one. Repeatable."),
    _option(
        "--lower-is-better",
        "lower",
        is_flag=False,
        flag_value=ALL,
        multiple=True,
        metavar="[NAME]",
        about="True of all metrics, or of one. Repeatable.",
    ),
    _option("--margin", type=Share(), metavar="SHARE", about="By which arms of it may differ and be equivalent [default: 1%]."),
    _option("--check", metavar="REGEX", about="A run of it that prints nothing like this has failed."),
    _option("-t", "--time", "time_limit_s", type=Duration(), metavar="TIME", about="Limit of one run of it [default: 10:00]."),
    _option("-D", "--workdir", metavar="DIR", about="Folder to start it in [default: the current one, / in an image]."),
    _option(
        "--mount",
        "mounts",
        multiple=True,
        metavar="FOLDER",
        about="Folder of the node that the container gets as it is, writable. Repeatable.",
    ),
    _option("--env", type=Variable(), multiple=True, metavar="K[=V]", about="Variable in every arm. Repeatable."),
    _option(
        "--sweep",
        "sweeps",
        multiple=True,
        metavar="NAME=VALUES",
        about="Measure each value: threads=1,2,4, size=…, image=…, env:K=…, arg:n=… (for {n} in --command), numa=… Repeatable.",
    ),
    _option("--no-compare", is_flag=True, about="Measure in containers alone, without bare metal; no verdicts."),
    _option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        about="Keep each combination there; the same call goes on where it stopped.",
    ),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The options by name. `swept`: the result is the tidy table of a sweep, be it of one combination."""

    program: str | None
    metric: tuple[str, ...]
    unit: tuple[str, ...]
    lower: tuple[str, ...]
    margin: float | None
    check: str | None
    time_limit_s: int | None
    workdir: str | None
    mounts: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    sweeps: tuple[str, ...]
    no_compare: bool
    out: Path | None

    @property
    def swept(self) -> bool:
        return bool(self.sweeps or self.no_compare or self.out)

    def own(self, names: Sequence[str], image: str) -> Own | None:
        """The program to be measured instead of benchmarks. Raises InvalidValue, click.UsageError."""
        if self.program is None:
            self._refuse_own_options()
            return None
        if names:
            raise click.UsageError(f"name benchmarks ({' '.join(names)}) or give --command, not both")
        return _own(self, image)

    def _refuse_own_options(self) -> None:
        params = {option.name: option.opts[-1] for option in SWEEP_OPTIONS}
        for name in _OWN:
            if getattr(self, name) not in (None, ()):
                raise click.UsageError(f"{params[name]} is for a program of your own: name it with --command")

    def measuring(self, names: Sequence[str], image: str) -> dict[str, Any]:
        """For `runner.run`, beside what the other options say."""
        from hpcsched.bench.own import entry
        from hpcsched.cli.bench_sweep_values import check_env

        own, env = self.own(names, image), once(self.env)
        check_env(own is not None, dict(env))
        return {"env": env, "entries": (entry(own),) if own else ()}


def sweep_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds SWEEP_OPTIONS to a function that is about to become a click command, for `take_asked`."""
    params: list[click.Parameter] = command.__dict__.setdefault("__click_params__", [])
    params.extend(reversed(SWEEP_OPTIONS))
    return command


def take_asked(options: dict[str, Any]) -> Asked:
    """Takes them out of the options by parameter name."""
    return Asked(**{item.name: options.pop(item.name) for item in fields(Asked)})


def _own(asked: Asked, image: str) -> Own:
    import os
    import shlex

    from hpcsched.bench.own_program import Own, checked, reading, with_units

    try:
        words = tuple(shlex.split(asked.program or ""))
    except ValueError as error:
        raise click.UsageError(f"bad --command ({error}): quote it as for a shell") from None
    lower = ["" if name == ALL else name for name in asked.lower]
    given: dict[str, Any] = {"margin": asked.margin, "check": asked.check, "limit_s": asked.time_limit_s}
    return checked(
        Own(
            words,
            with_units(map(reading, asked.metric), asked.unit, lower),
            workdir=os.path.abspath(asked.workdir or ("." if image == HOST else "/")),
            mounts=tuple(map(os.path.abspath, asked.mounts)),
            **{name: value for name, value in given.items() if value is not None},
        )
    )


def once(pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The last of each name."""
    return tuple(dict(pairs).items())
