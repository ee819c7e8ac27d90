"""The factors of `fairshare` for many users at once: those of one account in arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hpcsched.model.site import Site

User = tuple[str, str]
"""Account and name."""
_Floats = NDArray[np.float64]


@dataclass(slots=True)
class _Account:
    """`users`: their places in the list of all; `levels`: the level fair share of each."""

    shares: int = 1
    users: list[int] = field(default_factory=list)
    below: list[_Account] = field(default_factory=list)
    usage: float = 0.0
    level: float = math.inf
    levels: _Floats = field(default_factory=lambda: np.empty(0))


def fair_factors(site: Site, usage: Mapping[User, float], others: Iterable[User] = ()) -> dict[User, float]:
    """0..1 of each user that the site or `usage` names, or that `others` adds without any usage."""
    users = shares_of_users(site, usage, others)
    root = _tree(site, list(users))
    used = np.maximum(np.array([usage.get(user, 0.0) for user in users]), 0.0)
    _add_up(root, np.array(list(users.values()), np.float64), used)
    ranks = _Ranks(len(users))
    ranks.visit([root], tied=False)
    return dict(zip(users, ranks.factors.tolist(), strict=True))


def shares_of_users(site: Site, usage: Iterable[User], others: Iterable[User]) -> dict[User, int]:
    """Those that the site does not list have one."""
    users = dict.fromkeys(usage, 1)
    users.update(dict.fromkeys(others, 1))
    for account in site.accounts:
        users.update({(account.name, name): shares for name, shares in account.users})
    return users


def _tree(site: Site, users: Sequence[User]) -> _Account:
    """Accounts that the site does not name are below the root with one share."""
    made = {item.name: _Account(item.shares) for item in site.accounts}
    for place, (name, _) in enumerate(users):
        if name not in made:
            made[name] = _Account()
        made[name].users.append(place)
    parents, root = {item.name: item.parent for item in site.accounts}, _Account()
    for name, account in made.items():
        (made[parents[name]] if parents.get(name) else root).below.append(account)
    return root


def _add_up(account: _Account, shares: _Floats, used: _Floats) -> None:
    for item in account.below:
        _add_up(item, shares, used)
    mine = used[account.users]
    account.usage = math.fsum((*mine.tolist(), *(item.usage for item in account.below)))
    whole = float(shares[account.users].sum()) + sum(item.shares for item in account.below)
    account.levels = _levels(shares[account.users], mine, whole, account.usage)
    below = [(float(item.shares), item.usage) for item in account.below]
    levels = _levels(np.array([part for part, _ in below]), np.array([part for _, part in below]), whole, account.usage)
    for item, level in zip(account.below, levels.tolist(), strict=True):
        item.level = level


def _levels(shares: _Floats, used: _Floats, whole: float, usage: float) -> _Floats:
    """Of siblings whose shares and usage are these parts of those."""
    parts = used / usage if usage else np.zeros(len(used))
    found = np.full(len(used), math.inf)
    np.divide(shares / whole if whole else shares, parts, out=found, where=parts > 0)
    return found


class _Ranks:
    """Hands out ranks from the number of users down; those who are tied get the one of the first of them."""

    def __init__(self, count: int) -> None:
        self._count = self._left = self._rank = count
        self.factors = np.zeros(count)

    def visit(self, accounts: Sequence[_Account], tied: bool) -> None:
        """All below these, which count as one. `tied`: the first of them has the rank of the user before."""
        users = np.array([place for account in accounts for place in account.users], np.intp)
        levels = np.concatenate([np.empty(0), *(account.levels for account in accounts)])
        order = np.argsort(-levels, kind="stable")
        users, levels, begin = users[order], levels[order], 0
        for level, below in _by_level(accounts):
            end = int(np.searchsorted(-levels, -level, side="right"))
            self._give(users[begin:end], levels[begin:end], tied)
            first = end == 0 and tied if begin == 0 else False
            self.visit(below, bool(end > begin and levels[end - 1] == level) or first)
            begin, tied = end, False
        self._give(users[begin:], levels[begin:], tied)

    def _give(self, users: NDArray[np.intp], levels: _Floats, tied: bool) -> None:
        """To users by falling level."""
        if not len(users):
            return
        places = np.arange(len(users))
        begins = np.concatenate(([True], levels[1:] != levels[:-1]))
        ranks = self._left - np.maximum.accumulate(np.where(begins, places, 0))
        if tied:
            ranks[levels == levels[0]] = self._rank
        self.factors[users] = ranks / self._count
        self._left, self._rank = self._left - len(users), int(ranks[-1])


def _by_level(accounts: Sequence[_Account]) -> list[tuple[float, list[_Account]]]:
    """What is below them, the highest level first."""
    found: dict[float, list[_Account]] = {}
    for account in accounts:
        for item in account.below:
            found.setdefault(item.level, []).append(item)
    return sorted(found.items(), key=lambda pair: -pair[0])
