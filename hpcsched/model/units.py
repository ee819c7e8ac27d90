"""Sizes, durations and counts as people write them."""

from __future__ import annotations

import re

from hpcsched.errors import InvalidValue

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
MAX_BYTES = 1 << 60
MAX_SECONDS = 10 * 366 * 86400
_FACTORS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB, "P": 1 << 50}
_SIZE = re.compile(r"(\d{1,19})([KMGTP]?)(?:iB|B)?", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,18})-)?(\d{1,18})(?::(\d{1,2}))?(?::(\d{1,2}))?", re.ASCII)
_WORDY = re.compile(r"(\d{1,18})([smhd])", re.ASCII)


def parse_bytes(text: str) -> int:
    """Bytes from `64G`, `512M`, `1024` (powers of 1,024). Raises InvalidValue."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidValue(f"bad size {text!r}: write it like 64G or 512M")
    size = int(match[1]) * _FACTORS[match[2].upper()]
    if size > MAX_BYTES:
        raise InvalidValue(f"size {text!r} is above the largest accepted, {format_bytes(MAX_BYTES)}")
    return size


def format_bytes(size: int) -> str:
    """The size in its largest unit that keeps one digit before the point, e.g. `1.5G`."""
    for unit in ("P", "T", "G", "M", "K"):
        factor = _FACTORS[unit]
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + unit
    return str(size)


def format_count(count: int, noun: str) -> str:
    """`1 pair`, `2 pairs`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def format_figure(value: float, digits: int = 5) -> str:
    """In so many significant digits, of large figures without an exponent."""
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text else text


def parse_duration(text: str) -> int:
    """Seconds from `90s 15m 2h 1d`, minutes `30`, `MM:SS`, `HH:MM:SS`, `D-HH[:MM[:SS]]` as sbatch(1) reads them.

    Raises InvalidValue.
    """
    seconds = _wordy_seconds(text.strip())
    if seconds is None:
        seconds = _clock_seconds(text.strip())
    if seconds is None:
        raise InvalidValue(f"bad duration {text!r}: write it like 1:30:00, 2-12 or 90s")
    if not 0 < seconds <= MAX_SECONDS:
        raise InvalidValue(f"duration {text!r} is outside 1 second to 10 years")
    return seconds


def _wordy_seconds(text: str) -> int | None:
    match = _WORDY.fullmatch(text)
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]] if match else None


def _clock_seconds(text: str) -> int | None:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    days, *parts = match.groups()
    a, b, c = (int(part) if part is not None else None for part in parts)
    assert a is not None
    if days is not None:
        return int(days) * 86400 + a * 3600 + (b or 0) * 60 + (c or 0)
    if c is not None:
        return a * 3600 + (b or 0) * 60 + c
    return a * 60 + (b or 0)


def format_duration(seconds: float) -> str:
    """`D-HH:MM:SS` as squeue(1) prints it, without leading empty parts."""
    whole = int(seconds)
    days, rest = divmod(whole, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, secs = divmod(rest, 60)
    if days:
        return f"{days}-{hours:02}:{minutes:02}:{secs:02}"
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"
