"""`hpcsched certificate`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpcsched.cli import live_names, wording
from hpcsched.cli.context import Context
from hpcsched.cli.output import Column, output_option, show
from hpcsched.errors import HpcschedError, InvalidValue
from hpcsched.model.certificate import Figure
from hpcsched.model.certificate_use import ListedCertificate
from hpcsched.model.units import format_figure

if TYPE_CHECKING:
    from hpcsched.cli.certificate_check import Finding

COLUMNS: tuple[Column[ListedCertificate], ...] = (
    Column("ID", lambda item: item.certified.id),
    Column("NODE", lambda item: item.node),
    Column("IMAGE", lambda item: item.certified.image),
    Column("ISSUED", lambda item: wording.moment(item.certified.issued)),
    Column("STATE", lambda item: "STALE" if item.stale else "VALID"),
    Column("FIGURES", lambda item: str(len(item.certified.figures)), right=True),
    Column("WHY", lambda item: item.stale, wide=True),
)
PLAIN = (
    lambda item: item.certified.id,
    lambda item: item.node,
    lambda item: item.certified.image,
    lambda item: wording.seconds(item.certified.issued),
    lambda item: "STALE" if item.stale else "VALID",
    lambda item: item.stale,
)
FIGURES: tuple[Column[Figure], ...] = (
    Column("FIGURE", lambda item: item.name),
    Column("UNIT", lambda item: item.unit),
    Column("BARE METAL", lambda item: format_figure(item.bare), right=True),
    Column("CONTAINER", lambda item: format_figure(item.container), right=True),
    Column("RATIO [95 %]", lambda item: f"{item.ratio:.4f} [{item.low:.4f}, {item.high:.4f}]", right=True),
    Column("COSTS AT MOST", lambda item: f"{item.overhead:.2%}", right=True),
    Column("MARGIN", lambda item: f"±{item.margin:.1%}", right=True),
    Column("PAIRS", lambda item: str(item.pairs), right=True),
    Column("VERDICT", lambda item: item.verdict),
)
FIGURES_PLAIN = (
    lambda item: item.name,
    lambda item: item.unit,
    lambda item: f"{item.bare:g}",
    lambda item: f"{item.container:g}",
    lambda item: f"{item.ratio:.6f}",
    lambda item: f"{item.low:.6f}",
    lambda item: f"{item.high:.6f}",
    lambda item: item.verdict,
)
_out = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to [default: NODE.certificate.json]."
)
_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group(epilog="Example: hpcsched certificate verify n1.certificate.json")
def command() -> None:
    """Signed proofs of what a container costs on a node: make, check and list them."""


@command.command(epilog="Example: hpcsched certificate issue report.json --out n1.certificate.json")
@click.argument("report", type=click.Path(path_type=Path, dir_okay=False), metavar="REPORT")
@_out
@click.pass_obj
def issue(context: Context, report: Path, out: Path | None) -> None:
    """Let the controller sign what a report of `bench run --json` shows, and print the name of the file.

    The report's jobs must be in the controller's accounting, and its node must be what it was when it was measured.
    """
    try:
        body = report.read_bytes()
    except OSError as error:
        raise InvalidValue(f"cannot read {report}: {error.strerror}; write one with `hpcsched bench run --json FILE`") from None
    with context.client() as client:
        file = client.issue_certificate(body)
    click.echo(str(keep(file, out)))


@command.command(epilog="Example: hpcsched certificate verify n1.certificate.json")
@_file
@click.option("--key", metavar="KEY", help="Public key to trust, as `certificate key` prints [default: the controller's].")
@click.option("--offline", is_flag=True, help="Ask no controller: what only it knows is left open.")
@output_option
@click.pass_obj
def verify(context: Context, file: Path, key: str | None, offline: bool, form: str) -> int:
    """Check a certificate: that nobody changed it, whose key signed it, and that its node is still what was measured.

    Exits 1 when it does not hold. Plain columns: valid or invalid, and why not.
    """
    from hpcsched.bench.certificate import Signed
    from hpcsched.cli.certificate_check import judged

    signed = Signed.read(file)
    findings = list(judged(context, signed, key, offline))
    _tell(signed.id, findings, form)
    return int(any(finding.ok is False for finding in findings))


@command.command("show", epilog="Example: hpcsched certificate show n1.certificate.json")
@_file
@output_option
def show_file(file: Path, form: str) -> None:
    """Show the figures of a certificate without checking it.

    Plain columns: figure, unit, bare metal, container, ratio, its 95 % interval, verdict.
    """
    from hpcsched.bench.certificate import Signed

    signed = Signed.read(file)
    if form == "json":
        click.echo(signed.to_json().decode(), nl=False)
        return
    found = signed.certificate
    if form == "table":
        when = wording.moment(found.measured)
        click.echo(f"{signed.id}: node {found.node}, image {found.image}, measured {when}, size {found.size}")
        click.echo("\n".join(f"  {name}: {value}" for name, value in found.facts))
    show(list(found.figures), FIGURES, FIGURES_PLAIN, form)


@command.command("list", epilog="Example: hpcsched certificate list n1")
@click.argument("node", default="", metavar="[NODE]", shell_complete=live_names.nodes)
@output_option
@click.pass_obj
def list_certificates(context: Context, node: str, form: str) -> None:
    """List what is certified, and whether it still holds.

    Plain columns: id, node, image, issued (Unix seconds), VALID or STALE, why.
    """
    with context.client() as client:
        found = client.certificates(node)
    show(found, COLUMNS, PLAIN, form)


@command.command(epilog="Example: hpcsched certificate get 9f86d081884c7d65")
@click.argument("identity", metavar="ID")
@_out
@click.pass_obj
def get(context: Context, identity: str, out: Path | None) -> None:
    """Fetch the file of a certificate again, and print its name."""
    with context.client() as client:
        click.echo(str(keep(client.certificate(identity), out)))


@command.command(epilog="Example: hpcsched certificate revoke 9f86d081884c7d65")
@click.argument("identity", metavar="ID")
@click.pass_obj
def revoke(context: Context, identity: str) -> None:
    """Withdraw a certificate: its node no longer shows it, and no job finds its figures."""
    with context.client() as client:
        client.revoke_certificate(identity)


@command.command(epilog="Example: hpcsched certificate key")
@click.pass_obj
def key(context: Context) -> None:
    """Print the controller's public key, to check certificates elsewhere."""
    from hpcsched.bench.certificate import fingerprint

    with context.client() as client:
        click.echo(fingerprint(client.certificate_key()))


def keep(file: bytes, out: Path | None) -> Path:
    """Write a certificate's file, by default into this folder under its node's name. Raises HpcschedError."""
    from hpcsched.bench.certificate import Signed

    path = out or Path(f"{Signed.from_json(file).certificate.node}.certificate.json")
    try:
        path.write_bytes(file)
    except OSError as error:
        raise HpcschedError(f"cannot write {path}: {error.strerror}") from None
    return path


def _tell(identity: str, findings: Sequence[Finding], form: str) -> None:
    wrong = [finding for finding in findings if finding.ok is False]
    if form == "json":
        body = {"id": identity, "valid": not wrong, "findings": [finding.fields for finding in findings]}
        click.echo(json.dumps(body, indent=2))
    elif form == "plain":
        click.echo("\t".join(("invalid" if wrong else "valid", "; ".join(finding.text for finding in wrong))))
    else:
        marks = {True: click.style("✓", fg="green"), False: click.style("✗", fg="red"), None: "·"}
        click.echo("\n".join(f"{marks[finding.ok]} {finding.text}" for finding in findings))
