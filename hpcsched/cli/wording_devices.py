"""GPUs, fabric, huge pages and tasks as the listings write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from hpcsched.model.allocation import Binding, HugePages
from hpcsched.model.device import Device, DeviceKind
from hpcsched.model.job import Job, ResourceRequest
from hpcsched.model.node import Node
from hpcsched.model.units import format_bytes


def of_kind(node: Node, kind: DeviceKind) -> list[Device]:
    return [device for device in node.offer.devices if device.kind is kind]


def count(number: int) -> str:
    """Empty for 0."""
    return str(number or "")


def by_model(devices: Sequence[Device]) -> str:
    """`4 × H100 (2 on NUMA 0, 2 on NUMA 1)`, one after the other for several models."""
    models = dict.fromkeys(device.model or device.vendor for device in devices)
    found = [(model, [one for one in devices if (one.model or one.vendor) == model]) for model in models]
    return ", ".join(f"{len(alike)} × {model}{_places(alike)}" for model, alike in found)


def one_device(device: Device) -> str:
    """`H100, NUMA 0, near cpus 0-31, nvidia0`."""
    numa = f"NUMA {device.numa}" if device.numa >= 0 else ""
    near = f"near cpus {device.cpus}" if device.cpus else ""
    return ", ".join(part for part in (device.model or device.vendor, numa, near, " ".join(device.names)) if part)


def pools(pages: Iterable[HugePages]) -> list[tuple[str, str]]:
    """Size of a page, and `1024 (512 on NUMA 0, 512 on NUMA 1)`."""
    sizes: dict[int, Counter[int]] = {}
    for pool in pages:
        if pool.count:
            sizes.setdefault(pool.size, Counter())[pool.numa] += pool.count
    return [(format_bytes(size), f"{sum(on.values())}{_spread(on)}") for size, on in sorted(sizes.items())]


def asked_pages(asked: ResourceRequest) -> str:
    return ", ".join(f"{number} × {format_bytes(size)}" for size, number in asked.hugepages)


def granted_gpus(job: Job) -> int:
    """On all its nodes."""
    return sum(len(part.binding.gpus) for part in job.allocation.bindings) if job.allocation else 0


def tasks(job: Job) -> int:
    """On all its nodes, 0 when the command runs once."""
    return job.spec.resources.ntasks_per_node * job.spec.nodes


def granted(binding: Binding) -> str:
    """What there is beside cpus and memory: `gpus ID ID  nics ID  hugepages 2M: 512 (512 on NUMA 0)  tasks 4`."""
    pages = ", ".join(f"{size}: {number}" for size, number in pools(binding.hugepages))
    named = {
        "gpus": " ".join(binding.gpus),
        "nics": " ".join(binding.nics),
        "hugepages": pages,
        "tasks": count(len(binding.tasks)),
    }
    return "  ".join(f"{name} {value}" for name, value in named.items() if value)


def _places(devices: Sequence[Device]) -> str:
    return _spread(Counter(device.numa for device in devices if device.numa >= 0))


def _spread(on: Counter[int]) -> str:
    return f" ({', '.join(f'{number} on NUMA {numa}' for numa, number in sorted(on.items()))})" if on else ""
