"""A node's hardware as one self-contained SVG: no script, no font, no link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from hpcsched.cli.folding import fold
from hpcsched.cli.layout import Group, NodeBox, PackageBox, lay_out
from hpcsched.cli.svg_marks import STYLE, Marks, legend, marks
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Core, Topology

WIDTH = 1200
PER_ROW = 8
_PAD, _LINE, _PU_HEIGHT = 10, 22, 22
_CHARACTER, _LEAST_FOR_NOTES = 7.5, 320
_STYLE = (
    "text{font:13px sans-serif;fill:#1a202c}.t{font-weight:600}.n{text-anchor:middle;font-size:11px}"
    ".package{fill:#f7fafc;stroke:#718096}.numa{fill:#ebf4ff;stroke:#4a90d9}.core{fill:#fff;stroke:#a0aec0}"
    ".pu{fill:#edf2f7;stroke:#cbd5e0}" + STYLE
)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of the drawing; `body` is drawn from its upper left corner, sizes in pixels."""

    width: float
    height: float
    body: str


def svg_topology(topology: Topology, marked: IdSet | None = None, tasks: Sequence[IdSet] = (), notes: Sequence[str] = ()) -> str:
    """The whole machine, each PU a box with its number; those of `marked` are dark with a thick edge.

    `tasks`: parts of `marked`, with a colour each unless they share PUs. `notes`: lines below the drawing.
    """
    layout, mine = lay_out(topology), marks(marked or IdSet(), tasks)
    parts = [_text(layout.title, "t"), _flow([_package(box, mine) for box in layout.packages], WIDTH)]
    parts += _notes(layout.notes, WIDTH)
    parts += [_text(line, style) for line, style in legend(topology, mine, tasks)]
    parts += _notes(notes, WIDTH)
    page = _below(parts)
    width, height = page.width + 2 * _PAD, page.height + 2 * _PAD
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(layout.title)}">'
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        f"{_at(page, _PAD, _PAD)}</svg>\n"
    )


def _package(box: PackageBox, mine: Marks) -> Block:
    nodes = _flow([_node(node, mine) for node in box.nodes], WIDTH)
    return _framed(box.title, "package", _below([nodes, *_notes(box.notes, WIDTH)]))


def _node(node: NodeBox, mine: Marks) -> Block:
    groups = _flow([_group(group, mine) for group in node.groups], WIDTH / 2 - 50)
    return _framed(node.title, "numa", _below([groups, *_notes(node.notes, max(groups.width, _LEAST_FOR_NOTES))]))


def _notes(lines: Sequence[str], width: float) -> list[Block]:
    """In lines of about that many pixels."""
    return [_text(part) for line in lines for part in fold(line, int(width / _CHARACTER))]


def _group(group: Group, mine: Marks) -> Block:
    cores = [_core(core, mine) for core in group.cores]
    rows = [_beside(cores[first : first + PER_ROW]) for first in range(0, len(cores), PER_ROW)]
    return _below(([_text(group.label)] if group.label else []) + rows)


def _core(core: Core, mine: Marks) -> Block:
    width = 8 + 7 * len(str(max(core.pus)))
    pus = [_pu(pu, core.logical, width, mine) for pu in core.pus]
    inner = _beside(pus, gap=2)
    frame = f'<rect class="core" width="{inner.width + 6:g}" height="{inner.height + 6:g}" rx="3"/>'
    return Block(inner.width + 6, inner.height + 6, frame + _at(inner, 3, 3))


def _pu(pu: int, core: int, width: int, mine: Marks) -> Block:
    style = mine.style(pu)
    body = (
        f"<g><title>PU {pu}, core {core}{mine.words(pu)}</title>"
        f'<rect class="pu{style}" width="{width}" height="{_PU_HEIGHT}" rx="2"/>'
        f'<text class="n{style}" x="{width / 2:g}" y="15">{pu}</text></g>'
    )
    return Block(width, _PU_HEIGHT, body)


def _framed(title: str, style: str, inner: Block) -> Block:
    page = _below([_text(title, "t"), inner])
    width, height = page.width + 2 * _PAD, page.height + 2 * _PAD
    frame = f'<rect class="{style}" width="{width:g}" height="{height:g}" rx="6"/>'
    return Block(width, height, frame + _at(page, _PAD, _PAD))


def _text(text: str, style: str = "") -> Block:
    """The width is an estimate, as a viewer's font is not known here."""
    return Block(_CHARACTER * len(text), _LINE - 6, f'<text class="{style}" y="13">{escape(text)}</text>')


def _flow(blocks: Sequence[Block], width: float) -> Block:
    """Side by side as far as they fit, then below."""
    rows: list[list[Block]] = []
    for block in blocks:
        if rows and sum(one.width + 6 for one in rows[-1]) + block.width <= width:
            rows[-1].append(block)
        else:
            rows.append([block])
    return _below([_beside(row) for row in rows])


def _beside(blocks: Sequence[Block], gap: float = 6) -> Block:
    body, x = "", 0.0
    for block in blocks:
        body += _at(block, x, 0)
        x += block.width + gap
    return Block(max(0.0, x - gap), max((block.height for block in blocks), default=0), body)


def _below(blocks: Sequence[Block], gap: float = 6) -> Block:
    body, y = "", 0.0
    for block in blocks:
        body += _at(block, 0, y)
        y += block.height + gap
    return Block(max((block.width for block in blocks), default=0), max(0.0, y - gap), body)


def _at(block: Block, x: float, y: float) -> str:
    return f'<g transform="translate({x:g} {y:g})">{block.body}</g>' if x or y else block.body
