"""Fair share over a tree of accounts and users, as Slurm's Fair Tree has it (https://slurm.schedmd.com/fair_tree.html).

Siblings are ordered by their level fair share S / U: S is one's part of the siblings' shares, U one's part of what the siblings
used. Whoever is below an account comes before whoever is below a sibling with a lower figure, however much each one used. Walking
the tree in that order ranks the users; a user's factor is the rank, counted from the end, over the number of users.

Ties: users with the same figure have the same rank; accounts with the same figure are walked as if they were one; users stand
before accounts, and the first of such an account has their rank.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hpcsched.model.site import Site
from hpcsched.sched.fairfactors import User, fair_factors, shares_of_users


@dataclass(slots=True)
class Member:
    """An account (`user` empty) or a user in it. `usage`: node seconds, of all below an account. `factor`: of users only."""

    account: str
    user: str
    shares: int
    depth: int
    usage: float = 0.0
    shares_part: float = 1.0
    usage_part: float = 0.0
    level: float = math.inf
    factor: float = 0.0
    below: list[Member] = field(default_factory=list)


def fair_tree(site: Site, usage: Mapping[User, float], others: Iterable[User] = ()) -> Member:
    """The root, with all figures. Accounts that the site does not name are below the root with one share, as are users it does
    not list below their account."""
    others = set(others)
    root = _built(site, sorted({*usage, *others}), usage)
    _add_up(root)
    factors = fair_factors(site, usage, others)
    for member in walk(root):
        member.factor = factors.get((member.account, member.user), 0.0) if member.user else 0.0
    return root


def walk(member: Member) -> Iterator[Member]:
    """All below it, each account before what is in it."""
    for item in member.below:
        yield item
        yield from walk(item)


def _built(site: Site, used: Sequence[User], usage: Mapping[User, float]) -> Member:
    root = Member("", "", 1, 0)
    accounts = _accounts(site, used, root)
    for (account_name, name), shares in sorted(shares_of_users(site, used, ()).items()):
        above = accounts[account_name]
        above.below.append(Member(account_name, name, shares, above.depth + 1, max(0.0, usage.get((account_name, name), 0.0))))
    return root


def _accounts(site: Site, used: Sequence[User], root: Member) -> dict[str, Member]:
    """By name, hung below one another."""
    settled = {item.name: item for item in site.accounts}
    made: dict[str, Member] = {}

    def put(name: str) -> Member:
        if name not in made:
            above = put(settled[name].parent) if name in settled and settled[name].parent else root
            made[name] = Member(name, "", settled[name].shares if name in settled else 1, above.depth + 1)
            above.below.append(made[name])
        return made[name]

    for name in [*settled, *(account for account, _ in used)]:
        put(name)
    return made


def _add_up(member: Member) -> None:
    for item in member.below:
        _add_up(item)
    if member.below:
        member.usage = math.fsum(item.usage for item in member.below)
    shares = sum(item.shares for item in member.below)
    for item in member.below:
        item.shares_part = item.shares / shares
        item.usage_part = item.usage / member.usage if member.usage else 0.0
        item.level = item.shares_part / item.usage_part if item.usage_part else math.inf
