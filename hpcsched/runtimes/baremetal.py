"""The same spec on the node itself: control groups and limits, no namespaces, the node's own root."""

from __future__ import annotations

from typing import Any

from hpcsched.errors import ImageError, RuntimeFailure
from hpcsched.model.container import ContainerSpec
from hpcsched.runtimes.node_runtime import NodeRuntime
from hpcsched.runtimes.plan import Placement, bare_plan


class BareMetalRuntime(NodeRuntime):
    """Takes image `host` alone, and mounts that would change nothing."""

    name = "baremetal"
    helper = "bare"

    def plan(self, place: Placement, spec: ContainerSpec) -> dict[str, Any]:
        _check(spec)
        return bare_plan(place, spec, self.group(spec.name).payload())


def _check(spec: ContainerSpec) -> None:
    if spec.image != "host":
        raise ImageError(f"bare metal runs on the node's own files: image {spec.image!r} needs --runtime lxc, or take image host")
    for mount in spec.mounts:
        if mount.source != mount.target:
            raise RuntimeFailure(
                f"bare metal cannot mount {mount.source} on {mount.target}: use {mount.source}, or --runtime lxc"
            )
