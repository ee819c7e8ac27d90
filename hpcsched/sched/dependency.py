"""What a job says it waits for, as `afterok:12:13,after:14+5`, read and judged."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from hpcsched.errors import InvalidValue
from hpcsched.model.job import Job, JobState
from hpcsched.sched.bounds import short

MAX_NEEDS = 1000
MAX_TEXT = 20_000
MAX_DELAY_MIN = 366 * 24 * 60
_ID = re.compile(r"([1-9][0-9]{0,17})(?:\+([0-9]{1,9}))?", re.ASCII)


class Kind(enum.StrEnum):
    """Slurm's words (sbatch(1), --dependency)."""

    AFTER = "after"
    AFTEROK = "afterok"
    AFTERNOTOK = "afternotok"
    AFTERANY = "afterany"
    AFTERCORR = "aftercorr"
    SINGLETON = "singleton"


@dataclass(frozen=True, slots=True)
class Need:
    """`job_id` 0 for a singleton; `delay_s` after the start of that job."""

    kind: Kind
    job_id: int = 0
    delay_s: int = 0

    def __str__(self) -> str:
        delay = f"+{self.delay_s // 60}" if self.delay_s else ""
        return f"{self.kind}:{self.job_id}{delay}" if self.job_id else self.kind.value


@dataclass(frozen=True, slots=True)
class Dependency:
    """All of `needs`, or with `one_is_enough` any of them."""

    needs: tuple[Need, ...] = ()
    one_is_enough: bool = False

    def __str__(self) -> str:
        return ("?" if self.one_is_enough else ",").join(map(str, self.needs))


def parse_dependency(text: str) -> Dependency:
    """Empty text: nothing. Raises InvalidValue."""
    if not text:
        return Dependency()
    if len(text) > MAX_TEXT:
        raise InvalidValue(f"a dependency of {len(text)} characters, at most {MAX_TEXT}")
    if "?" in text and "," in text:
        raise InvalidValue(f"bad dependency {short(text)}: either ',' (all of them) or '?' (any of them), not both")
    needs = tuple(need for part in re.split("[,?]", text) for need in _needs(part, text))
    if len(needs) > MAX_NEEDS:
        raise InvalidValue(f"a dependency on {len(needs)} jobs, at most {MAX_NEEDS}")
    return Dependency(tuple(dict.fromkeys(needs)), "?" in text)


def _needs(part: str, text: str) -> list[Need]:
    word, *ids = part.split(":")
    if word not in list(Kind):
        raise InvalidValue(f"bad dependency {short(part)}: write it like afterok:12, with one of {', '.join(Kind)}")
    kind = Kind(word)
    if kind is Kind.SINGLETON:
        if ids:
            raise InvalidValue(f"bad dependency {short(text)}: singleton names no job")
        return [Need(kind)]
    if not ids:
        raise InvalidValue(f"bad dependency {short(text)}: {word} names the jobs to wait for, as {word}:12")
    return [_need(kind, number, text) for number in ids]


def _need(kind: Kind, number: str, text: str) -> Need:
    found = _ID.fullmatch(number)
    if not found:
        raise InvalidValue(f"bad dependency {short(text)}: {short(number)} is no job id")
    minutes = int(found[2] or 0)
    if found[2] and kind is not Kind.AFTER:
        raise InvalidValue(f"bad dependency {short(text)}: only after:ID+MINUTES has a delay")
    if minutes > MAX_DELAY_MIN:
        raise InvalidValue(f"bad dependency {short(text)}: a delay of {minutes} minutes, at most {MAX_DELAY_MIN}")
    return Need(kind, int(found[1]), minutes * 60)


def judge(need: Need, job: Job) -> float | str | None:
    """By what its job came to: from when on the need is met, why it never will be, or None: not known yet.

    What corresponds task by task is judged elsewhere; aftercorr is afterok here.
    """
    if need.kind is Kind.AFTER:
        return job.start_time + need.delay_s if job.start_time else (job.end_time + need.delay_s if job.state.ended else None)
    if not job.state.ended:
        return None
    if need.kind is Kind.AFTERANY or (job.state is JobState.COMPLETED) is not (need.kind is Kind.AFTERNOTOK):
        return job.end_time
    return f"{need} can never be satisfied: job {job.id} ended {job.state}"
