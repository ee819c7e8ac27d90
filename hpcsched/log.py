"""Logging of the daemons: one line each, to stderr."""

from __future__ import annotations

import logging
import sys


def setup(verbose: bool = False) -> None:
    """Send warnings, with `verbose` everything, to stderr."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
