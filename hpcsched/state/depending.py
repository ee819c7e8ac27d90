"""A dependency as it is asked for, against the jobs that live and those that ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hpcsched.errors import Conflict, Infeasible, InvalidValue, NotFound
from hpcsched.model.array import parse_array, translated
from hpcsched.model.job import Job, JobSpec
from hpcsched.model.ranges import Ranges, to_bytes, union, without
from hpcsched.sched.dependency import Dependency, Kind, Need, judge, parse_dependency
from hpcsched.state.dependencies import on_the_way
from hpcsched.state.following import ended_well
from hpcsched.state.tables import Tables

Ended = Mapping[int, Job | None]
"""Jobs that were looked up because they do not live; None: there is none of that id."""


class LookAgain(Conflict):
    """A job ended in between: its record has to be looked up first."""


def missing(tables: Tables, texts: set[str]) -> set[int]:
    """Ids that dependencies name and that do not live. Raises InvalidValue."""
    needs = [need for text in texts for need in parse_dependency(text).needs]
    return {need.job_id for need in needs if need.job_id and need.job_id not in tables.jobs}


def settled(tables: Tables, spec: JobSpec, ended: Ended) -> JobSpec:
    """The spec without what is satisfied already; a delay after a start that was becomes its begin.

    Raises NotFound for a job that never was, Infeasible for what can never be satisfied, InvalidValue, LookAgain.
    """
    asked = parse_dependency(spec.dependency)
    begin, rest, never = spec.begin_time, list[Need](), ""
    for need in asked.needs:
        answer = _answer(tables, need, ended, bool(spec.array) and not asked.one_is_enough)
        if isinstance(answer, str):
            never = answer
        elif answer is None:
            rest.append(need)
        else:
            begin = max(begin, answer if need.delay_s else 0.0)
            if asked.one_is_enough:
                return replace(spec, dependency="", begin_time=begin)
    if never and not (asked.one_is_enough and rest):
        raise Infeasible(never)
    return replace(spec, dependency=str(Dependency(tuple(rest), asked.one_is_enough and len(rest) > 1)), begin_time=begin)


def _answer(tables: Tables, need: Need, ended: Ended, by_task: bool) -> float | str | None:
    alive = tables.jobs.get(need.job_id)
    if not need.job_id or (alive is not None and not alive.is_worker):
        return None
    if alive is None and need.job_id not in ended:
        raise LookAgain(f"job {need.job_id} has just ended: try again")
    job = ended.get(need.job_id)
    if job is None or job.is_worker:
        raise NotFound(f"bad dependency {need}: there is no job {need.job_id}; `hpcsched jobs --all` lists those that are known")
    if by_task and need.kind is Kind.AFTERCORR and job.array is not None:
        return job.end_time
    return judge(need, job)


def barred(tables: Tables, spec: JobSpec, ended: Ended) -> bytes:
    """Of an array that is to follow others: a bit for each position whose task did not end well in one that has ended.

    Raises Infeasible when that is all of them or there is no such task, InvalidValue.
    """
    asked = parse_dependency(spec.dependency)
    lost: Ranges = ()
    for need in asked.needs if spec.array and not asked.one_is_enough else ():
        leader = tables.jobs.get(need.job_id) or ended.get(need.job_id)
        if need.kind is Kind.AFTERCORR and leader is not None and leader.array is not None:
            lost = union(lost, _lost(spec, leader))
    return to_bytes(lost)


def _lost(spec: JobSpec, leader: Job) -> Ranges:
    tasks, others = parse_array(spec.array), parse_array(leader.spec.array)
    whole = ((0, len(tasks)),)
    alone = without(whole, translated(((0, len(others)),), others, tasks))
    if alone:
        task = tasks.task_id(alone[0][0])
        raise Infeasible(f"aftercorr:{leader.id} has nothing for task {task}: the ids of array {leader.id} are {others.shown}")
    lost = without(whole, translated(ended_well(leader), others, tasks)) if leader.state.ended else ()
    if lost == whole:
        raise Infeasible(f"aftercorr:{leader.id} can never be satisfied: none of these tasks ended well in job {leader.id}")
    return lost


def require_no_cycle(tables: Tables, job: Job) -> None:
    """Raises InvalidValue when one that the job, as it would be, is to wait for waits for it."""
    if on_the_way(tables, job, parse_dependency(job.spec.dependency).needs):
        raise InvalidValue(f"the dependency {job.spec.dependency[:70]} would be a cycle: that job waits for job {job.id}")
