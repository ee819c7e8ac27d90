"""What a policy sees, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from hpcsched.model.allocation import Allocation, Binding
from hpcsched.model.changed import changer
from hpcsched.model.job import Job, Reason
from hpcsched.model.node import Node
from hpcsched.model.noun import noun
from hpcsched.model.reservation import Reservation
from hpcsched.model.site import PreemptMode, Site


@noun(frozen=True, slots=True)
class Snapshot:
    """`pending`: jobs that may start (held ones, those before their begin or behind a dependency left out; arrays with tasks
    left to give out are in, also while others of their tasks run), highest priority first, then in the order of arrival.

    `nodes` by name; `running` have an allocation, workers among them; `now` in Unix seconds. `usage`: node seconds used, decayed
    to `now`, by account and user, running jobs counted in; `table_usage`: the same by `partition` or `qos` and its name,
    `user_usage`: by `partition.NAME` or `qos.NAME` and user.
    `priorities`: of `pending`, in its order (empty: not known).
    """

    now: float
    nodes: tuple[Node, ...]
    pending: Sequence[Job]
    running: tuple[Job, ...]
    site: Site = field(default_factory=Site)
    reservations: tuple[Reservation, ...] = ()
    usage: Mapping[tuple[str, str], float] = field(default_factory=dict)
    priorities: Sequence[float] = ()
    table_usage: Mapping[tuple[str, str], float] = field(default_factory=dict)
    user_usage: Mapping[tuple[str, str], float] = field(default_factory=dict)
    ranked_at: float | None = field(default=None, compare=False)
    """As of when `priorities` are (None: `now`); they are found anew once a minute."""


@noun(frozen=True, slots=True)
class Start:
    """`slots`: for an array, those of a new worker container, whose `allocation` is one whole node; for a small job in a shared
    partition the one slot that it gets in a new worker. `worker`: the running worker in which `allocation` is the slot.
    """

    job_id: int
    allocation: Allocation
    slots: tuple[Binding, ...] = ()
    worker: int | None = None
    why: str = ""
    """Why these nodes, a sentence."""


changed_start = changer(Start)


@noun(frozen=True, slots=True)
class Preempt:
    """`job_id` gives its nodes up for job `by`."""

    job_id: int
    by: int
    mode: PreemptMode
    grace_s: int = 0


@noun(frozen=True, slots=True)
class Wait:
    """Why a job does not start now; `message` is a sentence for people. Many jobs may share one."""

    reason: Reason
    message: str


@noun(frozen=True, slots=True)
class Plan:
    """Each pending job of the snapshot is in `starts` or in `waits` (by job id), or waits for what `others` says.

    `dismissed`: running workers that get no more work, because a job that is ahead waits for their nodes.
    """

    starts: tuple[Start, ...] = ()
    waits: Mapping[int, Wait] = field(default_factory=dict)
    others: Wait | None = None
    preempts: tuple[Preempt, ...] = ()
    dismissed: frozenset[int] = frozenset()

    def wait(self, job_id: int) -> Wait | None:
        """Why that job of the snapshot waits; None when the plan does not say. Of a job that starts or is held, do not ask."""
        return self.waits.get(job_id, self.others)
