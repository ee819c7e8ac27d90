"""A job's binding as a drawing: who has which PU, and which devices."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from hpcsched.cli.svg_binding import svg_binding
from hpcsched.cli.svg_marks import COLOURS, MOST_LINES
from hpcsched.model.allocation import Binding, TaskBinding
from hpcsched.model.idset import IdSet
from hpcsched.model.node import NodeOffer
from hpcsched.testing import nouns
from hpcsched.testing.topologies import grid

SVG = "{http://www.w3.org/2000/svg}"


def drawn(offer: NodeOffer, binding: Binding) -> tuple[dict[str, str], list[str]]:
    """The class of each PU's box by its title, and the lines of text that are no PU."""
    page = ElementTree.fromstring(svg_binding(offer, binding))
    groups = [(group.findtext(f"{SVG}title"), group.find(f"{SVG}rect")) for group in page.iter(f"{SVG}g")]
    boxes = {title: box.get("class", "") for title, box in groups if title and box is not None}
    return boxes, [text.text or "" for text in page.iter(f"{SVG}text") if not text.get("class", "").startswith("n")]


OFFER, BOUND = nouns.equipped().offer, nouns.bound()


def test_each_task_has_a_colour_and_a_line_of_its_own() -> None:
    boxes, lines = drawn(OFFER, BOUND)
    assert boxes["PU 0, core 0, of task 0"] == boxes["PU 4, core 0, of task 0"] == "pu job task0"
    assert boxes["PU 5, core 1, of task 1"] == "pu job task1"
    assert boxes["PU 2, core 2"] == "pu"
    assert [line for line in lines if line.startswith("task ")] == ["task 0: 0,4", "task 1: 1,5"]


def test_a_pu_of_the_job_that_no_task_has_looks_like_one_of_a_job_without_tasks() -> None:
    boxes, _ = drawn(OFFER, replace(BOUND, tasks=BOUND.tasks[:1]))
    assert boxes["PU 1, core 1, of the job"] == "pu job"
    assert drawn(OFFER, replace(BOUND, tasks=()))[0]["PU 1, core 1, of the job"] == "pu job"


def test_tasks_that_share_their_pus_have_no_colours() -> None:
    shared = replace(BOUND, tasks=(TaskBinding(BOUND.cpus, BOUND.mems), TaskBinding(BOUND.cpus, BOUND.mems)))
    boxes, lines = drawn(OFFER, shared)
    assert set(boxes.values()) == {"pu", "pu job"}
    assert "task 1: 0-1,4-5" in lines


def test_granted_devices_are_named_with_their_place_and_tasks() -> None:
    _, lines = drawn(OFFER, BOUND)
    assert "GPU 0000:65:00.0: H100 80GB, NUMA 0, near cpus 0-1,4-5, nvidia0 (tasks 0 1)" in lines
    assert "NIC 0000:17:00.0: MT4129, NUMA 0, near cpus 0-1,4-5, mlx5_0" in lines
    assert not any("0000:ca:00.0" in line for line in lines)


def test_a_device_that_the_node_no_longer_has_is_still_named() -> None:
    _, lines = drawn(replace(OFFER, devices=()), replace(BOUND, tasks=()))
    assert "GPU 0000:65:00.0" in lines


def test_very_many_tasks_do_not_fill_the_page_with_lines() -> None:
    topology = grid(packages=2, cores=32, pus=1)
    tasks = tuple(TaskBinding(IdSet.of([pu]), IdSet.of([0])) for pu in topology.pus)
    boxes, lines = drawn(replace(OFFER, topology=topology), Binding(topology.pus, IdSet.of([0]), tasks=tasks))
    assert sum(line.startswith("task ") for line in lines) == MOST_LINES
    assert f"and {len(tasks) - MOST_LINES} more tasks" in lines
    assert len(set(boxes.values())) == len(COLOURS)


@pytest.mark.parametrize("colour", COLOURS)
def test_white_letters_can_be_read_on_each_colour(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(part, 16) / 255 for part in re.findall("[0-9a-f]{2}", colour)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_what_a_node_calls_a_device_is_text() -> None:
    evil = replace(OFFER.devices[0], model="<script>&")
    assert "<script>" not in svg_binding(replace(OFFER, devices=(evil,)), BOUND)
