"""Drawings of nodes: golden texts of one machine, and what must be true of every machine."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from hpcsched.cli.drawing import draw_topology, svg_topology
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Core, NumaNode, Topology
from hpcsched.testing.topologies import grid
from tests.captures import ALL, each, machine

GOLDEN = Path(__file__).parents[1] / "golden"
GIB = 1 << 30
MACHINE = grid(packages=2, nodes=2, cores=4, pus=2, memory=64 * GIB)


def golden(name: str, text: str) -> None:
    assert text + "\n" == (GOLDEN / name).read_text()


def test_a_node_is_drawn_with_the_jobs_pus_marked() -> None:
    golden("drawing-marked.txt", draw_topology(MACHINE, IdSet.parse("0-1,16"), 100).plain)


def test_a_narrow_terminal_gets_the_boxes_below_each_other() -> None:
    golden("drawing-narrow.txt", draw_topology(MACHINE, None, 60).plain)


def test_more_than_eight_cores_behind_one_cache_take_another_line() -> None:
    lines = draw_topology(grid(cores=10, pus=1), width=100).plain.splitlines()
    assert [len(re.findall(r"\d+", line.removeprefix("│ │ L3 32M"))) for line in lines[3:5]] == [8, 2]


def test_a_large_machine_has_a_line_for_each_cache() -> None:
    golden("drawing-caches.txt", draw_topology(grid(packages=2, caches=4, cores=16), IdSet.parse("0-19"), 100).plain)


def test_a_very_large_machine_has_a_line_for_each_numa_node() -> None:
    machine_ = grid(packages=2, nodes=4, caches=32, cores=4)
    golden("drawing-nodes.txt", draw_topology(machine_, IdSet.parse("0-99"), 100).plain)


def test_the_mark_is_a_colour_as_well() -> None:
    text = draw_topology(MACHINE, IdSet.parse("1"))
    marked = [text.plain[span.start : span.end].strip() for span in text.spans if "green" in str(span.style)]
    assert marked == ["●1", "●"]


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 140), st.data())
def test_every_pu_is_drawn_once_and_marked_as_asked(
    packages: int, nodes: int, cores: int, pus: int, width: int, data: st.DataObject
) -> None:
    topology = grid(packages, nodes, 1, cores, pus)
    marked = IdSet.of(data.draw(st.sets(st.sampled_from(sorted(topology.pus)), min_size=1)))
    lines = draw_topology(topology, marked, width).plain.splitlines()
    drawn = re.findall(r"([●○])(\d+)", "\n".join(lines[1:-1]))
    assert sorted(int(pu) for _, pu in drawn) == sorted(topology.pus)
    assert sorted(int(pu) for sign, pu in drawn if sign == "●") == sorted(marked)


@each(ALL)
def test_a_real_machine_fits_a_terminal(path: Path) -> None:
    topology = machine(path)
    lines = draw_topology(topology, IdSet.of([topology.pus.first()]), 100).plain.splitlines()
    framed = [line for line in lines if line[:1] in "╭│╰"]
    assert len(lines) < 120
    assert max(map(len, framed)) <= 100
    assert sum("● 1 of" in line or re.search(r"●\d", line) is not None for line in framed) == 1


def test_memory_without_cores_and_nodes_without_memory_are_named() -> None:
    topology = dataclasses.replace(grid(memory=0), numa_nodes=(grid(memory=0).numa_nodes[0], NumaNode(252, 16 * GIB, IdSet())))
    lines = draw_topology(topology).plain.splitlines()
    assert "NUMA node 0 · no memory" in lines[2]
    assert lines[-1] == "memory without cores: NUMA node 252 (16G)"


def test_a_numa_node_that_spans_packages_is_named_a_part_in_each() -> None:
    cores = tuple(Core(number, number, 0, IdSet.of([number])) for number in range(2))
    topology = Topology(cores, (NumaNode(0, GIB, IdSet.parse("0-1")),))
    assert draw_topology(topology).plain.count("part of NUMA node 0 · 1G") == 2


def test_very_many_packages_are_drawn_by_numa_node() -> None:
    cores = tuple(Core(number, number, number // 8, IdSet.of([number])) for number in range(16))
    topology = Topology(cores, (NumaNode(0, GIB, IdSet.parse("0-7")), NumaNode(1, GIB, IdSet.parse("8-15"))))
    text = draw_topology(topology).plain
    assert text.startswith("unnamed CPU · 16 packages · 2 NUMA nodes")
    assert text.count("╭ 8 packages") == 2


def test_what_a_node_calls_its_cpu_cannot_steer_the_terminal() -> None:
    evil = dataclasses.replace(grid(), cpu_model="\x1b[2J[red]CPU[/red]\n<script>&")
    assert draw_topology(evil).plain.splitlines()[0].startswith("[2J[red]CPU[/red]<script>& · 1 package")
    assert "<script>" not in svg_topology(evil)
    ElementTree.fromstring(svg_topology(evil))


def pu_boxes(svg: str) -> list[tuple[str, str]]:
    found = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [(node.text or "", node.get("class", "")) for node in found if node.get("class", "").startswith("n")]


def test_the_svg_has_each_pu_once_and_those_of_the_job_stand_out() -> None:
    boxes = pu_boxes(svg_topology(MACHINE, IdSet.parse("0-1,16")))
    assert sorted(int(pu) for pu, _ in boxes) == list(range(32))
    assert sorted(int(pu) for pu, style in boxes if style == "n job") == [0, 1, 16]


def test_the_svg_needs_nothing_from_outside() -> None:
    svg = svg_topology(MACHINE)
    assert re.findall(r"(?:href|src|url\(|@import|<script)", svg) == []


@each(ALL)
def test_the_svg_of_a_real_machine_keeps_its_boxes_on_the_page(path: Path) -> None:
    topology = machine(path)
    svg = ElementTree.fromstring(svg_topology(topology, topology.pus))
    assert len(pu_boxes(svg_topology(topology))) == len(topology.pus)
    assert rightmost(svg, 0) <= float(svg.get("width", "0"))


def rightmost(element: ElementTree.Element, x: float) -> float:
    """The largest right edge of a box beneath, in pixels from the left."""
    edges = [0.0]
    for child in element:
        shift = re.match(r"translate\(([\d.]+)", child.get("transform", ""))
        edges.append(rightmost(child, x + float(shift[1]) if shift else x))
        if child.tag.endswith("rect") and not child.get("width", "").endswith("%"):
            edges.append(x + float(child.get("width", "0")))
    return max(edges)


def test_importing_the_drawings_does_not_import_rich() -> None:
    code = "import sys, hpcsched.cli.drawing; print([name for name in sys.modules if name.startswith(('rich', 'grpc', 'numpy'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
