"""What the supervisor says of a step, in the model's words."""

from __future__ import annotations

import errno
import os

from hpcsched.errors import BindingMismatch
from hpcsched.model.container import EndCause, ObservedTask, StepExit, StepSpec, TaskEnd, WorkStatus
from hpcsched.runtimes import frames
from hpcsched.runtimes.base import Progress

_POLICIES = {0: "default", 1: "prefer", 2: "bind", 3: "interleave", 4: "local", 5: "prefer (many)", 6: "weighted interleave"}
"""Modes of set_mempolicy(2), in the order of linux/mempolicy.h, as numa_maps names them (numa(7))."""


def exit_of(reply: frames.Exited) -> StepExit:
    """wait(2)'s status in the model's words."""
    killed = os.WIFSIGNALED(reply.wait_status)
    return StepExit(
        step_id=reply.step_id,
        exit_code=None if killed else os.WEXITSTATUS(reply.wait_status),
        signal=os.WTERMSIG(reply.wait_status) if killed else None,
        max_rss=reply.max_rss,
        user_s=reply.user_us / 1e6,
        system_s=reply.system_us / 1e6,
    )


def observed_task(shown: frames.Shown) -> ObservedTask:
    """Its policy as a line of numa_maps begins: `prefer (many):0-1`."""
    policy = _POLICIES.get(shown.policy, f"mode {shown.policy}")
    return ObservedTask(shown.cpus, f"{policy}:{shown.mems}" if shown.mems else policy)


def progress_of(worked: frames.Worked, command: StepSpec | None) -> Progress:
    status = WorkStatus(
        job_id=worked.job_id,
        done=worked.done,
        ended=tuple(task_end(end, command) for end in worked.ended),
        started=worked.started,
        start_time=worked.first_us / 1e6,
        end_time=worked.last_us / 1e6,
        cpu_s=worked.cpu_us / 1e6,
        max_rss=worked.max_rss,
    )
    return Progress(status, worked.running)


def task_end(end: frames.EndedTask, command: StepSpec | None) -> TaskEnd:
    if end.stage:
        failed = frames.SpawnFailed(0, end.errno, end.stage)
        cause = EndCause.BINDING_MISMATCH if is_mismatch(failed) else EndCause.LAUNCH_FAILED
        return TaskEnd(end.position, cause, shell_code(failed), message=failure_text(failed, command))
    number = os.WTERMSIG(end.wait_status) if os.WIFSIGNALED(end.wait_status) else None
    code = None if number else os.WEXITSTATUS(end.wait_status)
    if end.cause != frames.BY_ITSELF:
        cause = EndCause.TIMEOUT if end.cause == frames.BY_LIMIT else EndCause.CANCELLED
    else:
        cause = EndCause.SIGNAL if number else EndCause.EXIT
    return TaskEnd(end.position, cause, code, number)


def is_mismatch(reply: frames.SpawnFailed) -> bool:
    """The kernel shows another binding than the step's, or has none of what it names (sched_setaffinity(2), set_mempolicy(2))."""
    return reply.stage == frames.STAGE_BINDING and reply.errno in (0, errno.EINVAL)


def mismatch(step: StepSpec, seen: ObservedTask) -> BindingMismatch:
    if step.cpus and step.cpus != seen.cpus:
        return BindingMismatch(f"cpus of step {step.step_id}", str(step.cpus), str(seen.cpus))
    return BindingMismatch(f"memory nodes of step {step.step_id}", str(step.mems), seen.policy)


def shell_code(reply: frames.SpawnFailed) -> int | None:
    """What a shell would exit with: 127 for a command that is not there, 126 for one that cannot be run (POSIX, 2.8.2)."""
    if reply.stage != frames.STAGE_EXEC:
        return None
    return 127 if reply.errno == errno.ENOENT else 126


def failure_text(reply: frames.SpawnFailed, step: StepSpec | None) -> str:
    """Why nothing ran; without the step's own words where another connection spawned it."""
    if reply.stage == frames.STAGE_BINDING:
        return _binding_failure(reply.errno, step)
    reason = os.strerror(reply.errno)
    if reply.stage == frames.STAGE_WORKDIR:
        return f"cannot enter the working directory{f' {step.workdir!r}' if step else ''}: {reason}"
    if reply.stage == frames.STAGE_EXEC and step and step.script:
        return _script_failure(reply.errno, step.script)
    if reply.stage == frames.STAGE_EXEC:
        what = f" {step.argv[0]!r}" if step else ""
        return (
            f"command{what} not found{_where(step)}" if reply.errno == errno.ENOENT else f"cannot run the command{what}: {reason}"
        )
    return f"cannot prepare the step: {reason}"


def _where(step: StepSpec | None) -> str:
    """For who thinks that a job starts in the folder where it was submitted."""
    if step is None or step.argv[0].startswith("/") or "/" not in step.argv[0]:
        return ""
    return f" in {step.workdir!r}: name its folder with --workdir"


def _binding_failure(number: int, step: StepSpec | None) -> str:
    asked = f" to cpus {step.cpus or 'of the container'} and memory of {step.mems or 'all its nodes'}" if step else ""
    return f"cannot bind the step{asked}: {os.strerror(number) if number else 'the kernel shows another binding'}"


def _script_failure(number: int, script: bytes) -> str:
    first = script.split(b"\n", 1)[0][:80].decode(errors="replace")
    if number == errno.ENOENT:
        return f"the script's interpreter is not there: {first!r}"
    return f"cannot run the script, which begins with {first!r}: {os.strerror(number)}"
