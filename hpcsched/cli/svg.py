"""A node's hardware as one self-contained SVG: no script, no font, no link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from hpcsched.cli.layout import Group, NodeBox, PackageBox, lay_out
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Core, Topology

WIDTH = 1200
PER_ROW = 8
_PAD, _LINE, _PU_HEIGHT = 10, 22, 22
_STYLE = (
    "text{font:13px sans-serif;fill:#1a202c}.t{font-weight:600}.n{text-anchor:middle;font-size:11px}"
    ".package{fill:#f7fafc;stroke:#718096}.numa{fill:#ebf4ff;stroke:#4a90d9}.core{fill:#fff;stroke:#a0aec0}"
    ".pu{fill:#edf2f7;stroke:#cbd5e0}.pu.job{fill:#1f7a4d;stroke:#0b3d24;stroke-width:2.5}.n.job{fill:#fff;font-weight:700}"
)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of the drawing; `body` is drawn from its upper left corner, sizes in pixels."""

    width: float
    height: float
    body: str


def svg_topology(topology: Topology, marked: IdSet | None = None) -> str:
    """The whole machine, each PU a box with its number; those of `marked` are dark with a thick edge."""
    layout, mine = lay_out(topology), marked or IdSet()
    parts = [_text(layout.title, "t"), _flow([_package(box, mine) for box in layout.packages], WIDTH)]
    parts += [_text(line) for line in (layout.footer, _legend(topology, mine)) if line]
    page = _below(parts)
    width, height = page.width + 2 * _PAD, page.height + 2 * _PAD
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(layout.title)}">'
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        f"{_at(page, _PAD, _PAD)}</svg>\n"
    )


def _legend(topology: Topology, marked: IdSet) -> str:
    return f"dark: the job's PUs, {len(marked & topology.pus)} of {len(topology.pus)} ({marked})" if marked else ""


def _package(box: PackageBox, marked: IdSet) -> Block:
    return _framed(box.title, "package", _flow([_node(node, marked) for node in box.nodes], WIDTH))


def _node(node: NodeBox, marked: IdSet) -> Block:
    return _framed(node.title, "numa", _flow([_group(group, marked) for group in node.groups], WIDTH / 2 - 50))


def _group(group: Group, marked: IdSet) -> Block:
    cores = [_core(core, marked) for core in group.cores]
    rows = [_beside(cores[first : first + PER_ROW]) for first in range(0, len(cores), PER_ROW)]
    return _below(([_text(group.label)] if group.label else []) + rows)


def _core(core: Core, marked: IdSet) -> Block:
    width = 8 + 7 * len(str(max(core.pus)))
    pus = [_pu(pu, core.logical, width, pu in marked) for pu in core.pus]
    inner = _beside(pus, gap=2)
    frame = f'<rect class="core" width="{inner.width + 6:g}" height="{inner.height + 6:g}" rx="3"/>'
    return Block(inner.width + 6, inner.height + 6, frame + _at(inner, 3, 3))


def _pu(pu: int, core: int, width: int, is_jobs: bool) -> Block:
    style = " job" if is_jobs else ""
    body = (
        f"<g><title>PU {pu}, core {core}{', of the job' if is_jobs else ''}</title>"
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
    return Block(7.5 * len(text), _LINE - 6, f'<text class="{style}" y="13">{escape(text)}</text>')


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
