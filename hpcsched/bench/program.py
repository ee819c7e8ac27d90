"""Runs a program that a benchmark measures with, always with a deadline, and reads its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

from hpcsched.bench.capture import Captured, capture
from hpcsched.bench.loading import loading
from hpcsched.errors import HpcschedError, WrongResult

WRONG = 3
"""Exit code of our kernels whose check of their own result failed; the last line on stderr says what was wrong."""
NO_SPEED = "this run has no speed"


def run(command: Sequence[str], env: Mapping[str, str] | None = None, limit_s: float = 600.0, folder: Path | None = None) -> str:
    """What it printed; `env` is added to ours. It and all that it started end with the limit.

    Raises WrongResult when it exits with WRONG, HpcschedError when it does not start, ends badly or takes too long.
    """
    done = _captured(command, env, limit_s, folder)
    if done.code:
        raise _failure(Path(command[0]).name, done.code, done.err or done.out)
    return done.out


def answer(command: Sequence[str], env: Mapping[str, str] | None = None, limit_s: float = 600.0) -> dict[str, Any]:
    """The JSON object in the last line that it printed. Raises as `run`."""
    lines = run(command, env, limit_s).strip().splitlines()
    try:
        found = json.loads(lines[-1] if lines else "")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise HpcschedError(f"{Path(command[0]).name} printed no result: {lines[-1][:200] if lines else 'nothing'}")
    return found


def _captured(command: Sequence[str], env: Mapping[str, str] | None, limit_s: float, folder: Path | None) -> Captured:
    try:
        return capture([*loading(command[0]), *command], limit_s, str(folder) if folder else None, env=env)
    except OSError as error:
        raise HpcschedError(f"cannot run {command[0]}: {error.strerror}; run with --prepare on this node first") from None
    except TimeoutExpired:
        raise HpcschedError(f"{Path(command[0]).name} did not end within {limit_s:g} s") from None


def _failure(name: str, code: int, said: str) -> HpcschedError:
    lines = [line.strip() for line in said.splitlines() if line.strip(" -")]
    if code == WRONG:
        return WrongResult(f"{lines[-1] if lines else 'the check of the result failed'}: {NO_SPEED}")
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    return HpcschedError(f"{name} ended {how}: {lines[0][:200] if lines else 'it said nothing'}")
