"""`hpcsched bench schema`."""

from __future__ import annotations

import click


@click.command(epilog="Example: hpcsched bench schema > bench.schema.json")
def schema() -> None:
    """Print the JSON Schema of what `bench run --json` writes."""
    from hpcsched.bench.schema import schema_text

    click.echo(schema_text(), nl=False)
