"""`hpcsched doctor`."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from hpcsched import plugins
from hpcsched.cli import check_gpu, check_kernel, check_tools
from hpcsched.cli.check import Check, Status
from hpcsched.cli.daemon import config_option, settings
from hpcsched.cli.output import clean, output_option, show_json, show_rows
from hpcsched.cli.up import DEFAULT_STATE
from hpcsched.config import AgentConfig
from hpcsched.hardware import host

_COLOURS = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red"}
_PROGRAMS = (
    ("lstopo-no-graphics", "hwloc", "no topology, so no job can be pinned"),
    ("cc", "gcc libc6-dev", "the supervisor inside containers and the benchmarks cannot be built"),
    ("tar", "tar", "images in tar files cannot be unpacked"),
)
_KERNEL: tuple[Callable[[Path], Check], ...] = (
    check_kernel.kernel,
    check_kernel.overlay,
    check_kernel.cgroups,
    check_kernel.clock,
    check_kernel.huge_pages,
    check_kernel.governor,
    check_kernel.numa_balancing,
    check_kernel.threads,
    check_kernel.swap,
    check_kernel.lxcfs,
)


def examine(state: Path, cdi_dirs: Sequence[str], root: Path = host.ROOT) -> list[Check]:
    """All checks of this host; `state` is the folder whose disk counts."""
    return [*_tools(), *(look(root) for look in _KERNEL), *_room(state, root), check_gpu.summary(cdi_dirs, root)]


def _tools() -> list[Check]:
    return [
        check_tools.root_user(os.geteuid()),
        check_tools.python(sys.version_info[:3]),
        check_tools.entry_points(plugins.names),
        check_tools.liblxc(_liblxc_version),
        *(check_tools.program(*wanted, shutil.which) for wanted in _PROGRAMS),
    ]


def _room(state: Path, root: Path) -> list[Check]:
    folder = next(path for path in (state.absolute(), *state.absolute().parents) if path.exists())
    return [
        check_tools.memlock(resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]),
        check_tools.shared_memory(_shm_size(root), host.online_memory(root)),
        check_tools.disk(folder, shutil.disk_usage(folder).free),
    ]


def _liblxc_version() -> str:
    import lxc

    return str(lxc.version)


def _shm_size(root: Path) -> int:
    path = root / "dev/shm"
    return shutil.disk_usage(path).total if path.is_dir() else 0


def _show_table(checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        click.echo(
            f"{click.style(f'{check.status.value:<4}', _COLOURS[check.status])}  {check.name:<{width}}  {clean(check.found)}"
        )
        if check.cost:
            click.echo(f"{'':<6}{'':<{width}}  costs: {check.cost}\n{'':<6}{'':<{width}}  mend:  {check.mend}")


@click.command(epilog="Example: hpcsched doctor gpu; hpcsched doctor --output plain | grep -v ok")
@click.argument("what", required=False, type=click.Choice(["gpu"]))
@click.option(
    "--state", type=click.Path(path_type=Path), default=DEFAULT_STATE, metavar="DIR", help="Folder whose disk is looked at."
)
@config_option
@output_option
def command(what: str | None, state: Path, path: Path | None, form: str) -> int:
    """Say what this host lacks, what each lack costs, and the command that mends it; exit 1 if jobs cannot run here.

    With `gpu`: each GPU and fabric device, its nodes, driver and place, and what was looked for where there is none. The
    settings say where CDI files lie.

    Plain columns: name, status (ok, warn, fail), what was found, cost, mend.
    """
    cdi_dirs = settings(path, "agent", AgentConfig).cdi_dirs
    checks = check_gpu.examine(cdi_dirs) if what else examine(state, cdi_dirs)
    if form == "json":
        show_json(checks)
    elif form == "plain":
        show_rows([(check.name, check.status.value, check.found, check.cost, check.mend) for check in checks])
    else:
        _show_table(checks)
    return int(any(check.status is Status.FAIL for check in checks))
