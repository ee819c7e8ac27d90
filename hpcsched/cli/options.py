"""The options that describe a job, shared by `submit`, `run` and the #HPCSCHED lines of a script."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click
from click.core import ParameterSource

from hpcsched.cli.params import Duration, MountPoint, Size, Variable, Word
from hpcsched.cli.queueing import NODES_OPTION, QUEUE_OPTIONS
from hpcsched.cli.resources import NAMES, PLACE_OPTIONS, RESOURCE_OPTIONS, resource_request, without_hint
from hpcsched.model.job import JobSpec
from hpcsched.model.units import format_bytes

_DEFAULTS = JobSpec()


def _option(*names: str, about: str, **settings: Any) -> click.Option:
    return click.Option(list(names), help=about, **settings)


_OTHERS = (
    _option(
        "-t",
        "--time",
        "time_limit_s",
        type=Duration(),
        metavar="TIME",
        about="Limit, as 1:30:00, 90s or minutes [default: none].",
    ),
    _option(
        "--image",
        type=Word("host"),
        metavar="NAME",
        about=f"Root file system: host, a name, or a path on the node [default: {_DEFAULTS.image}].",
    ),
    _option(
        "--runtime", type=Word("lxc", "baremetal"), metavar="NAME", about=f"lxc or baremetal [default: {_DEFAULTS.runtime}]."
    ),
    _option("-J", "--name", metavar="NAME", about="Name [default: that of the command]."),
    _option("-D", "--workdir", metavar="DIR", about="Folder to start in, as the job sees it; not the current one [default: /]."),
    _option(
        "-o",
        "--stdout",
        metavar="FILE",
        about="Path on the node for the output; %j: the id, %n, %N: the node's number, name [default: the agent's].",
    ),
    _option(
        "--env", type=Variable(), multiple=True, metavar="K[=V]", about="Variable; without =V the caller's value. Repeatable."
    ),
    _option(
        "--mount",
        "mounts",
        type=MountPoint(),
        multiple=True,
        metavar="SRC[:DST][:ro|rw]",
        about="Bind mount of a folder of the node, read-only unless rw. Repeatable.",
    ),
    _option("--hold", is_flag=True, about="Do not start before `hpcsched release`."),
    _option("--keep", is_flag=True, about="Keep what the job wrote to its root file system on the node."),
    _option(
        "--grace",
        "grace_s",
        type=click.IntRange(0, 86400),
        metavar="SECONDS",
        about=f"Between SIGTERM and SIGKILL [default: {_DEFAULTS.grace_s}].",
    ),
    _option(
        "--output-cap",
        type=Size(),
        metavar="SIZE",
        about=f"Output kept; what comes after it is dropped [default: {format_bytes(_DEFAULTS.output_cap)}].",
    ),
)
JOB_OPTIONS: tuple[click.Option, ...] = (NODES_OPTION, *RESOURCE_OPTIONS, *_OTHERS[:1], *QUEUE_OPTIONS, *_OTHERS[1:])
_ADDED_UP = ("env", "mounts", "hugepages", "require")


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds JOB_OPTIONS to a function that is about to become a click command."""
    return _with(command, JOB_OPTIONS)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds PLACE_OPTIONS, for `resource_request`."""
    return _with(command, PLACE_OPTIONS)


def _with(command: Callable[..., Any], options: Sequence[click.Option]) -> Callable[..., Any]:
    params: list[click.Parameter] = command.__dict__.setdefault("__click_params__", [])
    params.extend(reversed(options))
    return command


def given(ctx: click.Context) -> dict[str, Any]:
    """The job options that this call names, by parameter name; those left out are not in it. Raises click.UsageError."""
    names = [option.name for option in JOB_OPTIONS if option.name]
    named = [name for name in names if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    return without_hint({name: ctx.params[name] for name in named})


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Options of both; where both name one, `above` wins, but lists add up, with those of `above` last."""
    both = {**below, **above}
    for name in _ADDED_UP:
        if name in below and name in above:
            both[name] = (*below[name], *above[name])
    return both


def job_spec(options: Mapping[str, Any], command: tuple[str, ...], script: bytes = b"") -> JobSpec:
    """The spec of a call; what it does not name has JobSpec's defaults."""
    rest = dict(options)
    resources = resource_request({name: rest.pop(name) for name in NAMES & rest.keys()})
    if "nodes" in rest:
        rest["nodes"], rest["max_nodes"] = _least_and_most(rest["nodes"])
    elif rest.get("nodelist") and not rest.get("array"):
        rest["nodes"] = len(rest["nodelist"])
    if "env" in rest:
        rest["env"] = tuple(dict(rest["env"]).items())
    spec = JobSpec(command=command, script=script, user=_user_name(), resources=resources)
    return replace(spec, **rest)


def _least_and_most(asked: tuple[int, int]) -> tuple[int, int]:
    """As JobSpec has them: no most where the two are the same."""
    least, most = asked
    return least, 0 if most == least else most


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
