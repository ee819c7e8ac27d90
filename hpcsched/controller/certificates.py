"""Which reports are certified, and where the signed files lie."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from hpcsched.bench import certificate
from hpcsched.bench.analysis import compare_all
from hpcsched.bench.certificate import Signed, Signer
from hpcsched.bench.result import Result, Sample
from hpcsched.errors import Conflict, InvalidValue, NotFound
from hpcsched.model.certificate import Certificate
from hpcsched.model.job import Job, JobState
from hpcsched.model.node import Node
from hpcsched.sched.certified import changed

MAX_RESULT = 32 << 20
KEPT = 20
"""Files of one node; the oldest go first."""
_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)


def certificate_of(body: bytes, now: float, version: str) -> tuple[Certificate, Result]:
    """What the report shows, its comparisons worked out anew from its samples. Takes seconds. Raises InvalidValue."""
    if len(body) > MAX_RESULT:
        raise InvalidValue(f"the report has {len(body)} bytes, at most {MAX_RESULT}: measure fewer benchmarks at a time")
    result = Result.from_json(body)
    fresh = compare_all(result.benchmarks, result.samples, result.environments, result.seed)
    return certificate.certificate_of(result, fresh, now, version), result


def check_node(node: Node | None, found: Certificate, result: Result) -> None:
    """Raises NotFound, Conflict."""
    if node is None:
        raise NotFound(f"this controller knows no node {found.node!r}: certify where the jobs ran")
    change = changed(result.nodes[0].facts, node.offer.facts)
    if change:
        raise Conflict(f"node {node.name} is not what was measured: {change}; measure again")


def check_jobs(result: Result, job_of: Callable[[int], Job | None]) -> None:
    """That each sample is a job of this controller's accounting. Raises Conflict."""
    for sample in result.samples:
        if sample.error:
            continue
        job = job_of(sample.job_id)
        if job is None or not _is_of(job, sample, result.image):
            raise Conflict(
                f"sample {sample.order} is not in this controller's accounting as job {sample.job_id}: "
                "certify a report of this cluster, as it was written"
            )


def _is_of(job: Job, sample: Sample, image: str) -> bool:
    ran_on = job.allocation.nodes[0] if job.allocation else ""
    same = (job.spec.runtime, ran_on, job.spec.image) == (sample.arm.runtime, sample.node, image)
    return same and job.state is JobState.COMPLETED and job.spec.name == f"bench-{sample.benchmark}"


class Vault:
    """The key and the files, in a folder of the controller's state."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._folder = folder
        self._signer: Signer | None = None

    @property
    def signer(self) -> Signer:
        """Raises ConfigError."""
        if self._signer is None:
            self._signer = Signer(self._folder / "key.pem")
        return self._signer

    def keep(self, signed: Signed) -> bytes:
        """Write its file whole or not at all."""
        body, file = signed.to_json(), self._file(signed.id, signed.certificate.node)
        fresh = file.with_suffix(".new")
        with fresh.open("wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
        self._thin(signed.certificate.node)
        return body

    def read(self, identity: str) -> bytes:
        """Raises NotFound, InvalidValue."""
        found = next(iter(self._folder.glob(f"*.{_checked(identity)}.json")), None)
        if found is None:
            raise NotFound(f"there is no file of a certificate {identity}; `hpcsched certificate list` lists them")
        return found.read_bytes()

    def _file(self, identity: str, node: str) -> Path:
        return self._folder / f"{node}.{identity}.json"

    def _thin(self, node: str) -> None:
        files = sorted(self._folder.glob(f"{node}.????????????????.json"), key=lambda file: file.stat().st_mtime)
        for file in files[:-KEPT]:
            file.unlink(missing_ok=True)


def _checked(identity: str) -> str:
    if not _ID.fullmatch(identity):
        raise InvalidValue(f"bad id of a certificate {identity[:40]!r}: 16 hexadecimal digits")
    return identity
