"""`hpcsched journal`."""

from __future__ import annotations

from pathlib import Path

import click

from hpcsched.cli.output import output_option, show_facts


@click.group(epilog="Example: hpcsched journal salvage /var/lib/hpcsched/controller")
def command() -> None:
    """Mend what the controller keeps on disk."""


@command.command(epilog="Example: hpcsched journal salvage /var/lib/hpcsched/controller --to /var/lib/hpcsched/mended")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--to", "target", type=click.Path(path_type=Path), metavar="DIR", help="New folder [default: DIR.salvaged].")
@output_option
def salvage(folder: Path, target: Path | None, form: str) -> None:
    """Copy what is whole of a damaged journal into a new folder; the old one is left as it is.

    DIR is the controller's `state_dir`; no controller may run on it.
    """
    from hpcsched.stores.salvage import salvage as save

    report = save(folder, target or folder.with_name(f"{folder.name}.salvaged"))
    show_facts(_facts(report), form, report)


def _facts(report: object) -> list[tuple[str, str]]:
    from hpcsched.cli.fields import plain_data

    return [(name, str(value)) for name, value in plain_data(report).items()]
