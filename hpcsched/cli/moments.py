"""Moments as people write them, in local time: the forms of sbatch(1), --begin, and ISO 8601."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

from hpcsched.errors import InvalidValue
from hpcsched.model.units import MAX_SECONDS

_WORDS = {"midnight": (0, 0), "noon": (12, 0), "fika": (15, 0), "teatime": (16, 0)}
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_UNITS |= {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_LATER = re.compile(r"(?:now)? *\+ *(\d{1,9}) *([a-z]*)", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))? *([ap]m)?", re.ASCII)
_DAY = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d{2}|\d{4}))?(?:-(.+))?", re.ASCII)
_HINT = "write it like now+1h, 16:00, tomorrow, 2026-05-01 or 2026-05-01T16:00"


def parse_moment(text: str, now: float) -> float:
    """Unix seconds of `now`, `now+2hours`, `16:00`, `4:30pm`, `noon`, `tomorrow`, `05/01/26-16:00` or an ISO 8601 time.

    A time of day that is past is that of tomorrow; a number after `+` without a unit is of seconds. Raises InvalidValue.
    """
    written = text.strip().lower()
    found = _relative(written, now) if len(written) <= 64 else None
    if found is None and len(written) <= 64:
        found = _calendar(written, text.strip(), datetime.fromtimestamp(now))
    if found is None:
        raise InvalidValue(f"bad time {text[:70]!r}: {_HINT}")
    if not 0 < found <= now + MAX_SECONDS:
        raise InvalidValue(f"time {text[:70]!r} is outside the next 10 years")
    return found


def _relative(text: str, now: float) -> float | None:
    if text == "now":
        return now
    match = _LATER.fullmatch(text)
    if match is None:
        return None
    unit = match[2] if match[2] in _UNITS else match[2].removesuffix("s")
    return now + int(match[1]) * _UNITS[unit or "second"] if not unit or unit in _UNITS else None


def _calendar(text: str, as_written: str, here: datetime) -> float | None:
    today = here.replace(hour=0, minute=0, second=0, microsecond=0)
    if text in ("today", "tomorrow"):
        return _unix(today + timedelta(days=text == "tomorrow"))
    if (of_day := _time_of_day(text)) is not None:
        then = _at(today, of_day)
        return _unix(then if then > here else _at(today + timedelta(days=1), of_day))
    return _dated(text, today) or _iso(as_written)


def _time_of_day(text: str) -> tuple[int, int, int] | None:
    if text in _WORDS:
        return (*_WORDS[text], 0)
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        hour = hour % 12 + 12 * (match[4] == "pm") if 1 <= hour <= 12 else 99
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _dated(text: str, today: datetime) -> float | None:
    """As MM/DD[/YY][-TIME]; without a year the next such day."""
    match = _DAY.fullmatch(text)
    of_day = _time_of_day(match[4]) if match and match[4] else (0, 0, 0)
    if match is None or of_day is None:
        return None
    year = int(match[3]) % 100 + 2000 if match[3] else today.year
    try:
        day = today.replace(year=year, month=int(match[1]), day=int(match[2]))
        then = day if match[3] or day >= today else day.replace(year=year + 1)
    except ValueError:
        return None
    return _unix(_at(then, of_day))


def _iso(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if "-" in text else None
    except (ValueError, OverflowError, OSError):
        return None


def _at(day: datetime, of_day: tuple[int, int, int]) -> datetime:
    return day.replace(hour=of_day[0], minute=of_day[1], second=of_day[2])


def _unix(local: datetime) -> float:
    return time.mktime(local.timetuple())
