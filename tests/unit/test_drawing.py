"""Drawings of nodes and receipts: golden texts of one machine, and what must be true of every machine."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hpcsched.cli.drawing import draw_topology, receipt_table, svg_topology
from hpcsched.cli.receipt_rows import ReceiptRow, receipt_rows
from hpcsched.model.allocation import Allocation, Binding, NodeBinding
from hpcsched.model.container import ContainerStatus, Observed, Phase, Rlimit
from hpcsched.model.idset import IdSet
from hpcsched.model.job import Job, JobSpec, JobState, ResourceRequest
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


GRANTED = Binding(IdSet.parse("0-1"), IdSet.parse("0"), GIB)
SEEN = Observed(
    runtime="lxc",
    cpus=GRANTED.cpus,
    mems=GRANTED.mems,
    memory=GIB,
    cfs_quota=False,
    cgroup="/hpcsched/job-7",
    pid=4242,
    root="overlay",
    rlimits=(Rlimit("memlock", -1, -1), Rlimit("nofile", 1024, 4096)),
    devices=("/dev/null", "/dev/zero"),
    namespaces=("ipc", "mnt", "pid", "uts"),
    capabilities="00000000a80425fb",
    seccomp="2",
    speculation="thread vulnerable",
    kernel="6.1.0",
    clock_source="tsc",
    thp="madvise",
    governor="performance",
    numa_balancing="0",
)


def job(*seen: Observed | None, runtime: str = "lxc", granted: Binding = GRANTED) -> Job:
    """A running job with a node for each."""
    bindings = tuple(NodeBinding(f"n{rank}", granted) for rank in range(1, len(seen) + 1))
    parts = tuple(ContainerStatus(7, Phase.RUNNING, one) if one else None for one in seen)
    spec = JobSpec(("true",), resources=ResourceRequest(cores_per_node=2), runtime=runtime)
    return Job(7, spec, "r", JobState.RUNNING, 0.0, allocation=Allocation(bindings), parts=parts)


def signs(one: Job) -> dict[str, str]:
    return {row.what: row.sign for row in receipt_rows(one)}


def failing(one: Job) -> list[str]:
    return [what for what, sign in signs(one).items() if sign == "✗"]


def printed(one: Job) -> str:
    console = Console(width=110, no_color=True)
    with console.capture() as capture:
        console.print(receipt_table(one))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_a_receipt_is_shown_as_a_table() -> None:
    seen = dataclasses.replace(SEEN, cpus=IdSet.parse("0"), governor="")
    golden("receipt-table.txt", printed(job(SEEN, seen, None)))


def test_a_container_as_granted_has_no_cross() -> None:
    assert failing(job(SEEN)) == []
    assert [what for what, sign in signs(job(SEEN)).items() if sign == "✓"] == [
        "runtime",
        "cpus",
        "mems",
        "memory",
        "CFS quota",
        "namespaces",
    ]


@pytest.mark.parametrize(
    ("what", "seen"),
    [
        ("runtime", {"runtime": "baremetal"}),
        ("cpus", {"cpus": IdSet.parse("0-2")}),
        ("mems", {"mems": IdSet.parse("0-1")}),
        ("memory", {"memory": 2 * GIB}),
        ("memory", {"memory": 0}),
        ("CFS quota", {"cfs_quota": True}),
        ("namespaces", {"namespaces": ("mnt",)}),
    ],
)
def test_what_differs_from_the_grant_gets_a_cross(what: str, seen: dict[str, object]) -> None:
    assert failing(job(dataclasses.replace(SEEN, **seen))) == [what]  # type: ignore[arg-type]


def test_a_memory_limit_rounded_down_to_pages_is_as_granted() -> None:
    odd = dataclasses.replace(GRANTED, memory=GIB + 4097)
    assert failing(job(dataclasses.replace(SEEN, memory=GIB + 4096), granted=odd)) == []


def test_bare_metal_has_no_namespaces_of_its_own() -> None:
    bare = dataclasses.replace(SEEN, runtime="baremetal", namespaces=())
    assert failing(job(bare, runtime="baremetal")) == []
    assert failing(job(dataclasses.replace(SEEN, runtime="baremetal"), runtime="baremetal")) == ["namespaces"]


NOT_IN_THE_TABLE = {"pid"}


@pytest.mark.parametrize("name", [item.name for item in dataclasses.fields(Observed) if item.name not in NOT_IN_THE_TABLE])
def test_everything_that_the_kernel_showed_is_on_the_receipt(name: str) -> None:
    empty = {str: "", tuple: (), IdSet: IdSet(), bool: True, int: 0}
    changed = dataclasses.replace(SEEN, **{name: empty[type(getattr(SEEN, name))]})
    assert receipt_rows(job(changed)) != receipt_rows(job(SEEN))


def test_a_node_that_has_shown_nothing_has_neither_tick_nor_cross() -> None:
    rows = receipt_rows(job(None))
    assert {row.sign for row in rows} == {"·"}
    assert {row.observed for row in rows} == {"not yet seen"}
    assert "1 of its nodes have not shown a container" in printed(job(None))


def test_a_job_that_was_never_granted_anything_says_so() -> None:
    waiting = Job(7, JobSpec(("true",)), "r", JobState.PENDING, 0.0)
    assert receipt_rows(waiting) == []
    assert "the job is PENDING: nothing is granted yet" in printed(waiting)


def test_asked_names_cores_and_cpus_or_all() -> None:
    def asked(request: ResourceRequest) -> ReceiptRow:
        one = job(SEEN)
        return receipt_rows(dataclasses.replace(one, spec=dataclasses.replace(one.spec, resources=request)))[1]

    assert asked(ResourceRequest()).asked == "all"
    assert asked(ResourceRequest(3, 2)).asked == "2 cores, 3 cpus"


def test_what_a_node_reports_is_not_taken_for_markup() -> None:
    assert "[red]x[/red]" in printed(job(dataclasses.replace(SEEN, cgroup="/[red]x[/red]\x1b")))


def test_importing_the_drawings_does_not_import_rich() -> None:
    code = "import sys, hpcsched.cli.drawing; print([name for name in sys.modules if name.startswith(('rich', 'grpc', 'numpy'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
