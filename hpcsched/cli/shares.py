"""`hpcsched shares`."""

from __future__ import annotations

from collections.abc import Callable

import click

from hpcsched.cli.context import Context
from hpcsched.cli.limits import limits
from hpcsched.cli.output import Column, output_option, show
from hpcsched.model.site_use import Share

HOUR = 3600.0


def _account(item: Share) -> str:
    return item.account or "default"


def _indented(item: Share) -> str:
    return "  " * (item.depth - 1) + (item.user or _account(item) + "/")


def _level(item: Share) -> str:
    return "inf" if item.level is None else f"{item.level:.4f}"


def _factor(item: Share) -> str:
    return f"{item.factor:.4f}" if item.user else ""


COLUMNS: tuple[Column[Share], ...] = (
    Column("ACCOUNT/USER", _indented),
    Column("SHARES", lambda item: str(item.shares), right=True),
    Column("PART", lambda item: f"{100 * item.shares_part:.1f}%", right=True),
    Column("NODE HOURS", lambda item: f"{item.usage / HOUR:.2f}", right=True),
    Column("USED", lambda item: f"{100 * item.usage_part:.1f}%", right=True),
    Column("LEVEL FS", _level, right=True),
    Column("FACTOR", _factor, right=True),
)
LIMITS: Column[Share] = Column("LIMITS", lambda item: limits(item.limits), wide=True)
PLAIN: tuple[Callable[[Share], str], ...] = (
    _account,
    lambda item: item.user,
    lambda item: str(item.shares),
    lambda item: f"{item.usage:.0f}",
    _level,
    _factor,
)


@click.command(epilog="Example: hpcsched shares")
@output_option
@click.pass_obj
def command(context: Context, form: str) -> None:
    """Show the tree of accounts and users, what each may use, what each has used, and the fair share factor of each user.

    PART and USED are among those beside it; LEVEL FS is PART over USED: above 1, it has used less than its share. Whoever is
    below an account with a higher figure comes before whoever is below one with a lower one. What was used fades with half_life.
    LIMITS are the account's, where any account has some.

    Plain columns: account, user (empty: the account itself), shares, node seconds, level figure, factor.
    """
    with context.client() as client:
        found = client.shares()
    limited = any(limits(item.limits) for item in found)
    show(found, (*COLUMNS, LIMITS) if limited else COLUMNS, PLAIN, form)
