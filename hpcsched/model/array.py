"""Job arrays: which tasks one has, and how far they are."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from hpcsched.errors import InvalidValue
from hpcsched.model.allocation import Binding
from hpcsched.model.ranges import Ranges, count, mask_of, normal, union

MAX_TASK_ID = 4_194_303
"""As Slurm's largest (slurm.conf(5), MaxArraySize)."""
MAX_TASKS = 1_000_000
MAX_PARTS = 1000
MAX_TEXT = 16_384
_PART = re.compile(r"(\d{1,18})(?:-(\d{1,18})(?::(\d{1,18}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ArrayTasks:
    """`parts`: first and last id and step, in the order given. `ends`: how many tasks there are up to the end of each part.

    `throttle`: at most so many at once (0: no limit). A position counts from 0 in the order given.
    """

    parts: tuple[tuple[int, int, int], ...]
    ends: tuple[int, ...]
    throttle: int = 0

    def __len__(self) -> int:
        return self.ends[-1]

    def task_id(self, position: int) -> int:
        """Raises InvalidValue."""
        if not 0 <= position < len(self):
            raise InvalidValue(f"there is no task at position {position}: the array has {len(self)}")
        at = bisect_right(self.ends, position)
        first, _, step = self.parts[at]
        return first + (position - (self.ends[at - 1] if at else 0)) * step

    def position(self, task_id: int) -> int:
        """Raises InvalidValue."""
        for at, (first, last, step) in enumerate(self.parts):
            if first <= task_id <= last and (task_id - first) % step == 0:
                return (self.ends[at - 1] if at else 0) + (task_id - first) // step
        raise InvalidValue(f"the array has no task {task_id}: its ids are {self.shown}")

    @property
    def lowest(self) -> int:
        return min(first for first, _, _ in self.parts)

    @property
    def highest(self) -> int:
        return max(last for _, last, _ in self.parts)

    @property
    def step(self) -> int:
        """1 for an array of several parts."""
        return self.parts[0][2] if len(self.parts) == 1 else 1

    @property
    def shown(self) -> str:
        """The ids as one gives them, without the throttle; of many parts the first few."""
        texts = [_shown(*part) for part in self.parts[:8]]
        return ",".join((*texts, "...") if len(self.parts) > 8 else texts)


def _shown(first: int, last: int, step: int) -> str:
    if first == last:
        return str(first)
    return f"{first}-{last}" + (f":{step}" if step > 1 else "")


@lru_cache(1024)
def parse_array(text: str) -> ArrayTasks:
    """Read `0-99:2,200%8`: ids and ranges of ids with steps, at most 8 at once. Raises InvalidValue."""
    if len(text) > MAX_TEXT:
        raise InvalidValue(f"the array's text is {len(text)} characters long, at most {MAX_TEXT}: give ranges as 0-99")
    ids, mark, most = text.partition("%")
    throttle = _throttle(most, text) if mark else 0
    words = ids.split(",")
    if len(words) > MAX_PARTS:
        raise InvalidValue(f"an array of {len(words)} parts, at most {MAX_PARTS}: give ranges as 0-99")
    parts = tuple(_part(word, text) for word in words)
    ends = tuple(accumulate((last - first) // step + 1 for first, last, step in parts))
    _check_once(parts, ends[-1])
    return ArrayTasks(parts, ends, throttle)


def _throttle(most: str, text: str) -> int:
    if not (most.isascii() and most.isdigit() and len(most) <= 7 and int(most) >= 1):
        raise InvalidValue(f"bad array {_short(text)}: behind '%' stands how many tasks may run at once, 1 or more")
    return int(most)


def _part(word: str, text: str) -> tuple[int, int, int]:
    found = _PART.fullmatch(word)
    if not found:
        raise InvalidValue(f"bad array {_short(text)}: give task ids as 0-99, 0-99:2, 1,5,9 or 0-99%8")
    first, step = int(found[1]), int(found[3] or 1)
    last = int(found[2] or first)
    if last < first:
        raise InvalidValue(f"bad array {_short(text)}: {word} runs backwards; write the smaller id first")
    if step < 1:
        raise InvalidValue(f"bad array {_short(text)}: the step of {word} must be 1 or more")
    if last > MAX_TASK_ID:
        raise InvalidValue(f"bad array {_short(text)}: {last} is above the largest task id, {MAX_TASK_ID}")
    return first, last - (last - first) % step, step


def _check_once(parts: tuple[tuple[int, int, int], ...], size: int) -> None:
    if size > MAX_TASKS:
        raise InvalidValue(f"an array of {size} tasks, at most {MAX_TASKS}: submit several")
    seen = bytearray(max(last for _, last, _ in parts) + 1 if len(parts) > 1 else 0)
    for first, last, step in parts if len(parts) > 1 else ():
        here = slice(first, last + 1, step)
        if 1 in seen[here]:
            raise InvalidValue(f"the array names a task twice, in {_shown(first, last, step)}")
        seen[here] = b"\1" * ((last - first) // step + 1)


def _short(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:57] + "...")


@dataclass(frozen=True, slots=True)
class Following:
    """Positions `ranges` wait for the tasks of the same ids in job `job_id` to end well."""

    job_id: int
    ranges: Ranges


@dataclass(frozen=True, slots=True)
class ArrayProgress:
    """Of an array's tasks, by position (0 for the first), positions as half-open ranges: `next`, from which on none was given
    out; `again`, those below it that wait (given back, or passed over). `out`: how many workers have. `done`: ended with exit
    code 0, `failed`, `cancelled`: how many. `ok`: one bit for each that is done, as little-endian bytes. `failures`: the first.
    `follows`: those below `next` that wait for a task of another array; `barred`: how many of `cancelled` waited so in vain.
    `exit_code`: the largest of a task, 128+n for signal n.
    """

    size: int
    next: int = 0
    again: Ranges = ()
    ok: bytes = b""
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    failures: tuple[tuple[int, str], ...] = ()
    """Position, and how it ended, a sentence."""
    workers: tuple[int, ...] = ()
    """Jobs whose containers run tasks of it now."""
    out: int = 0
    lost_once: Ranges = ()
    """Their worker was lost once, or more often."""
    lost_twice: Ranges = ()
    launch_failures: int = 0
    """Workers that could not be started, in a row."""
    nodes: tuple[str, ...] = ()
    """Where it had workers, in the order of the first one there."""
    cpu_s: float = 0.0
    max_rss: int = 0
    """CPU seconds, and bytes of the largest process, of its tasks that have ended (wait4(2))."""
    follows: tuple[Following, ...] = ()
    barred: int = 0
    exit_code: int = 0
    node_s: float = 0.0
    """Seconds that workers which are gone had nodes for it."""
    late: int = 0
    """How many of `cancelled` could not have ended by the array's deadline."""

    @property
    def left(self) -> int:
        """Tasks that wait for a worker."""
        return self.size - self.next + count(self.again)

    @property
    def waiting(self) -> Ranges:
        """Positions that no worker has and that one may have."""
        return union(self.again, ((self.next, self.size),) if self.next < self.size else ())

    @property
    def following(self) -> Ranges:
        """Positions that wait for a task of another job."""
        found: Ranges = ()
        for one in self.follows:
            found = union(found, one.ranges)
        return found

    @property
    def ended(self) -> int:
        return self.done + self.failed + self.cancelled

    def is_ok(self, position: int) -> bool:
        at, bit = divmod(position, 8)
        return at < len(self.ok) and bool(self.ok[at] >> bit & 1)


def with_bits(ok: bytes, ranges: Ranges) -> bytes:
    """The same bits and those."""
    mask = int.from_bytes(ok, "little") | mask_of(ranges)
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def translated(ranges: Ranges, source: ArrayTasks, target: ArrayTasks) -> Ranges:
    """Positions in `target` of the tasks that have these positions in `source`, by their ids."""
    if source.parts == target.parts:
        return ranges
    found: list[tuple[int, int]] = []
    for first, end in ranges:
        at = bisect_right(source.ends, first)
        while first < end:
            last = min(end, source.ends[at])
            found += _places(range(source.task_id(first), source.task_id(last - 1) + 1, source.parts[at][2]), target)
            first, at = last, at + 1
    return normal(found)


def _places(ids: range, tasks: ArrayTasks) -> Iterator[tuple[int, int]]:
    """Where those of `ids` are that the array has."""
    base = 0
    for (first, last, step), end in zip(tasks.parts, tasks.ends, strict=True):
        lowest, highest = max(first, ids.start), min(last, ids[-1])
        here = range(lowest + (first - lowest) % step, highest + 1, step)
        if here and step == ids.step:
            both = here if here[0] in ids else range(0)
            yield (base + (both[0] - first) // step, base + (both[-1] - first) // step + 1) if both else (0, 0)
        else:
            yield from ((base + (task - first) // step, base + (task - first) // step + 1) for task in here if task in ids)
        base = end


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a worker has to run of job `job_id`: positions, as half-open ranges, and the slots for them in its container.

    `rate`: tasks that lately ended there in a second (0: not known); `since`: up to where that is counted, Unix seconds.
    `cpu_s`: CPU seconds that the worker has told of; the job has them already.
    """

    job_id: int
    ranges: Ranges
    slots: tuple[Binding, ...]
    rate: float = 0.0
    since: float = 0.0
    cpu_s: float = 0.0
