"""What a drawing shows beside the cores, and how it fits narrow terminals and large machines."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.cli.drawing import draw_topology, svg_topology
from hpcsched.cli.folding import TOGETHER, fold
from hpcsched.model.idset import IdSet
from hpcsched.model.topology import Core, NumaNode, PciDevice, Topology
from hpcsched.model.units import GIB
from hpcsched.testing.topologies import grid
from tests.captures import ALL, each, machine

GOLDEN = Path(__file__).parents[1] / "golden/drawing-beside.txt"


def device(address: str, kind: str, numa: int, cpus: str, *names: str) -> PciDevice:
    return PciDevice(address, kind, numa, IdSet.parse(cpus), names=names)


def two_dies(topology: Topology) -> Topology:
    """The second half of the cores of each package on a die of its own, and of another kind."""
    half = len(topology.cores) // 4
    cores = tuple(replace(core, die=core.logical // half % 2, kind=core.logical // half % 2) for core in topology.cores)
    return replace(topology, cores=cores, core_kinds=("slow", "fast"))


DEVICES = (
    device("0000:17:00.0", "GPU", 0, "0-3", "card1", "renderD128", "opencl0d0"),
    device("0000:18:00.0", "GPU", 0, "0-3", "card2"),
    device("0000:19:00.0", "NVMe", 0, "0-3", "nvme0n1"),
    device("0000:1a:00.0", "storage", 0, "0-3", "sda"),
    device("0000:5e:00.0", "NIC", 1, "4-7", "ib0", "mlx5_0"),
    device("0000:9a:00.0", "NIC", -1, "8-15", "eth0"),
    device("0000:fe:00.0", "other", -1, ""),
)
MEMORY = (
    NumaNode(4, 16 * GIB, IdSet(), tier="HBM", near=IdSet.parse("0-3")),
    NumaNode(5, 512 * GIB, IdSet(), tier="NVM", near=IdSet.parse("0-7")),
    NumaNode(6, 96 * GIB, IdSet(), tier="GPU"),
)
PLAIN = grid(packages=2, nodes=2, cores=4, pus=1, memory=64 * GIB)
MACHINE = two_dies(
    replace(
        PLAIN,
        numa_nodes=(*PLAIN.numa_nodes, *MEMORY),
        devices=DEVICES,
        offline=IdSet.parse("16-17"),
        disallowed=IdSet.parse("18"),
    )
)


def lines(topology: Topology, width: int = 80, marked: str = "") -> list[str]:
    return draw_topology(topology, IdSet.parse(marked), width).plain.splitlines()


def test_a_machine_with_everything_is_drawn() -> None:
    assert "\n".join(lines(MACHINE)) + "\n" == GOLDEN.read_text()


def box_with(text: str, drawn: list[str]) -> str:
    """The title of the innermost box that the line with that text stands in."""
    place = next(number for number, line in enumerate(drawn) if text in line)
    depth = drawn[place].count("│")
    titles = [line for line in drawn[: place + 1] if "╭" in line and line.count("│") == depth - 2]
    return re.sub(r"[╭╮─│]", "", titles[-1]).strip() if depth else ""


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("GPU 0000:17:00.0 card1 renderD128", "NUMA node 0 · 64G"),
        ("NVMe 0000:19:00.0 nvme0n1", "NUMA node 0 · 64G"),
        ("devices: 1 storage", "NUMA node 0 · 64G"),
        ("NUMA node 4 (16G HBM)", "NUMA node 0 · 64G"),
        ("NIC 0000:5e:00.0 ib0 mlx5_0", "NUMA node 1 · 64G"),
        ("NUMA node 5 (512G NVM)", "package 0"),
        ("NIC 0000:9a:00.0 eth0", "package 1"),
        ("NUMA node 6 (96G GPU)", ""),
        ("devices: 1 other", ""),
        ("offline: PUs 16-17", ""),
        ("not allowed: PUs 18", ""),
    ],
)
def test_everything_stands_in_the_smallest_box_that_is_near_it(text: str, title: str) -> None:
    assert box_with(text, lines(MACHINE, 60)) == title
    assert sum(text in line for line in lines(MACHINE, 60)) == 1


def test_the_title_counts_dies_and_gpus() -> None:
    assert " · 2 packages · 4 dies · 7 NUMA nodes · 16 cores · 16 PUs · 880G · 2 GPUs" in " ".join(lines(MACHINE))
    assert "die" not in " ".join(lines(PLAIN))


def test_memory_that_cores_belong_to_shows_its_tier_unless_it_is_plain() -> None:
    fast = replace(PLAIN, numa_nodes=(replace(PLAIN.numa_nodes[0], tier="HBM"), *PLAIN.numa_nodes[1:]))
    drawn = "\n".join(lines(fast))
    assert "NUMA node 0 · 64G HBM" in drawn
    assert "NUMA node 1 · 64G ─" in drawn


def test_very_many_devices_are_counted() -> None:
    many = tuple(device(f"0000:{bus:02x}:00.0", "NIC", 0, "0-3", f"eth{bus}") for bus in range(200))
    drawn = " ".join(lines(replace(PLAIN, devices=many)))
    assert "and 192 more" in re.sub(r"[│ ]+", " ", drawn)
    assert drawn.count(":00.0") == 8


@pytest.mark.parametrize("width", [40, 80, 100])
def test_512_cores_with_devices_are_readable(width: int) -> None:
    topology = grid(packages=2, nodes=4, caches=8, cores=8, pus=2)
    gpus = tuple(
        PciDevice(f"0000:{node.os_index + 16:02x}:00.0", "GPU", node.os_index, node.pus, names=(f"card{node.os_index}",))
        for node in topology.numa_nodes
    )
    drawn = lines(replace(topology, devices=gpus), width, "0-7")
    assert max(map(len, drawn)) <= width
    assert len(drawn) < 170
    assert sum("GPU 0000:" in line for line in drawn) == 8
    assert sum("● 8 of 16" in line for line in drawn) == 1


def test_pus_that_are_numbered_round_robin_still_fit() -> None:
    cores = tuple(Core(n, n // 256, n // 64, IdSet.of([n % 64 * 8 + n // 64])) for n in range(512))
    nodes = tuple(NumaNode(i, GIB, IdSet.of(range(i, 512, 8))) for i in range(8))
    drawn = lines(Topology(cores, nodes), 80, "0")
    assert max(map(len, drawn)) <= 80
    numbers = re.findall(
        r"\d+", re.sub(r"(NUMA node|package) \d+[^│╮]*|.*job's PUs.*|\d+ cores?|[●○] \d+ of \d+", "", "\n".join(drawn[1:]))
    )
    assert sorted(map(int, numbers)) == list(range(512))


@each(ALL)
def test_a_real_machine_fits_80_columns(path: Path) -> None:
    topology = machine(path)
    drawn = lines(topology, 80, str(topology.pus.first()))
    assert max(map(len, drawn)) <= 80
    assert len(drawn) < 150
    text = re.sub(r"[│\s]+", " ", "\n".join(drawn))
    shown = [one for one in topology.devices if one.kind == "GPU"]
    assert all(one.address in text for one in shown)


@given(st.lists(st.text("ab ,\u00a0", max_size=12), max_size=8), st.integers(1, 30), st.integers(0, 4))
def test_folding_keeps_every_letter_and_no_line_is_too_long_that_could_be_shorter(
    words: list[str], width: int, indent: int
) -> None:
    text = " ".join(words)
    folded = fold(text, width, indent)
    assert "".join(folded).replace(" ", "") == text.replace(" ", "").replace(TOGETHER, "")
    longest = max((len(piece) for piece in re.split("[ ,]", text)), default=0)
    assert all(len(line.lstrip()) <= max(width, indent + longest + 1) for line in folded)


def test_the_svg_names_what_is_beside_the_cores() -> None:
    svg = ElementTree.fromstring(svg_topology(MACHINE))
    words = " ".join(node.text or "" for node in svg.iter("{http://www.w3.org/2000/svg}text"))
    for text in (
        "0000:17:00.0 card1",
        "NUMA node 4 (16G HBM)",
        "die 1 · L3 32M · fast",
        "offline: PUs 16-17",
        "0000:9a:00.0 eth0",
    ):
        assert text in words


def test_what_a_device_calls_itself_cannot_steer_the_terminal_or_the_page() -> None:
    evil = (device("0000:17:00.0", "GPU", 0, "0-3", "\x1b[2J<script>"),)
    drawn = replace(PLAIN, devices=evil, core_kinds=("\x1b]0;x", "b"))
    assert "\x1b" not in draw_topology(drawn).plain + svg_topology(drawn)
    assert "<script>" not in svg_topology(drawn)


@each(ALL)
def test_everything_of_a_real_machine_is_drawn_once(path: Path) -> None:
    topology = dataclasses.replace(machine(path), cpu_model="")
    drawn = "\n".join(lines(topology, 100))
    alone = [node for node in topology.numa_nodes if not node.pus]
    assert len(re.findall(r"\(\S+ ?(?:HBM|GPU|NVM|CXL)?\)|\(no memory\)", drawn)) >= len(alone)
    counted = sum(int(count) for count in re.findall(r"(\d+) (?:storage|other)\b", drawn))
    assert counted == sum(one.kind in ("storage", "other") for one in topology.devices)
