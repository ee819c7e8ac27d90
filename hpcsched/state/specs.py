"""What was asked, kept once for all live jobs that asked for the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hpcsched.model.job import JobSpec, ResourceRequest

_MOST_REQUESTS = 10_000


@dataclass(slots=True, eq=False)
class _Kept:
    spec: JobSpec
    code: int
    bytes: int
    takers: int = 0


class Specs:
    """`bytes`: what scripts, commands and environments of all takers take, each taker counted."""

    def __init__(self) -> None:
        self.bytes = 0
        self._kept: dict[int, list[_Kept]] = {}
        """By their hash, which is found once for each taker."""
        self._by_id: dict[int, _Kept] = {}
        """By the identity of those that were given out."""
        self._requests: dict[ResourceRequest, ResourceRequest] = {}

    def take(self, spec: JobSpec) -> JobSpec:
        """One that is equal, and the same object for all that are."""
        kept = self._by_id.get(id(spec)) or self._find(spec, hash(spec))
        kept.takers += 1
        self.bytes += kept.bytes
        return kept.spec

    def _find(self, spec: JobSpec, code: int) -> _Kept:
        """The one that is equal, or a new one."""
        alike = self._kept.setdefault(code, [])
        for kept in alike:
            if kept.spec == spec:
                return kept
        spec = self._with_shared_request(spec)
        kept = self._by_id[id(spec)] = _Kept(spec, code, spec_bytes(spec))
        alike.append(kept)
        return kept

    def give_back(self, spec: JobSpec) -> None:
        """One that was taken."""
        kept = self._by_id[id(spec)]
        kept.takers -= 1
        self.bytes -= kept.bytes
        if not kept.takers:
            del self._by_id[id(spec)]
            self._kept[kept.code].remove(kept)
            if not self._kept[kept.code]:
                del self._kept[kept.code]

    def _with_shared_request(self, spec: JobSpec) -> JobSpec:
        if len(self._requests) >= _MOST_REQUESTS:
            self._requests.clear()
        shared = self._requests.setdefault(spec.resources, spec.resources)
        return spec if shared is spec.resources else replace(spec, resources=shared)


def spec_bytes(spec: JobSpec) -> int:
    """Characters of what may be long in it."""
    return len(spec.script) + sum(map(len, spec.command)) + sum(len(name) + len(value) for name, value in spec.env)
