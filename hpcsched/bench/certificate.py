"""Certificates: made from a report, signed with Ed25519 (RFC 8032), checked by whoever has the public key.

A file is JSON: `certificate` (what is signed), `key` (the public key) and `signature`, both base64. Signed are the bytes of
`certificate` as JSON with sorted keys and no white space.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hpcsched.bench.from_file import from_file
from hpcsched.bench.result import Result
from hpcsched.bench.verdict import Comparison, Verdict
from hpcsched.errors import ConfigError, InvalidValue
from hpcsched.model.certificate import SCHEMA, Certificate, Figure
from hpcsched.model.node import NodeOffer
from hpcsched.sched.certified import facts_for, image_fact

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAX_FILE = 4 << 20
MAX_FIGURES = 2000
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Signed:
    """`key` and `signature` as bytes: 32 and 64."""

    certificate: Certificate
    key: bytes
    signature: bytes

    @property
    def id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of what is signed."""
        return hashlib.sha256(canonical(self.certificate)).hexdigest()[:16]

    def to_json(self) -> bytes:
        body = {"certificate": self.certificate, "key": _text(self.key), "signature": _text(self.signature)}
        return msgspec.json.format(msgspec.json.encode(body), indent=1) + b"\n"

    @classmethod
    def from_json(cls, body: bytes) -> Signed:
        """Not checked yet. Raises InvalidValue when it is no certificate of this version."""
        if len(body) > MAX_FILE:
            raise InvalidValue(f"this is no certificate: {len(body)} bytes, at most {MAX_FILE}")
        try:
            found = msgspec.json.decode(body, type=_File)
            if found.certificate.schema != SCHEMA:
                raise InvalidValue(f"a certificate of schema {found.certificate.schema}: this version reads {SCHEMA}")
            return cls(found.certificate, _bytes(found.key), _bytes(found.signature))
        except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error) as error:
            raise InvalidValue(f"this is no certificate: {error}") from None

    @classmethod
    def read(cls, path: Path) -> Signed:
        """Raises InvalidValue that names the file."""
        return from_file(path, cls.from_json)

    def check(self) -> None:
        """That the key signed just this. Raises InvalidValue."""
        from cryptography.exceptions import InvalidSignature

        try:
            _public(self.key).verify(self.signature, canonical(self.certificate))
        except InvalidSignature:
            raise InvalidValue(
                "the signature does not fit the certificate: it was changed after it was signed; do not trust it"
            ) from None


class _File(msgspec.Struct):
    certificate: Certificate
    key: str
    signature: str


def canonical(certificate: Certificate) -> bytes:
    """What is signed."""
    return msgspec.json.encode(msgspec.to_builtins(certificate), order="sorted")


def certificate_of(result: Result, comparisons: Iterable[Comparison], now: float, version: str) -> Certificate:
    """For the node of the report. Raises InvalidValue where it shows nothing that could be certified."""
    if result.handicap:
        raise InvalidValue(f"the container was burdened on purpose ({result.handicap}): such a run certifies nothing")
    if not result.nodes:
        raise InvalidValue("nothing was measured, so there is nothing to certify: mend what the report names as failed or absent")
    if len(result.nodes) != 1:
        raise InvalidValue(f"the report is of {len(result.nodes)} nodes, a certificate of one: measure with --nodelist NODE")
    figures = tuple(figures_of(comparisons))
    if not 1 <= len(figures) <= MAX_FIGURES:
        raise InvalidValue("the report has no metric with an interval: measure at least 6 pairs, in arms that are alike")
    node, digest = result.nodes[0], hashlib.sha256(result.to_json()).hexdigest()
    facts = facts_for(node.facts, result.image)
    if image_fact(result.image) not in dict(facts):
        raise InvalidValue(_no_digest(f"node {node.name} has no digest", result.image))
    return Certificate(node.name, result.image, facts, figures, str(result.size), result.started, now, digest, version)


def check_image(nodes: Iterable[NodeOffer], image: str) -> None:
    """Before hours of measuring: that one of them could be certified for it. Raises InvalidValue."""
    if not any(image_fact(image) in dict(node.facts) for node in nodes):
        raise InvalidValue(_no_digest("none of the nodes has a digest", image))


def _no_digest(what: str, image: str) -> str:
    return (
        f"{what} of image {image}, which a certificate hangs on: put an archive, or a folder "
        "with etc/os-release or a package database, into [agent] image_dir, restart the agent, and measure it by its name"
    )


def figures_of(comparisons: Iterable[Comparison]) -> Iterator[Figure]:
    """Of metrics that have an interval and whose arms were alike."""
    for found in comparisons:
        ratio = found.ratio
        if found.verdict is Verdict.VOID or ratio.estimate is None or ratio.wide is None or not found.bare or not found.container:
            continue
        yield Figure(
            name=f"{found.benchmark}.{found.metric.name}",
            unit=found.metric.unit,
            higher_is_better=found.metric.higher_is_better,
            bare=found.bare,
            container=found.container,
            ratio=ratio.estimate,
            low=ratio.wide.low,
            high=ratio.wide.high,
            margin=found.margin,
            pairs=ratio.pairs,
            verdict=str(found.verdict),
        )


class Signer:
    """With the private key of a file (PKCS #8, PEM), which is made where there is none. Raises ConfigError."""

    def __init__(self, file: Path) -> None:
        self._key = _load(file) if file.exists() else _make(file)

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, certificate: Certificate) -> Signed:
        return Signed(certificate, self.public, self._key.sign(canonical(certificate)))


def fingerprint(key: bytes) -> str:
    """`ed25519:` and the key in hexadecimal."""
    return f"ed25519:{key.hex()}"


def parse_key(text: str) -> bytes:
    """Of `fingerprint`, with or without `ed25519:`. Raises InvalidValue."""
    try:
        key = bytes.fromhex(text.strip().removeprefix("ed25519:"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise InvalidValue(f"bad key {text[:40]!r}: give what `hpcsched certificate key` prints")
    return key


def _load(file: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        if file.stat().st_mode & 0o077:
            raise ConfigError(f"others can read the key {file}: chmod 600 it, or remove it to get a new one")
        found: Any = load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"cannot use {file} as the key for certificates: {error}") from None
    if not isinstance(found, Ed25519PrivateKey):
        raise ConfigError(f"{file} is no Ed25519 key: make one with `openssl genpkey -algorithm ed25519`, or remove it")
    return found


def _make(file: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _MODE), "wb") as out:
            out.write(pem)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise ConfigError(f"cannot make the key for certificates {file}: {error.strerror}") from None
    return key


def _public(key: bytes) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        return Ed25519PublicKey.from_public_bytes(key)
    except ValueError as error:
        raise InvalidValue(f"this is no Ed25519 key: {error}") from None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
