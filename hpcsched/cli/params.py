"""How the command line writes sizes, durations, mounts and variables."""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import CompletionItem

from hpcsched.errors import InvalidValue
from hpcsched.model.container import Mount
from hpcsched.model.units import parse_bytes, parse_duration
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


class NodeCount(_Parsed):
    """One number of nodes."""

    name = "n"

    def read(self, text: str) -> int:
        if not text.isascii() or not text.isdigit():
            hint = " (a range MIN-MAX is not supported, give one number)" if "-" in text.strip("-") else ""
            raise InvalidValue(f"bad number of nodes {text!r}{hint}")
        if not 1 <= (number := int(text[:10])) <= 65536:
            raise InvalidValue(f"{text[:20]} nodes is outside 1 to 65536")
        return number


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
