"""The script that measures a user's own program: `python -m hpcsched.bench.own --own JSON`, then as any benchmark script."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from subprocess import TimeoutExpired

import msgspec

from hpcsched.bench.capture import Captured, capture
from hpcsched.bench.loading import in_a_kit
from hpcsched.bench.own_program import TIME, Own, values
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.program import NO_SPEED
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.bench.suite import Entry
from hpcsched.errors import HpcschedError, InvalidValue, NotFound, WrongResult
from hpcsched.runtimes.rootfs import is_beneath, node_mounts

OPTION = "--own"
MOUNTS = Path("/proc/self/mountinfo")


def entry(own: Own) -> Entry:
    """For `runner.run(entries=…)`."""
    start = ("-m", "hpcsched.bench.own", OPTION, own.to_json())
    return Entry(own.about, Path(__file__), start, of_image=True, mounts=own.mounts)


def benchmark(own: Own) -> Benchmark:
    return Benchmark(own.about, lambda size, cache: prepare(own), measure)


def prepare(own: Own, mountinfo: str | None = None) -> Prepared:
    """Where its files lie, on the node or in the image, and what a container needs to see them. Raises NotFound, InvalidValue."""
    if not Path(own.workdir).is_dir():
        raise NotFound(f"no folder {own.workdir} {_here()}: name another with --workdir")
    program = _program(own)
    folders = [_folder(folder) for folder in own.mounts]
    needed = _unseen((program, own.workdir), MOUNTS.read_text() if mountinfo is None else mountinfo, folders)
    files = {f"file {number}": path for number, path in enumerate(_executables(own, program), 1)}
    settings = {"own": msgspec.to_builtins(own), "program": program, **files}
    return Prepared(settings, lacks=(own.unchecked,), mounts=tuple(dict.fromkeys((*folders, *needed))))


def _here() -> str:
    return "in this image" if in_a_kit() else "on this node"


def _program(own: Own) -> str:
    """Its path, on the node or in the image."""
    word = own.words[0]
    found = os.path.join(own.workdir, word) if "/" in word else shutil.which(word) or ""
    if not found or not os.access(found, os.X_OK) or not os.path.isfile(found):
        where = f"in {own.workdir}" if "/" in word else f"in {os.environ.get('PATH', '')}"
        raise NotFound(f"no program {word!r} {where} {_here()}: build it, or name its folder with --workdir")
    return os.path.normpath(found)


def _executables(own: Own, program: str) -> Iterable[str]:
    """Further programs that the command names, as behind a launcher; the fingerprint tells their hashes."""
    for word in own.words[1:]:
        path = os.path.normpath(os.path.join(own.workdir, word))
        if path != program and os.path.isfile(path) and os.access(path, os.X_OK):
            yield path


def _folder(folder: str) -> str:
    real = os.path.realpath(folder)
    if not os.path.isdir(real):
        raise NotFound(f"no folder {folder} {_here()}, which --mount names")
    if real == "/":
        raise InvalidValue("--mount / is too much: name the folder that the program needs")
    return real


def _unseen(paths: Iterable[str], mountinfo: str, mounted: Iterable[str]) -> Iterable[str]:
    """Folders that hold these paths and that a container does not show by itself: on file systems in memory and the like."""
    shown, known = {mount.path for mount in node_mounts(mountinfo)}, _mount_points(mountinfo)
    for path in paths:
        real = os.path.realpath(path)
        folder = real if os.path.isdir(real) else os.path.dirname(real)
        point = max((one for one in known if is_beneath(folder, one)), key=len, default="/")
        seen = point in ("/", *shown) and not is_beneath(folder, "/run")
        if not seen and not any(is_beneath(folder, one) for one in mounted):
            yield folder


def _mount_points(mountinfo: str) -> set[str]:
    return {line.split()[4].replace("\\040", " ") for line in mountinfo.splitlines()}


def measure(settings: Settings) -> Measured:
    """Runs it once. Raises WrongResult."""
    own = msgspec.convert(settings["own"], Own)
    if not os.access(settings["program"], os.X_OK):
        raise WrongResult(
            f"{settings['program']} is not there inside: a container sees the node's disks, not what other programs mounted; "
            "name its folder with --mount, or put it on a disk"
        )
    done = _captured(own, settings["program"])
    if done.code:
        raise WrongResult(f"{own.words[0]} ended {_how(done)}: {NO_SPEED}")
    return Measured(values(own, done.out) if own.readings else {TIME.name: done.seconds}, {"checked": own.check or "exit code 0"})


def _captured(own: Own, program: str) -> Captured:
    try:
        return capture(own.words, own.limit_s, own.workdir, program)
    except OSError as error:
        raise WrongResult(f"cannot run {program} in {own.workdir}: {error.strerror}") from None
    except TimeoutExpired:
        why = f"{own.words[0]} did not end within {own.limit_s:g} s: give it more with --time, or less to do"
        raise WrongResult(why) from None


def _how(done: Captured) -> str:
    lines = [line.strip() for line in (done.err or done.out).splitlines() if line.strip()]
    code = f"by signal {-done.code}" if done.code < 0 else f"with exit code {done.code}"
    return f"{code} ({lines[-1][:200]})" if lines else code


def _main(argv: list[str]) -> None:
    if argv[:1] != [OPTION] or len(argv) < 2:
        sys.exit(f"own: begin with {OPTION} JSON")
    try:
        own = Own.from_json(argv[1])
    except HpcschedError as error:
        sys.exit(f"own: {error}")
    main(benchmark(own), argv[2:])


if __name__ == "__main__":
    _main(sys.argv[1:])
