"""A job's binding drawn on its node: PUs by task, and below them the GPUs and NICs that it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpcsched.cli.svg import svg_topology
from hpcsched.cli.wording_devices import one_device
from hpcsched.model.allocation import Binding
from hpcsched.model.node import NodeOffer


def svg_binding(offer: NodeOffer, binding: Binding) -> str:
    tasks = tuple(task.cpus for task in binding.tasks)
    return svg_topology(offer.topology, binding.cpus, tasks, tuple(_notes(offer, binding)))


def _notes(offer: NodeOffer, binding: Binding) -> Iterator[str]:
    for what, ids in (("GPU", binding.gpus), ("NIC", binding.nics)):
        for device_id in ids:
            about = next((one_device(device) for device in offer.devices if device.id == device_id), "")
            users = _tasks(binding, device_id)
            yield ": ".join(part for part in (f"{what} {device_id}", about) if part) + users


def _tasks(binding: Binding, device_id: str) -> str:
    users: Sequence[int] = [number for number, task in enumerate(binding.tasks) if device_id in task.gpus]
    return f" (task{'s' if len(users) > 1 else ''} {' '.join(map(str, users))})" if users else ""
