"""The watch over a fleet: from figures to drains and resumes."""

from __future__ import annotations

import math

import pytest

from hpcsched.bench.drift import LEARN, Reading, Track
from hpcsched.bench.watch import MARK, Action, Drain, Resume, Rules, Stand, Watch
from hpcsched.sched.likeness import likeness
from hpcsched.testing.nouns import node

HOUR_S = 3600.0


class World:
    """A class of nodes that all bring the figures they are told to, with 0.5 % of a saw-tooth on them."""

    def __init__(self, count: int, share: float = 0.1) -> None:
        self.watch = Watch(Rules(share=share))
        self.speeds = {f"n{number}": 100.0 for number in range(count)}
        self.reasons = dict.fromkeys(self.speeds, "")
        self.now, self.count = 0.0, 0
        self.higher_is_better = True

    def canary(self, name: str) -> Action | None:
        self.count += 1
        self.watch.see(name, "class", self.reasons[name], self.now)
        value = self.speeds[name] * (1 + 0.005 * (self.count % 3 - 1))
        action = self.watch.hear(name, [Reading("stream.triad", value, "GB/s", self.higher_is_better)], self.now)
        if isinstance(action, Drain):
            self.reasons[name] = action.reason
        elif isinstance(action, Resume):
            self.reasons[name] = ""
        return action

    def hours(self, count: int) -> list[Action]:
        """Canaries whenever they are due."""
        return [action for _ in range(6 * count) for action in self.ten_minutes()]

    def ten_minutes(self) -> list[Action]:
        due = [name for name in self.speeds if self.watch.see(name, "class", self.reasons[name], self.now).due <= self.now]
        found = [self.canary(name) for name in due]
        self.now += HOUR_S / 6
        return [action for action in found if action]

    def stand(self, name: str) -> Stand:
        return self.watch.nodes[name].stand


def test_a_node_that_loses_three_per_cent_is_drained_with_the_figures_within_a_day() -> None:
    world = World(8)
    assert world.hours(48) == []
    world.speeds["n3"] = 97.0
    [drain] = world.hours(24)
    assert drain == Drain("n3", world.reasons["n3"])
    assert drain.reason.startswith("slow: stream.triad 97 GB/s, 3.0% below its median of 100 (z -")


def test_figures_of_which_less_is_better_count_the_other_way() -> None:
    world = World(8)
    world.higher_is_better = False
    world.hours(48)
    world.speeds["n3"] = 90.0
    assert world.hours(24) == []
    world.speeds["n4"] = 104.0
    [drain] = world.hours(24)
    assert isinstance(drain, Drain)
    assert drain.name == "n4"
    assert "above its median" in drain.reason


def test_what_happens_to_a_whole_class_drains_nobody() -> None:
    world = World(8)
    world.hours(48)
    world.speeds = dict.fromkeys(world.speeds, 93.0)
    assert world.hours(48) == []
    world.speeds["n5"] = 90.0
    assert [action.name for action in world.hours(24)] == ["n5"]


def test_one_slow_canary_however_slow_makes_nobody_suspect() -> None:
    world = World(8)
    world.hours(48)
    world.speeds["n1"] = 10.0
    world.canary("n1")
    assert world.stand("n1") is Stand.OK


def test_a_suspect_that_is_well_in_the_retests_is_not_drained() -> None:
    world = World(8)
    world.hours(48)
    world.speeds["n1"] = 97.0
    while world.stand("n1") is Stand.OK:
        world.ten_minutes()
    world.speeds["n1"] = 100.0
    assert world.hours(24) == []
    assert world.stand("n1") is Stand.OK


def test_a_drained_node_is_resumed_when_it_is_well_twice_in_a_row() -> None:
    world = World(8)
    world.hours(48)
    world.speeds["n1"] = 95.0
    assert [type(action) for action in world.hours(48)] == [Drain]
    world.speeds["n1"] = 100.0
    assert world.hours(48) == [Resume("n1")]
    assert world.stand("n1") is Stand.OK


def test_never_more_than_the_share_of_a_class_is_drained() -> None:
    world = World(10, share=0.2)
    world.hours(48)
    world.speeds.update(n0=95.0, n1=95.0, n2=95.0)
    drains = world.hours(48)
    assert len(drains) == 2
    [left] = {"n0", "n1", "n2"} - {drain.name for drain in drains}
    assert world.stand(left) is Stand.SUSPECT
    assert world.watch.nodes[left].note.endswith("not drained: 2 of the 10 nodes like it are already")


def test_of_a_small_class_one_node_may_be_drained() -> None:
    world = World(1)
    world.hours(48)
    world.speeds["n0"] = 95.0
    assert [type(action) for action in world.hours(24)] == [Drain]


def test_a_node_that_somebody_resumed_is_taken_as_it_is() -> None:
    world = World(8)
    world.hours(48)
    world.speeds["n1"] = 95.0
    world.hours(24)
    world.reasons["n1"] = ""
    assert world.hours(72) == []
    assert world.stand("n1") is Stand.OK


def test_a_node_that_is_found_drained_as_slow_is_measured_until_it_is_well() -> None:
    """What was kept of it is lost."""
    world = World(8)
    world.reasons["n1"] = MARK + "stream.triad"
    world.hours(2)
    assert world.stand("n1") is Stand.DRAINED


def test_a_node_that_was_slow_from_the_beginning_is_held_to_its_class() -> None:
    world = World(8)
    world.speeds["n2"] = 85.0
    [drain] = world.hours(72)
    assert isinstance(drain, Drain)
    assert drain.name == "n2"
    assert "below the median of nodes like it" in drain.reason


def test_a_node_that_becomes_faster_is_held_to_that() -> None:
    world = World(8)
    world.hours(48)
    world.speeds["n1"] = 106.0
    assert world.hours(72) == []
    world.speeds["n1"] = 102.0
    assert [action.name for action in world.hours(24)] == ["n1"]


def test_slow_decay_is_found_though_no_day_differs_from_the_one_before() -> None:
    world = World(8)
    world.hours(200)
    drains = []
    for _ in range(40):
        world.speeds["n1"] *= 0.999
        drains += world.hours(24)
    assert isinstance(drains[0], Drain)
    assert drains[0].name == "n1"


def test_a_node_of_another_kernel_begins_anew() -> None:
    world = World(8)
    world.hours(48)
    world.watch.see("n1", "other", "", world.now)
    assert world.watch.nodes["n1"].tracks == {}
    assert world.watch.class_z(world.watch.nodes["n0"], "stream.triad") is not None


def test_nothing_is_judged_before_there_is_a_history() -> None:
    track = Track()
    for _ in range(LEARN - 1):
        track.hear(Reading("m", 1.0, "GB/s"), 0.0, 0.03, True)
    assert track.base is None
    track.hear(Reading("m", 1.0, "GB/s"), 0.0, 0.03, True)
    assert track.base == pytest.approx(math.log(1.0))


def test_nodes_of_one_hardware_are_alike_whatever_their_names() -> None:
    assert likeness(node("n1").offer, "host") == likeness(node("n2").offer, "host")
