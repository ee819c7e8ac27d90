"""Constraints over the features of nodes, as `epyc&(ib|opa)&!old`: `!` binds closest, then `&` (or `,`), then `|`.

Slurm's --constraint (sbatch(1)) with brackets for the order, without its counts and matching lists.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from hpcsched.errors import Infeasible, InvalidValue

MAX_LENGTH = 1024
MAX_DEPTH = 32
FEATURE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+=-]{0,63}", re.ASCII)
_TOKEN = re.compile(r"\s*([A-Za-z0-9_][A-Za-z0-9_.:+=-]*|[&,|!()])\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Feature:
    name: str


@dataclass(frozen=True, slots=True)
class Not:
    part: Expression


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple[Expression, ...]


Expression = Feature | Not | All | Any
"""All() of nothing is what an empty text means: every node."""


@lru_cache(4096)
def parse(text: str) -> Expression:
    """Raises InvalidValue that points at the place."""
    if not text.strip():
        return All(())
    if len(text) > MAX_LENGTH:
        raise InvalidValue(f"the constraint has {len(text)} characters, at most {MAX_LENGTH}")
    return _Parser(text).whole()


def matches(expression: Expression, features: Collection[str]) -> bool:
    """A node with these features is one that it asks for."""
    match expression:
        case Feature(name):
            return name in features
        case Not(part):
            return not matches(part, features)
        case All(parts):
            return all(matches(part, features) for part in parts)
        case Any(parts):
            return any(matches(part, features) for part in parts)


def names(expression: Expression) -> Iterator[str]:
    """The features that it names, from left to right."""
    match expression:
        case Feature(name):
            yield name
        case Not(part):
            yield from names(part)
        case All(parts) | Any(parts):
            for part in parts:
                yield from names(part)


def require_known(text: str, features: Iterable[str] | None) -> None:
    """`features`: all that nodes of this cluster have; None: there is no node yet. Raises InvalidValue, and Infeasible that names
    one that none has."""
    asked, known = list(names(parse(text))), set(features or ())
    for name in asked if features is not None else ():
        if name not in known:
            listed = ", ".join(sorted(known)[:50]) or "none (set [agent] features)"
            raise Infeasible(f"constraint {text!r}: no node has the feature {name!r}; this cluster has: {listed}")


class _Parser:
    """One alternative is `a&b|c`: what `|` parts, of what `&` parts, of names, `!` and brackets."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._scan())
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        found = self._either()
        if self._peek():
            raise self._error(f"{self._peek()!r} is not expected here")
        return found

    def _scan(self) -> Iterator[tuple[str, int]]:
        at = 0
        while at < len(self._text):
            match = _TOKEN.match(self._text, at)
            if match is None:
                raise InvalidValue(f"{self._where(at)}: {self._text[at]!r} is not expected here{_hint(self._text[at])}")
            yield match[1], match.start(1)
            at = match.end()

    def _either(self) -> Expression:
        parts = [self._both()]
        while self._take("|"):
            parts.append(self._both())
        return Any(tuple(parts)) if len(parts) > 1 else parts[0]

    def _both(self) -> Expression:
        parts = [self._one()]
        while self._take("&") or self._take(","):
            parts.append(self._one())
        return All(tuple(parts)) if len(parts) > 1 else parts[0]

    def _one(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"nested deeper than {MAX_DEPTH}")
        found = self._not_or_name()
        self._depth -= 1
        return found

    def _not_or_name(self) -> Expression:
        if self._take("!"):
            return Not(self._one())
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise self._error("a ')' is missing")
            return inner
        return self._name()

    def _name(self) -> Expression:
        word = self._peek()
        if not FEATURE.fullmatch(word):
            raise self._error(f"a feature of at most 64 characters is missing{f' before {word!r}' if word else ''}")
        self._at += 1
        return Feature(word)

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _take(self, token: str) -> bool:
        there = self._peek() == token
        self._at += there
        return there

    def _error(self, what: str) -> InvalidValue:
        at = self._tokens[self._at][1] if self._at < len(self._tokens) else len(self._text)
        return InvalidValue(f"{self._where(at)}: {what}")

    def _where(self, at: int) -> str:
        return f"bad constraint {self._text!r}, character {at + 1}"


def _hint(letter: str) -> str:
    return ": counts and [a|b] are not supported, use & | ! and brackets ( )" if letter in "[]*" else ""
