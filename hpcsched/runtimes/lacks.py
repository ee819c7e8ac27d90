"""What this node cannot give, limit or confine of what was asked: sentences for the receipt. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hpcsched.hardware.cgroup_layout import Layout
from hpcsched.hardware.cgroup_limits import MEMBER
from hpcsched.model.container import ContainerSpec


def lacks(spec: ContainerSpec, layout: Layout, partition: str, pids: int) -> Iterator[str]:
    """Of any runtime: `partition` and `pids` are what its containers should have."""
    cpuset = layout.find("cpuset")
    if partition != MEMBER and (cpuset is None or cpuset.version == 1):
        yield f"cpuset partition {partition}: cgroup v1 has none; boot with systemd.unified_cgroup_hierarchy=1"
    if pids and layout.find("pids") is None:
        yield "no pids control group: the number of processes is not limited"
    yield from _memlock(spec)


def _memlock(spec: ContainerSpec) -> Iterator[str]:
    limit = next((one.soft for one in spec.rlimits if one.resource == "memlock"), -1)
    if spec.binding.nics and limit >= 0:
        yield f"locked memory is limited to {limit} bytes, RDMA needs it unlimited: LimitMEMLOCK=infinity for the agent's service"


def open_devices(spec: ContainerSpec) -> Iterator[str]:
    """Of a runtime that confines none."""
    if spec.devices or spec.refused:
        yield "bare metal confines no device: the job can open every device of the node"


def unconfined(layout: Layout) -> Iterator[str]:
    """Of a kernel that cannot; under v2 a program does it, without a controller."""
    if layout.find("devices") is None:
        yield "no devices control group: a device node opens wherever there is one"
