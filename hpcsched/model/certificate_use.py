"""A certificate as a list shows it."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.model.certificate import Certified


@dataclass(frozen=True, slots=True)
class ListedCertificate:
    """`stale`: why it no longer holds for its node; empty: it does."""

    node: str
    certified: Certified
    stale: str = ""
