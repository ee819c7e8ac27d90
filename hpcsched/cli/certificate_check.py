"""What can be said of a certificate: whether its signature fits, whose it is, and whether it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from hpcsched.bench.certificate import Signed, fingerprint, parse_key
from hpcsched.cli import wording
from hpcsched.cli.context import Context
from hpcsched.errors import InvalidValue, NotFound, Unreachable
from hpcsched.model.node import Node
from hpcsched.sched.certified import condensed, stale


@dataclass(frozen=True, slots=True)
class Finding:
    """`ok`: None where it was left open."""

    ok: bool | None
    text: str

    @property
    def fields(self) -> dict[str, Any]:
        return asdict(self)


def judged(context: Context, signed: Signed, key: str | None, offline: bool) -> Iterator[Finding]:
    """From the signature, without which nothing else counts, to the node as it is now."""
    try:
        signed.check()
    except InvalidValue as error:
        yield Finding(False, str(error))
        return
    certificate = signed.certificate
    yield Finding(True, f"what is signed is unchanged: node {certificate.node}, {wording.moment(certificate.issued)}")
    if key is not None:
        yield _trusted(signed, parse_key(key), "the key that was given")
    if offline:
        if key is None:
            yield Finding(None, f"signed with {fingerprint(signed.key)}: give the key that you trust with --key")
        yield Finding(None, f"whether {certificate.node} is still what was measured was not asked")
        return
    yield from _asked(context, signed, key is None)


def _asked(context: Context, signed: Signed, about_key: bool) -> Iterator[Finding]:
    """Of the controller. One that cannot be reached leaves it open, and the key unless it was given."""
    try:
        with context.client() as client:
            known = client.certificate_key() if about_key else b""
            node = client.node(signed.certificate.node)
    except NotFound:
        yield Finding(False, f"the controller knows no node {signed.certificate.node}")
        return
    except Unreachable as error:
        yield Finding(False if about_key else None, f"not compared with the node and the controller's key: {error}")
        return
    if about_key:
        yield _trusted(signed, known, "the controller's key")
    yield _holds(signed, node)


def _trusted(signed: Signed, key: bytes, whose: str) -> Finding:
    if signed.key == key:
        return Finding(True, f"signed with {whose}, {fingerprint(key)}")
    return Finding(False, f"signed with {fingerprint(signed.key)}, which is not {whose}: do not trust it")


def _holds(signed: Signed, node: Node) -> Finding:
    reason = stale(condensed(signed.certificate, signed.id), node.offer.facts)
    if reason:
        return Finding(False, f"it no longer holds for {node.name}: {reason}; measure again")
    return Finding(True, f"{node.name} is what it was when it was measured")
