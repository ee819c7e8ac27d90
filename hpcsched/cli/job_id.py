"""The argument ID of a job, and the option that names one of its nodes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from hpcsched.cli import live_names
from hpcsched.model.array import MAX_TASK_ID

_MOST = (1 << 63) - 1
_TASKS = re.compile(r"[0-9][0-9,:-]*", re.ASCII)
_TASK = click.IntRange(0, MAX_TASK_ID)


class _JobId(click.ParamType):  # type: ignore[type-arg]
    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= _MOST):
            self.fail(f"{text[:20]!r} is no job id: `hpcsched jobs` lists them", param, ctx)
        return int(text)


_TYPE = _JobId()


class _JobOrTask(click.ParamType):  # type: ignore[type-arg]
    """`7`, or `7_3` for the task with the id 3: the job's id, and the task's or None."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int | None]:
        if isinstance(value, tuple):
            return value
        job, mark, task = str(value).partition("_")
        if mark and not task.isdigit():
            self.fail(f"{value!r}: behind _ stands the id of a task, as 7_3", param, ctx)
        return int(_TYPE(job, param, ctx)), int(_TASK(task, param, ctx)) if mark else None


class _JobOrTasks(click.ParamType):  # type: ignore[type-arg]
    """`7`, `7_3` or `7_[3-5,9]`: the job's id, and the tasks' as text."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, str]:
        if isinstance(value, tuple):
            return value
        job, mark, tasks = str(value).partition("_")
        ids = tasks[1:-1] if tasks.startswith("[") and tasks.endswith("]") else tasks
        if mark and not _TASKS.fullmatch(ids):
            self.fail(f"{value!r}: behind _ stand ids of tasks, as 7_3 or 7_[3-5,9]", param, ctx)
        return int(_TYPE(job, param, ctx)), ids


def jobs_or_tasks_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds one or more ids, which arrive as `jobs_or_tasks`."""
    kind = _JobOrTasks()
    return click.argument(
        "jobs_or_tasks", metavar="ID[_TASKS]...", type=kind, nargs=-1, required=True, shell_complete=live_names.jobs
    )(command)


def job_or_task_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds one id, which arrives as `job_or_task`."""
    return click.argument("job_or_task", metavar="ID[_TASK]", type=_JobOrTask(), shell_complete=live_names.jobs)(command)


def job_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds one id, which arrives as `job_id`."""
    return click.argument("job_id", metavar="ID", type=_TYPE, shell_complete=live_names.jobs)(command)


def node_option(about: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds `--node`, which arrives as `node`, empty when it is not given."""
    return click.option("--node", default="", metavar="NAME", shell_complete=live_names.nodes, help=about)


def jobs_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds one or more ids, which arrive as `job_ids`."""
    return click.argument("job_ids", metavar="ID...", type=_TYPE, nargs=-1, required=True, shell_complete=live_names.jobs)(
        command
    )
