"""The same spec on the node itself: control groups and limits. Of an image it gets the files alone, in a mount namespace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from hpcsched.errors import RuntimeFailure
from hpcsched.model.container import HOST, ContainerSpec, DeviceNode, Mount
from hpcsched.runtimes.lacks import open_devices
from hpcsched.runtimes.node_runtime import NodeRuntime
from hpcsched.runtimes.plan import Placement, bare_plan
from hpcsched.runtimes.rootfs import Root, Step, bare_root_steps


class BareMetalRuntime(NodeRuntime):
    """With image `host` on the node's own root, where no mount can change anything; with another on that image's."""

    name = "baremetal"
    helper = "bare"

    def plan(self, place: Placement, spec: ContainerSpec) -> dict[str, Any]:
        return bare_plan(place, spec, self.group(spec.name).payload(), self._root(place, spec))

    def _root(self, place: Placement, spec: ContainerSpec) -> list[Step]:
        if spec.image == HOST:
            _check_unchanged(spec.mounts)
            return []
        return bare_root_steps(Root(self.images.prepare(spec.image).lower, place.folder.path, mounts=spec.mounts))

    def check(self, pid: int, spec: ContainerSpec) -> None:
        """It sees all that the node has."""

    async def try_open(self, name: str, nodes: Sequence[DeviceNode]) -> dict[str, str]:
        """Not those that another job may have: nothing would keep us out, and some drivers start the device when it is opened."""
        refused = self.folders.refused(name)
        return await super().try_open(name, [node for node in nodes if node.path not in refused])

    def lacks(self, spec: ContainerSpec) -> Iterator[str]:
        return chain(super().lacks(spec), open_devices(spec))


def _check_unchanged(mounts: Sequence[Mount]) -> None:
    """Raises RuntimeFailure."""
    for mount in mounts:
        if mount.source != mount.target:
            raise RuntimeFailure(
                f"bare metal with the node's own files cannot mount {mount.source} on {mount.target}: "
                f"use {mount.source}, an --image, or --runtime lxc"
            )
