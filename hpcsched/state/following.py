"""Arrays that follow others task by task (aftercorr): a task waits for that of the same id to end well in each of them.

What has failed there is known to be lost when that array has ended, for it may run again until then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hpcsched.model.array import ArrayProgress, Following, parse_array, translated
from hpcsched.model.job import Job
from hpcsched.model.ranges import Ranges, common, count, of_mask, union, without


def follow(job: Job, leaders: Iterable[Job]) -> Job:
    """The array, of which no task waits for others than those."""
    progress = job.array
    assert progress is not None
    waits, follows = union(progress.waiting, progress.following), list[Following]()
    for leader in leaders:
        there = _in(job, leader, ((0, len(parse_array(leader.spec.array))),))
        unmet = without(common(waits, there), _in(job, leader, ended_well(leader)))
        follows += [Following(leader.id, unmet)] if unmet else []
    return replace(job, array=_with(progress, tuple(follows), waits)) if follows or progress.follows else job


def _with(progress: ArrayProgress, follows: tuple[Following, ...], waits: Ranges) -> ArrayProgress:
    """`waits`: for a worker, or for other tasks."""
    progress = replace(progress, follows=tuple(one for one in follows if one.ranges), next=progress.size)
    return replace(progress, again=without(waits, progress.following))


def heard(job: Job, leader: Job, before: Job) -> Job:
    """The array, after more tasks of the other ended well."""
    progress = job.array
    assert progress is not None
    met = _in(job, leader, ended_well(leader, before))
    waits = union(progress.waiting, progress.following)
    rest = tuple(_left(one, met) if one.job_id == leader.id else one for one in progress.follows)
    return replace(job, array=_with(progress, rest, waits))


def bereft(job: Job, leader: Job) -> Job:
    """The array, after the other has ended: what still waits for it never runs."""
    progress = job.array
    assert progress is not None
    lost = [one.ranges for one in progress.follows if one.job_id == leader.id]
    return barred(job, lost[0]) if lost else job


def barred(job: Job, lost: Ranges) -> Job:
    """They never run, because tasks of others did not end well."""
    rest = without_tasks(job, lost)
    if rest.array is None or job.array is None:
        return job
    more = rest.array.cancelled - job.array.cancelled
    return replace(rest, array=replace(rest.array, barred=rest.array.barred + more))


def without_tasks(job: Job, lost: Ranges) -> Job:
    """Those of them that no worker has and that have not ended are cancelled."""
    progress = job.array
    assert progress is not None
    waits = union(progress.waiting, progress.following)
    gone = common(waits, lost)
    if not gone:
        return job
    rest = tuple(_left(one, gone) for one in progress.follows)
    progress = replace(progress, cancelled=progress.cancelled + count(gone))
    return replace(job, array=_with(progress, rest, without(waits, gone)))


def _left(one: Following, gone: Ranges) -> Following:
    return replace(one, ranges=without(one.ranges, gone))


def ended_well(job: Job, before: Job | None = None) -> Ranges:
    """Positions that did, and that had not `before`."""
    assert job.array is not None
    mask = int.from_bytes(job.array.ok, "little")
    if before is not None and before.array is not None:
        mask &= ~int.from_bytes(before.array.ok, "little")
    low = (mask & -mask).bit_length() - 1
    return tuple((first + low, end + low) for first, end in of_mask(mask >> low)) if mask else ()


def _in(job: Job, leader: Job, ranges: Ranges) -> Ranges:
    return translated(ranges, parse_array(leader.spec.array), parse_array(job.spec.array))
