"""Folders of the node that a benchmark needs are there in every sample."""

from __future__ import annotations

from hpcsched.bench.runner import run
from hpcsched.model.container import Mount
from hpcsched.testing.jobs import FakeJobs


def test_every_sample_mounts_what_was_prepared_and_the_preparation_nothing() -> None:
    jobs = FakeJobs(edit=lambda spec, answer: {"settings": {}, "mounts": ["/tmp"]} if "--prepare" in spec.command else answer)
    run(jobs, ("dgemm",), pairs=2, seed=1, clock=jobs.clock)
    mounts = {(("--prepare" in spec.command), spec.mounts) for spec in jobs.specs}
    assert mounts == {(True, ()), (False, (Mount("/tmp", "/tmp", read_only=False),))}
