"""Containers through liblxc: own mount, pid, uts and ipc namespaces, the node's network, the image's root under an overlay."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from hpcsched.hardware.cgroup_limits import Write, device_writes
from hpcsched.hardware.host import online_memory
from hpcsched.images.store import PreparedImage
from hpcsched.model.container import ContainerSpec
from hpcsched.runtimes.confinement import device_rules, lxc_config
from hpcsched.runtimes.devices import check_inside, check_nodes
from hpcsched.runtimes.lacks import unconfined
from hpcsched.runtimes.node_runtime import NodeRuntime
from hpcsched.runtimes.plan import Placement, lxc_plan
from hpcsched.runtimes.rootfs import NodeMount, Root, node_mounts, root_steps


class LxcRuntime(NodeRuntime):
    """The image is prepared when the container is started; its writable layer lies in the container's folder."""

    name = "lxc"
    helper = "lxc"

    def plan(self, place: Placement, spec: ContainerSpec) -> dict[str, Any]:
        check_nodes(spec.devices)
        image = self.images.prepare(spec.image)
        groups = tuple((str(mount), str(folder)) for mount, folder in self.group(spec.name).places())
        root = Root(image.lower, place.folder.path, _node(image), groups, spec.mounts, self._hidden())
        config = lxc_config(spec, spec.shm_bytes or _default_shm(spec), self._devices_unified(), os.path.exists)
        return lxc_plan(place, config, root_steps(root))

    def writes(self, group: str, spec: ContainerSpec) -> list[Write]:
        return [*super().writes(group, spec), *device_writes(self.layout, group, device_rules(spec.devices))]

    def check(self, pid: int, spec: ContainerSpec) -> None:
        check_inside(Path(f"/proc/{pid}/root"), spec.devices, spec.refused)

    def lacks(self, spec: ContainerSpec) -> Iterator[str]:
        return chain(super().lacks(spec), unconfined(self.layout))

    def _devices_unified(self) -> bool:
        hierarchy = self.layout.find("devices")
        return hierarchy is None or hierarchy.version == 2

    def _hidden(self) -> frozenset[str]:
        return frozenset(str(path) for folder in self.hidden for path in (folder.absolute(), folder.resolve()))


def _node(image: PreparedImage) -> tuple[NodeMount, ...]:
    return tuple(node_mounts(Path("/proc/self/mountinfo").read_text())) if image.kind == "host" else ()


def _default_shm(spec: ContainerSpec) -> int:
    """Half, as the kernel gives a tmpfs that is not told otherwise."""
    return (spec.binding.memory or online_memory()) // 2
