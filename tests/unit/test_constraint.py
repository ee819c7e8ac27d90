"""Constraints over the features of nodes."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.sched.constraint import All, Any, Expression, Feature, Not, matches, names, parse, require_known

WORDS = st.sampled_from(["epyc", "ib", "gpu", "old"])


@pytest.mark.parametrize(
    ("text", "features", "expected"),
    [
        ("", "", True),
        ("epyc", "epyc", True),
        ("epyc", "ib", False),
        ("epyc&ib", "epyc", False),
        ("epyc,ib", "epyc ib", True),
        ("epyc | ib&gpu", "epyc", True),
        ("(epyc|ib)&gpu", "epyc", False),
        ("!old", "epyc", True),
        ("!(old|epyc)&ib", "ib", True),
        ("!!old", "old", True),
    ],
)
def test_a_constraint_says_which_nodes_it_takes(text: str, features: str, expected: bool) -> None:
    assert matches(parse(text), features.split()) is expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epyc&", "character 6: a feature of at most 64 characters is missing"),
        ("&epyc", "character 1: a feature of at most 64 characters is missing before '&'"),
        ("(epyc", "character 6: a ')' is missing"),
        ("epyc)", "character 5: ')' is not expected here"),
        ("epyc ib", "character 6: 'ib' is not expected here"),
        ("[a|b]", "character 1: '[' is not expected here: counts and [a|b] are not supported"),
        ("epyc*4", "character 5: '*' is not expected here: counts"),
        ("epyc&é", "character 6: 'é' is not expected here"),
        ("x" * 65, "a feature of at most 64 characters"),
        ("x&" * 600 + "x", "the constraint has 1201 characters, at most 1024"),
        ("(" * 40 + "x" + ")" * 40, "nested deeper than 32"),
        ("!" * 400 + "x", "nested deeper than 32"),
    ],
)
def test_a_bad_constraint_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidValue) as error:
        parse(text)
    assert said in str(error.value)


def expressions() -> st.SearchStrategy[Expression]:
    parts = lambda inner: st.lists(inner, min_size=2, max_size=3).map(tuple)  # noqa: E731
    return st.recursive(
        WORDS.map(Feature),
        lambda inner: st.one_of(inner.map(Not), parts(inner).map(All), parts(inner).map(Any)),
        max_leaves=8,
    )


def written(expression: Expression) -> str:
    match expression:
        case Feature(name):
            return name
        case Not(part):
            return f"!({written(part)})"
        case All(parts):
            return "&".join(f"({written(part)})" for part in parts)
        case Any(parts):
            return "|".join(f"({written(part)})" for part in parts)


@given(expressions())
def test_a_constraint_reads_as_it_was_written(expression: Expression) -> None:
    assert parse(written(expression)) == expression


@given(WORDS, WORDS, WORDS, st.sets(WORDS))
def test_and_binds_closer_than_or(a: str, b: str, c: str, features: set[str]) -> None:
    assert matches(parse(f"{a}|{b}&{c}"), features) is (a in features or (b in features and c in features))


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    with suppress(InvalidValue):
        assert set(names(parse(text))) <= set(re.findall(r"[\w.:+=-]+", text))


def test_a_feature_that_no_node_has_is_refused_with_those_there_are() -> None:
    require_known("epyc&!ib", ["epyc", "ib"])
    with pytest.raises(Infeasible, match="no node has the feature 'gpu'; this cluster has: epyc, ib"):
        require_known("epyc|gpu", ["ib", "epyc"])
    assert list(names(parse("a&(b|!c)"))) == ["a", "b", "c"]
