"""What was asked, kept once for all live jobs that asked for the same."""

from __future__ import annotations

from dataclasses import replace

from hpcsched.model.job import JobSpec, ResourceRequest

_MOST_REQUESTS = 10_000


class Specs:
    """`bytes`: what scripts, commands and environments of all takers take, each taker counted."""

    def __init__(self) -> None:
        self.bytes = 0
        self._kept: dict[JobSpec, tuple[JobSpec, int]] = {}
        self._requests: dict[ResourceRequest, ResourceRequest] = {}

    def take(self, spec: JobSpec) -> JobSpec:
        """One that is equal, and the same object for all that are."""
        self.bytes += spec_bytes(spec)
        kept, takers = self._kept.get(spec) or (self._with_shared_request(spec), 0)
        self._kept[kept] = kept, takers + 1
        return kept

    def give_back(self, spec: JobSpec) -> None:
        self.bytes -= spec_bytes(spec)
        kept, takers = self._kept.pop(spec)
        if takers > 1:
            self._kept[kept] = kept, takers - 1

    def _with_shared_request(self, spec: JobSpec) -> JobSpec:
        if len(self._requests) >= _MOST_REQUESTS:
            self._requests.clear()
        shared = self._requests.setdefault(spec.resources, spec.resources)
        return spec if shared is spec.resources else replace(spec, resources=shared)


def spec_bytes(spec: JobSpec) -> int:
    """Characters of what may be long in it."""
    return len(spec.script) + sum(map(len, spec.command)) + sum(len(name) + len(value) for name, value in spec.env)
