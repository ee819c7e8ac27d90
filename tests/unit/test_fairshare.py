"""Fair share over accounts and users, as Slurm's Fair Tree ranks them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.model.site import Account, Site
from hpcsched.sched.fairfactors import fair_factors
from hpcsched.sched.fairshare import Member, fair_tree, walk


def site(*accounts: Account) -> Site:
    return Site(accounts=accounts)


def listed(*names: str) -> tuple[tuple[str, int], ...]:
    return tuple((name, 1) for name in names)


def test_a_published_account_comes_out_with_its_figures() -> None:
    """An account of EPFL's SCITAS as sshare showed it: 23 shares, 1376 s used by three of its users, whose level figures were
    0.173913, 0.170455 and 0.087848; eleven users without usage shared one rank, and the three stood 11, 12 and 13 below it."""
    idle = [f"idle{number}" for number in range(11)]
    account = Account("scitas", users=listed(*idle, "eroche", "qubit", "rezzonic"))
    tree = fair_tree(
        site(account, Account("rest", parent="scitas", shares=9)),
        {("scitas", "eroche"): 344.0, ("scitas", "qubit"): 351.0, ("scitas", "rezzonic"): 681.0},
    )
    members = {member.user: member for member in walk(tree) if member.user}
    figures = {name: members[name].level for name in ("eroche", "qubit", "rezzonic")}
    assert figures == {name: pytest.approx(figure, abs=2e-5) for name, figure in zip(figures, _FIGURES, strict=True)}
    assert {members[name].factor for name in idle} == {1.0}
    assert [round(members[name].factor * 14) for name in figures] == [3, 2, 1]


_FIGURES = (0.173913, 0.170455, 0.087848)


def test_users_of_the_account_that_used_less_than_its_share_are_all_ahead() -> None:
    tree = site(Account("a", shares=3, users=listed("heavy", "light")), Account("b", users=listed("lazy", "busy")))
    used = {("a", "heavy"): 500.0, ("a", "light"): 0.0, ("b", "lazy"): 1.0, ("b", "busy"): 499.0}
    found = fair_factors(tree, used)
    assert sorted(found, key=found.__getitem__, reverse=True) == [("a", "light"), ("a", "heavy"), ("b", "lazy"), ("b", "busy")]
    assert [found[user] for user in (("a", "light"), ("b", "busy"))] == [1.0, 0.25]


def test_shares_within_an_account_count() -> None:
    tree = site(Account("a", users=(("two", 2), ("one", 1))))
    found = fair_factors(tree, {("a", "two"): 150.0, ("a", "one"): 100.0})
    assert found["a", "two"] > found["a", "one"]


def test_tied_accounts_are_walked_as_one() -> None:
    tree = site(Account("a", users=listed("u", "v")), Account("b", users=listed("w", "x")))
    found = fair_factors(tree, {("a", "u"): 10.0, ("a", "v"): 30.0, ("b", "w"): 10.0, ("b", "x"): 30.0})
    assert found == {("a", "u"): 1.0, ("b", "w"): 1.0, ("a", "v"): 0.5, ("b", "x"): 0.5}


def test_a_user_tied_with_an_account_shares_the_rank_of_its_first_user() -> None:
    tree = site(Account("a", users=listed("u")), Account("b", parent="a", users=listed("v", "w")))
    found = fair_factors(tree, {("a", "u"): 100.0, ("b", "v"): 10.0, ("b", "w"): 90.0})
    assert found == {("a", "u"): 1.0, ("b", "v"): 1.0, ("b", "w"): pytest.approx(1 / 3)}


def test_who_is_not_listed_has_one_share_in_the_account() -> None:
    tree = site(Account("a", users=()))
    found = fair_factors(tree, {("a", "u"): 1.0}, [("a", "new"), ("gone", "v")])
    assert found == {("a", "new"): pytest.approx(2 / 3), ("gone", "v"): 1.0, ("a", "u"): pytest.approx(1 / 3)}


def test_without_users_there_is_no_factor() -> None:
    assert fair_factors(Site(), {}) == {}


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])


@st.composite
def trees(draw: st.DrawFn) -> Site:
    names = ["a", "b", "c", "d", "e"][: draw(st.integers(0, 5))]
    accounts = []
    for index, name in enumerate(names):
        parent = draw(st.sampled_from(["", *names[:index]]))
        users = draw(st.dictionaries(st.sampled_from("uvwx"), st.integers(1, 5), max_size=3))
        accounts.append(Account(name, parent, draw(st.integers(1, 5)), tuple(users.items())))
    return site(*accounts)


USAGE = st.dictionaries(st.tuples(NAMES, st.sampled_from("uvwx")), st.integers(0, 50).map(float), max_size=12)


@given(trees(), USAGE)
def test_all_users_below_the_sibling_with_the_higher_figure_rank_above(tree: Site, usage: dict[tuple[str, str], float]) -> None:
    root = fair_tree(tree, usage)
    for above in [root, *walk(root)]:
        for one in above.below:
            for other in above.below:
                if one.level > other.level:
                    assert min(users(one), default=2.0) > max(users(other), default=-1.0)


def users(member: Member) -> list[float]:
    return [item.factor for item in [member, *walk(member)] if item.user]


@given(trees(), USAGE, st.sampled_from([0.125, 0.5, 2.0, 1024.0]))
def test_only_the_ratios_of_what_was_used_count(tree: Site, usage: dict[tuple[str, str], float], scale: float) -> None:
    assert fair_factors(tree, usage) == fair_factors(tree, {user: used * scale for user, used in usage.items()})


@given(trees(), USAGE, st.randoms())
def test_the_order_of_tables_and_of_usage_does_not_count(tree: Site, usage: dict[tuple[str, str], float], random: object) -> None:
    turned = site(*reversed(tree.accounts))
    assert fair_factors(turned, dict(reversed(usage.items()))) == fair_factors(tree, usage)


@given(trees(), USAGE)
def test_factors_are_ranks_over_the_number_of_users(tree: Site, usage: dict[tuple[str, str], float]) -> None:
    found = fair_factors(tree, usage)
    ranks = sorted((round(factor * len(found)) for factor in found.values()), reverse=True)
    for place, rank in enumerate(ranks):
        assert rank == len(found) - ranks.index(rank), place
    assert set(usage) <= set(found)


@given(trees(), USAGE)
def test_what_is_used_below_an_account_is_its_own(tree: Site, usage: dict[tuple[str, str], float]) -> None:
    root = fair_tree(tree, usage)
    assert math.isclose(root.usage, sum(usage.values()))
    assert all(math.isclose(sum(item.shares_part for item in above.below), 1) for above in walk(root) if above.below)
