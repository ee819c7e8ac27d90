"""Drawings for people: a node with a job's PUs marked, for the terminal and as SVG."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hpcsched.cli.folding import fold
from hpcsched.cli.layout import Group, Layout, NodeBox, PackageBox, lay_out
from hpcsched.cli.svg import svg_topology as svg_topology
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Core, Topology
from hpcsched.model.units import format_count

if TYPE_CHECKING:
    from rich.text import Text

Line = list[tuple[str, str]]
"""Pieces of text with rich's name of their style."""

MARK, FREE = "●", "○"
WIDEST = 100
MOST_CORES = 64
MOST_GROUPS = 96
LEAST_FOR_NOTES = 42
"""Columns: two such boxes stand side by side in 100."""
_JOB, _DIM, _FRAME = "bold green", "dim", "blue"


def draw_topology(topology: Topology, marked: IdSet | None = None, width: int | None = None) -> Text:
    """Boxes for packages and NUMA nodes, a line for each cache, die and kind of core, a cell for each core with its PUs.

    Devices and memory without cores stand in the smallest box that has all PUs near them.

    `marked` PUs get a colour and a sign, so that `.plain` shows them too. `width` in columns: by default the terminal's, 100
    at most. A machine of more than 64 cores has one line for each cache, one of very many caches one for each NUMA node.
    """
    from rich.text import Text

    lines = _drawing(topology, marked or IdSet(), width or _terminal_width())
    text = Text(no_wrap=True, overflow="ignore")
    for number, line in enumerate(lines):
        text.append("\n" if number else "")
        for piece, style in line:
            text.append(piece, style)
    return text


def _drawing(topology: Topology, marked: IdSet, width: int) -> list[Line]:
    layout, columns = lay_out(topology), max(width, 40)
    drawer = _Drawer(topology, layout, marked, columns)
    packages = _flow([drawer.package(box) for box in layout.packages], columns)
    title: list[Line] = [[(line, "bold")] for line in fold(layout.title, columns)]
    notes = [line for note in layout.notes for line in _noted(note, columns)]
    return [*title, *packages, *notes, *_legend(topology, marked, columns)]


def _noted(note: str, width: int) -> list[Line]:
    return [[(line, "")] for line in fold(note, width, indent=2)]


def _legend(topology: Topology, marked: IdSet, width: int) -> list[Line]:
    if not marked:
        return []
    here = len(marked & topology.pus)
    first, *rest = fold(f"the job's PUs: {here} of {len(topology.pus)} ({marked})", width - 2, indent=2)
    lines: list[Line] = [[(MARK, _JOB), (f" {first}", "")], *([(line, "")] for line in rest)]
    _append(lines, (f"   {FREE} others", _DIM), width)
    return lines


class _Drawer:
    """One machine: all its boxes show the same amount of detail and have the same width."""

    def __init__(self, topology: Topology, layout: Layout, marked: IdSet, width: int) -> None:
        self.marked, self.width = marked, width
        nodes = [node for package in layout.packages for node in package.nodes]
        self._each_core = len(topology.cores) <= MOST_CORES
        self._each_group = sum(len(node.groups) for node in nodes) <= MOST_GROUPS
        self._digits = len(str(max(topology.pus, default=0)))
        self._threads = max((len(core.pus) for core in topology.cores), default=1)
        widest = max((_width(line) for node in nodes for line in self._cores(node)), default=0)
        self._notes_width = min(max(widest, LEAST_FOR_NOTES), self.width - 8)
        self._node_width = max((_width(line) for node in nodes for line in self._inside(node)), default=0)

    def package(self, box: PackageBox) -> list[Line]:
        nodes = [_framed(node.title, self._inside(node), self._node_width) for node in box.nodes]
        notes = [line for note in box.notes for line in _noted(note, self.width - 4)]
        return _framed(box.title, [*_flow(nodes, self.width - 4), *notes])

    def _inside(self, node: NodeBox) -> list[Line]:
        return [*self._cores(node), *(line for note in node.notes for line in _noted(note, self._notes_width))]

    def _cores(self, node: NodeBox) -> list[Line]:
        if self._each_core:
            return [line for group in node.groups for line in self._cells(group)]
        if self._each_group:
            return [line for group in node.groups for line in self._summary(group.label, len(group.cores), group.pus)]
        return self._summary(format_count(len(node.groups), "cache"), node.cores, node.pus)

    def _cells(self, group: Group) -> list[Line]:
        label = f"{group.label}  " if group.label else ""
        cell = self._threads * (self._digits + 2) + 1
        each = max(1, min(8, (self.width - 8 - len(label)) // cell))
        rows = [group.cores[first : first + each] for first in range(0, len(group.cores), each)]
        return [self._row(" " * len(label) if number else label, row) for number, row in enumerate(rows)]

    def _row(self, label: str, cores: tuple[Core, ...]) -> Line:
        *before, last = (piece for core in cores for piece in self._cell(core))
        return [(label, ""), *before] if last[0].isspace() else [(label, ""), *before, last]

    def _cell(self, core: Core) -> Line:
        """One core, as wide as that with the most PUs: a sign and a number for each PU."""
        pieces = [self._pu(pu) for pu in core.pus]
        missing = (self._threads - len(pieces)) * (self._digits + 2)
        return [*pieces, (" " * (missing + 1), "")]

    def _pu(self, pu: int) -> tuple[str, str]:
        number = f"{pu:<{self._digits}} "
        if not self.marked:
            return f" {number}", ""
        return (f"{MARK}{number}", _JOB) if pu in self.marked else (f"{FREE}{number}", _DIM)

    def _summary(self, label: str, cores: int, pus: IdSet) -> list[Line]:
        text = f"{label}  " if label else ""
        lines: list[Line] = [
            [(part, "")] for part in fold(f"{text}{format_count(cores, 'core')}, PUs {pus}", self.width - 8, len(text))
        ]
        if self.marked:
            mine = len(pus & self.marked)
            style, sign = (_JOB, MARK) if mine else (_DIM, FREE)
            _append(lines, (f"  {sign} {mine} of {len(pus)}", style), self.width - 8)
        return lines


def _append(lines: list[Line], piece: tuple[str, str], width: int) -> None:
    """To the last line, or below where that has no room."""
    if _width(lines[-1]) + len(piece[0]) > width:
        lines.append([])
    lines[-1].append(piece)


def _framed(title: str, lines: Sequence[Line], least: int = 0) -> list[Line]:
    width = max([len(title) + 2, least, *map(_width, lines)])
    top: Line = [("╭ ", _FRAME), (title, "bold"), (" " + "─" * (width - len(title)) + "╮", _FRAME)]
    bottom: Line = [("╰" + "─" * (width + 2) + "╯", _FRAME)]
    body: list[Line] = [[("│ ", _FRAME), *_padded(line, width), (" │", _FRAME)] for line in lines]
    return [top, *body, bottom]


def _flow(blocks: Iterable[list[Line]], width: int) -> list[Line]:
    """Blocks side by side as far as they fit, then below."""
    rows: list[list[list[Line]]] = []
    for block in blocks:
        if rows and sum(_width(one[0]) + 1 for one in rows[-1]) + _width(block[0]) <= width:
            rows[-1].append(block)
        else:
            rows.append([block])
    return [line for row in rows for line in _side_by_side(row)]


def _side_by_side(blocks: list[list[Line]]) -> list[Line]:
    lines: list[Line] = []
    for number in range(max(map(len, blocks))):
        parts = [_padded(block[number] if number < len(block) else [], _width(block[0])) for block in blocks]
        lines.append([piece for place, part in enumerate(parts) for piece in ([(" ", "")] if place else []) + part])
    return lines


def _padded(line: Line, width: int) -> Line:
    return [*line, (" " * (width - _width(line)), "")]


def _width(line: Line) -> int:
    return sum(len(text) for text, _ in line)


def _terminal_width() -> int:
    return min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
