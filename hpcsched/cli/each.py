"""One call on each of several things, of which some may fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from hpcsched.errors import HpcschedError, Unreachable

T = TypeVar("T")


def for_each(items: Iterable[T], call: Callable[[T], Any]) -> int:
    """Call for every item, print what failed, and return 1 if any did. Raises Unreachable at once."""
    failed = 0
    for item in items:
        try:
            call(item)
        except Unreachable:
            raise
        except HpcschedError as error:
            click.echo(f"hpcsched: {error}", err=True)
            failed = 1
    return failed
