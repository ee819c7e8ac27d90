"""One small site in fixed figures, for listings."""

from __future__ import annotations

from hpcsched.model.site import Limits, Partition, PartitionState, PreemptMode, Qos
from hpcsched.model.site_use import PartitionUse, QosUse, Share


def partitions() -> list[PartitionUse]:
    limits = Limits(max_time_s=172800, max_nodes_per_job=16, max_jobs_per_user=4)
    batch = Partition("batch", ("n*",), True, priority=0.5, default_time_s=3600, limits=limits)
    gpu = Partition(
        "gpu", ("+h100",), state=PartitionState.DRAIN, allow_accounts=("physics",), allow_users=("ada", "ben"), shared=True
    )
    return [PartitionUse(batch, ("n1", "n2"), 1, 1, 3, 12), PartitionUse(gpu, (), 0, 0, 0, 0)]


def qos() -> list[QosUse]:
    urgent = Qos("urgent", 1.0, ("normal", "idle"), PreemptMode.OFF, 90, 2.0, Limits(max_node_hours=100.5))
    return [QosUse(Qos("normal", 0.25), 3, 7, 12, 41.5), QosUse(urgent, 0, 0, 0, 0.0)]


def shares() -> list[Share]:
    return [
        Share("physics", "", 1, 3, 0.75, 54000.0, 0.6, 1.25, 0.0, Limits(max_node_hours_per_user=20.0)),
        Share("physics", "ada", 2, 2, 2 / 3, 54000.0, 1.0, 2 / 3, 2 / 3),
        Share("physics", "ben", 2, 1, 1 / 3, 0.0, 0.0, None, 1.0),
        Share("", "", 1, 1, 0.25, 36000.0, 0.4, 0.625, 0.0),
        Share("", "eve", 2, 1, 1.0, 36000.0, 1.0, 1.0, 1 / 3),
    ]
