"""The options that say what each node must give, shared by `submit`, `run`, #HPCSCHED lines and `bench run`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import click

from hpcsched.cli.params import NumaChoice, PageCount, Size
from hpcsched.model.job import ResourceRequest, TaskBind
from hpcsched.sched.check_resources import MAX_COUNT, MAX_GPUS, MAX_THREADS

NAMES = frozenset(item.name for item in dataclasses.fields(ResourceRequest))
_HINTS = {"nomultithread": {"threads_per_core": 1}}
"""sbatch(1), --hint."""
_COUNT = click.IntRange(1, MAX_COUNT)


def _option(*names: str, about: str, **settings: Any) -> click.Option:
    return click.Option(list(names), help=about, **settings)


PLACE_OPTIONS: tuple[click.Option, ...] = (
    _option("-c", "--cpus-per-node", type=_COUNT, metavar="N", about="Hardware threads on each node [default: all]."),
    _option("--cores-per-node", type=_COUNT, metavar="N", about="Whole cores on each node [default: all]."),
    _option(
        "--threads-per-core",
        type=click.IntRange(1, MAX_THREADS),
        metavar="N",
        about="Use at most N threads of each core [default: all].",
    ),
    _option("--hint", type=click.Choice(tuple(_HINTS)), about="nomultithread: the same as --threads-per-core 1."),
    _option(
        "--mem-per-node",
        type=Size(),
        metavar="SIZE",
        about="Memory on each node, as 64G [default: all]; in a shared container counted, enforced for all jobs in it together.",
    ),
    _option(
        "--numa",
        type=NumaChoice(),
        metavar="pack|spread|IDS",
        about="Cores from as few NUMA nodes as possible, evenly from all, or from those of these ids, as 0,2 [default: pack].",
    ),
    _option(
        "--hugepages",
        type=PageCount(),
        multiple=True,
        metavar="SIZE:COUNT",
        about="Huge pages on each node, as 2M:512 or 1G:4 [default: none]. Repeatable.",
    ),
    _option("--gpus-per-node", type=click.IntRange(0, MAX_GPUS), metavar="N", about="GPUs on each node, 0: none [default: all]."),
    _option("--tuning", metavar="NAME", about="Node tuning while the job runs, as `hpcsched node` lists [default: the site's]."),
)
"""Of a job that is one process, too, as each sample of a benchmark."""
TASK_OPTIONS: tuple[click.Option, ...] = (
    _option(
        "--ntasks-per-node",
        type=_COUNT,
        metavar="N",
        about="Start the command N times on every node, each bound to its share [default: once, on the first node, unbound].",
    ),
    _option(
        "--cpus-per-task",
        type=_COUNT,
        metavar="N",
        about="Hardware threads for each task [default: an equal share].",
    ),
    _option(
        "--bind",
        type=click.Choice([how.value for how in TaskBind]),
        about="What each task gets for itself; none: all share all [default: cores].",
    ),
)
RESOURCE_OPTIONS = (*PLACE_OPTIONS, *TASK_OPTIONS)


def resource_request(options: Mapping[str, Any]) -> ResourceRequest:
    """Of options by parameter name; what is left out, None or empty has ResourceRequest's default. Raises click.UsageError."""
    found = without_hint({name: value for name, value in options.items() if value not in (None, ())})
    if "bind" in found:
        found["bind"] = TaskBind(found["bind"])
    if "hugepages" in found:
        found["hugepages"] = tuple(dict(found["hugepages"]).items())
    return ResourceRequest(**found)


def without_hint(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with `hint` replaced by what it stands for. Raises click.UsageError when another one says otherwise."""
    rest = dict(options)
    meant = _HINTS[rest.pop("hint")] if "hint" in rest else {}
    for name, value in meant.items():
        if rest.get(name, value) != value:
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"--hint {options['hint']} means {option} {value}, but {option} {rest[name]} is given too")
    return {**rest, **meant}
