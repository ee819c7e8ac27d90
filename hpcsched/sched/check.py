"""Bounds on what may be asked, the same for every client. Raises InvalidValue with the value in the message."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hpcsched.errors import InvalidValue
from hpcsched.model.container import Mount
from hpcsched.model.job import JobSpec
from hpcsched.model.units import GIB, KIB, MAX_SECONDS, MIB
from hpcsched.sched.bounds import short, within
from hpcsched.sched.check_queueing import check_queueing
from hpcsched.sched.check_resources import check_resources

MAX_SPECS = 10_000
MAX_NODES = 100_000
MAX_GRACE_S = 86_400
MAX_PRIORITY = (1 << 31) - 1
MAX_OUTPUT_CAP = 1024 * GIB
MAX_ARGUMENT = 128 * KIB
"""Linux takes no longer single string (execve(2), MAX_ARG_STRLEN)."""
MAX_TOTAL = MIB
MAX_PATH = 4095
MAX_NAME = 255
MAX_MOUNTS = 64
_JOB_NAME = re.compile(r"[A-Za-z0-9_+@:=,-][A-Za-z0-9_.+@:=,-]{0,127}", re.ASCII)
_IMAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
_RUNTIME = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@$-]{0,63}", re.ASCII)
_VARIABLE = re.compile(r"[^=\0]{1,1024}")


def check_specs(specs: Sequence[JobSpec]) -> None:
    """Of one call; a fault names the job when there are several."""
    if not 1 <= len(specs) <= MAX_SPECS:
        raise InvalidValue(f"one call takes 1 to {MAX_SPECS} jobs, not {len(specs)}")
    for number, spec in enumerate(specs, 1):
        try:
            check_spec(spec)
        except InvalidValue as error:
            raise InvalidValue(f"job {number} of {len(specs)}: {error}" if len(specs) > 1 else str(error)) from None


def check_spec(spec: JobSpec) -> None:
    _check_names(spec)
    _check_numbers(spec)
    check_queueing(spec)
    check_resources(spec.resources)
    _check_command(spec)
    _check_environment(spec.env)
    _check_total(spec)
    _check_optional_path("working directory", spec.workdir)
    _check_optional_path("output file", spec.stdout)
    _check_mounts(spec.mounts)


def _check_names(spec: JobSpec) -> None:
    if spec.name and (not _JOB_NAME.fullmatch(spec.name) or ".." in spec.name):
        raise InvalidValue(f"bad job name {short(spec.name)}: up to 128 of letters, digits and _.+@:=,- and neither '/' nor '..'")
    if spec.user and not _USER.fullmatch(spec.user):
        raise InvalidValue(f"bad user {short(spec.user)}: up to 64 of letters, digits and _.@$-")
    if not _RUNTIME.fullmatch(spec.runtime):
        raise InvalidValue(f"bad runtime {short(spec.runtime)}: lxc or baremetal")
    if spec.image.startswith("/"):
        check_path("image", spec.image)
    elif not _IMAGE_NAME.fullmatch(spec.image) or ".." in spec.image:
        raise InvalidValue(
            f"bad image {short(spec.image)}: host, an absolute path on the node, or a name of letters, digits and _.-"
        )


def _check_numbers(spec: JobSpec) -> None:
    within("nodes", spec.nodes, 1, MAX_NODES)
    within("time limit in seconds", spec.time_limit_s, 0, MAX_SECONDS)
    within("grace in seconds", spec.grace_s, 0, MAX_GRACE_S)
    within("priority", spec.priority, -MAX_PRIORITY, MAX_PRIORITY)
    within("output cap in bytes", spec.output_cap, 0, MAX_OUTPUT_CAP)


def _check_command(spec: JobSpec) -> None:
    if spec.script and not spec.script.startswith(b"#!"):
        raise InvalidValue("the script's first line does not name its interpreter: begin it with #!/bin/sh or another one")
    if not spec.script and not spec.command:
        raise InvalidValue("nothing to run: give a command or a script")
    if not spec.script and not spec.command[0]:
        raise InvalidValue("the command's first word is empty: it must name the program")
    for number, word in enumerate(spec.command):
        _check_text(f"argument {number}", word)


def _check_environment(env: Sequence[tuple[str, str]]) -> None:
    seen: set[str] = set()
    for name, value in env:
        if not _VARIABLE.fullmatch(name):
            raise InvalidValue(f"bad environment variable name {short(name)}: 1 to 1024 characters without '=' and NUL")
        _check_text(f"environment variable {short(name)}", f"{name}={value}")
        if name in seen:
            raise InvalidValue(f"environment variable {short(name)} is given twice")
        seen.add(name)


def _check_total(spec: JobSpec) -> None:
    words = sum([len(word) + 1 for word in spec.command])
    total = words + sum([len(name) + len(value) + 2 for name, value in spec.env]) + len(spec.script)
    if total > MAX_TOTAL:
        raise InvalidValue(f"command, environment and script are {total} bytes together, at most {MAX_TOTAL}: put data in files")


def _check_mounts(mounts: Sequence[Mount]) -> None:
    if len(mounts) > MAX_MOUNTS:
        raise InvalidValue(f"{len(mounts)} mounts, at most {MAX_MOUNTS}")
    for mount in mounts:
        check_path("mount source", mount.source)
        check_path("mount target", mount.target)
        if not mount.target.strip("/"):
            raise InvalidValue("a mount cannot replace the whole root: name a folder as its target")
    _check_unique("mount target", (mount.target.rstrip("/") for mount in mounts))


def _check_unique(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise InvalidValue(f"{what} {short(value)} is given twice")
        seen.add(value)


def _check_optional_path(what: str, path: str) -> None:
    if path:
        check_path(what, path)


def check_path(what: str, path: str) -> None:
    """Absolute, no `..`, no control characters."""
    if not path.startswith("/") or ".." in path.split("/"):
        raise InvalidValue(f"bad {what} {short(path)}: give an absolute path without '..'")
    if len(path.encode("utf-8", "replace")) > MAX_PATH:
        raise InvalidValue(f"the {what} is longer than {MAX_PATH} bytes")
    if any(len(part.encode("utf-8", "replace")) > MAX_NAME for part in path.split("/")):
        raise InvalidValue(f"bad {what} {short(path)}: a name in it is longer than {MAX_NAME} bytes")
    _check_text(what, path)
    if any(ord(letter) < 32 or letter == "\x7f" for letter in path):
        raise InvalidValue(f"bad {what} {short(path)}: it has control characters")


def _check_text(what: str, text: str) -> None:
    if "\0" in text:
        raise InvalidValue(f"{what} has a NUL character: {short(text)}")
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise InvalidValue(f"{what} is not valid UTF-8: {short(text)}") from None
    if size >= MAX_ARGUMENT:
        raise InvalidValue(f"{what} has {size} bytes, one string may have {MAX_ARGUMENT - 1}: put data in files")
