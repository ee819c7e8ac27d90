"""How the command line writes sizes, durations, mounts and variables."""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import CompletionItem

from hpcsched.errors import InvalidValue
from hpcsched.model.container import Mount
from hpcsched.model.hostlist import expand
from hpcsched.model.units import parse_bytes, parse_duration
from hpcsched.sched.check import MAX_NODES
from hpcsched.sched.check_resources import NUMA_WORDS, check_hugepages, check_numa


class _Parsed(click.ParamType):  # type: ignore[type-arg]
    """A value of text that is read by `read`; its InvalidValue becomes a wrong call."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except InvalidValue as error:
            self.fail(str(error), param, ctx)

    def read(self, text: str) -> Any:
        raise NotImplementedError


class Word(click.ParamType):  # type: ignore[type-arg]
    """Any text; `usual` words are what the shell completes."""

    name = "word"

    def __init__(self, *usual: str) -> None:
        self.usual = usual

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in self.usual if word.startswith(incomplete)]


class Size(_Parsed):
    """Bytes."""

    name = "size"

    def read(self, text: str) -> int:
        return parse_bytes(text)


class Duration(_Parsed):
    """Seconds."""

    name = "time"

    def read(self, text: str) -> int:
        return parse_duration(text)


class NodeRange(_Parsed):
    """N or MIN-MAX; read to the pair of the two, which are the same for N."""

    name = "min[-max]"

    def read(self, text: str) -> tuple[int, int]:
        low, dash, high = text.partition("-")
        if not all(part.isascii() and part.isdigit() for part in ((low, high) if dash else (low,))):
            raise InvalidValue(f"bad number of nodes {text[:40]!r}: write it like 4 or 2-8")
        least, most = int(low[:10]), int((high if dash else low)[:10])
        if not 1 <= least <= MAX_NODES or not 1 <= most <= MAX_NODES:
            raise InvalidValue(f"{text[:20]} nodes is outside 1 to {MAX_NODES}")
        if most < least:
            raise InvalidValue(
                f"bad number of nodes {text!r}: at least {least} and at most {most} cannot both be: write {most}-{least}"
            )
        return least, most


class Variable(_Parsed):
    """NAME=VALUE, or NAME alone for the caller's own value; read to a pair."""

    name = "name[=value]"

    def read(self, text: str) -> tuple[str, str]:
        name, equals, value = text.partition("=")
        if not name or "\0" in text:
            raise InvalidValue(f"bad variable {text!r}: write it like NAME=VALUE or NAME")
        if not equals and name not in os.environ:
            raise InvalidValue(f"variable {name!r} is not set here: set it, or write {name}=VALUE")
        return name, value if equals else os.environ[name]


class MountPoint(_Parsed):
    """SRC[:DST][:ro|rw]; read to a Mount, which is read-only unless `rw` is said."""

    name = "src[:dst][:ro|rw]"

    def read(self, text: str) -> Mount:
        parts = text.split(":")
        mode = parts.pop() if len(parts) > 1 and parts[-1] in ("ro", "rw") else "ro"
        if not 1 <= len(parts) <= 2 or not all(part.startswith("/") for part in parts):
            raise InvalidValue(
                f"bad mount {text!r}: write it like /data, /data:/input or /scratch:/scratch:rw, with absolute paths"
            )
        if any(".." in part.split("/") for part in parts):
            raise InvalidValue(f"bad mount {text!r}: '..' is not allowed in it")
        return Mount(parts[0], parts[-1], mode == "ro")


class Share(_Parsed):
    """`1%` or `0.01`; read to a float."""

    name = "share"

    def read(self, text: str) -> float:
        number, percent, rest = text.partition("%")
        try:
            found = float(number) / (100 if percent else 1)
        except ValueError:
            found = 0.0
        if rest or not 0 < found <= 0.5:
            raise InvalidValue(f"bad share {text[:40]!r}: write it like 1% or 0.01, up to 50%")
        return found


class NumaChoice(_Parsed, Word):
    """`pack`, `spread` or NUMA nodes by OS index, kept as text."""

    name = "numa"

    def __init__(self) -> None:
        super().__init__(*NUMA_WORDS)

    def read(self, text: str) -> str:
        check_numa(text)
        return text


class PageCount(_Parsed):
    """SIZE:COUNT; read to a pair of the page's size in bytes and the number of pages."""

    name = "size:count"

    def read(self, text: str) -> tuple[int, int]:
        size, colon, count = text.partition(":")
        if not colon or not count.isascii() or not count.isdigit() or len(count) > 18:
            raise InvalidValue(f"bad huge pages {text[:60]!r}: write a page size and how many, as 2M:512 or 1G:4")
        asked = parse_bytes(size), int(count)
        check_hugepages([asked])
        return asked


class NodeList(_Parsed):
    """Names with commas; a range in brackets stands for several names, as n[01-16,20]. Read to a tuple of names, each once."""

    name = "names"

    def read(self, text: str) -> tuple[str, ...]:
        return expand(text)
