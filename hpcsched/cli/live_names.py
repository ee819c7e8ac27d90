"""Tab completion with what the controller knows now; without a controller there is nothing to offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from hpcsched.cli.context import Context
from hpcsched.errors import HpcschedError

if TYPE_CHECKING:
    from hpcsched.client.client import Client

TIMEOUT_S = 1.0
MOST = 1000
Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
Found = Iterable[tuple[str, str]]
"""Names, each with a few words on it."""


def _completing(find: Callable[[Client], Found]) -> Complete:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        context = ctx.find_object(Context) or Context(ctx.find_root().params.get("address") or "")
        try:
            with context.client() as client:
                client.timeout_s = TIMEOUT_S
                found = list(find(client))
        except HpcschedError:
            return []
        return [CompletionItem(name, help=about) for name, about in found if name.startswith(incomplete)]

    return complete


def _jobs(client: Client) -> Found:
    return ((str(job.id), f"{job.spec.title} {job.state}") for job in client.jobs(limit=MOST))


def _accounts(client: Client) -> Found:
    return dict.fromkeys((share.account, "") for share in client.shares() if share.account)


def _features(client: Client) -> Found:
    return dict.fromkeys((word, "") for node in client.nodes() for word in node.offer.features)


def _last_of(separators: str, complete: Complete) -> Complete:
    """Of a text with several names the last one; those before it stay."""

    def of_the_last(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        at = max(map(incomplete.rfind, separators)) + 1
        found = complete(ctx, param, incomplete[at:])
        return [CompletionItem(incomplete[:at] + item.value, help=item.help) for item in found]

    return of_the_last


jobs = _completing(_jobs)
nodes = _completing(lambda client: ((node.name, node.state.value) for node in client.nodes()))
some_nodes = _last_of(",", nodes)
constraint = _last_of("&|!(,", _completing(_features))
partitions = _completing(lambda client: ((use.partition.name, use.partition.state.value) for use in client.partitions()))
qos = _completing(lambda client: ((use.qos.name, "") for use in client.qos()))
accounts = _completing(_accounts)
some_accounts = _last_of(",", accounts)
reservations = _completing(lambda client: ((item.name, item.comment) for item in client.reservations()))
