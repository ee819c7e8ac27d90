"""The same spec on the node itself: control groups and limits, no namespaces, the node's own root."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from hpcsched.errors import ImageError, RuntimeFailure
from hpcsched.model.container import ContainerSpec, DeviceNode
from hpcsched.runtimes.lacks import open_devices
from hpcsched.runtimes.node_runtime import NodeRuntime
from hpcsched.runtimes.plan import Placement, bare_plan


class BareMetalRuntime(NodeRuntime):
    """Takes image `host` alone, and mounts that would change nothing."""

    name = "baremetal"
    helper = "bare"

    def plan(self, place: Placement, spec: ContainerSpec) -> dict[str, Any]:
        _check(spec)
        return bare_plan(place, spec, self.group(spec.name).payload())

    def check(self, pid: int, spec: ContainerSpec) -> None:
        """It sees all that the node has."""

    async def try_open(self, name: str, nodes: Sequence[DeviceNode]) -> dict[str, str]:
        """Not those that another job may have: nothing would keep us out, and some drivers start the device when it is opened."""
        refused = self.folders.refused(name)
        return await super().try_open(name, [node for node in nodes if node.path not in refused])

    def lacks(self, spec: ContainerSpec) -> Iterator[str]:
        return chain(super().lacks(spec), open_devices(spec))


def _check(spec: ContainerSpec) -> None:
    if spec.image != "host":
        raise ImageError(f"bare metal runs on the node's own files: image {spec.image!r} needs --runtime lxc, or take image host")
    for mount in spec.mounts:
        if mount.source != mount.target:
            raise RuntimeFailure(
                f"bare metal cannot mount {mount.source} on {mount.target}: use {mount.source}, or --runtime lxc"
            )
