"""What a hypervisor, others, heat or a quota took from the samples of a run."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from hpcsched.bench.disturbed import LEAST_OTHERS, disturbed
from hpcsched.bench.plan import Arm
from hpcsched.bench.result import Result
from tests.benchreports import html, measured, shown

QUIET = measured()
NONE = dict.fromkeys(Arm, 0.0)
STEAL = {Arm.BARE: 0.01, Arm.CONTAINER: 0.03, Arm.CONTROL: 0.0}


def troubled(steal: dict[Arm, float] = STEAL, throttled: int = 2) -> Result:
    """The container's samples of stream were slowed down; warm-up ones suffered worst."""
    samples = (
        dataclasses.replace(
            one,
            steal=0.9 if one.warmup else steal[one.arm],
            throttled=throttled * (one.benchmark == "stream" and one.arm is Arm.CONTAINER),
        )
        for one in QUIET.samples
    )
    return dataclasses.replace(QUIET, samples=tuple(samples))


def crowded(others: dict[Arm, float]) -> Result:
    samples = (dataclasses.replace(one, others=0.9 if one.warmup else others[one.arm]) for one in QUIET.samples)
    return dataclasses.replace(QUIET, samples=tuple(samples))


def row(name: str, *texts: str) -> str:
    cells = "".join(f'<td class="number">{text}</td>' for text in texts)
    return f"<tr><td>{name}</td>{cells}</tr>"


def test_what_was_taken_is_told_by_arm_without_the_warm_up() -> None:
    assert list(disturbed(troubled())) == [
        "A hypervisor took of the samples' time: bare metal 1.0%, container 3.0%, control 0.0%; up to 3.0% of one sample.",
        "CPUs were slowed down, by heat or a quota, so many times: bare metal 0, container 14, control 0.",
    ]


def test_a_node_that_says_nothing_or_has_nothing_taken_is_not_spoken_of(tmp_path: Path) -> None:
    for quiet in (QUIET, troubled(NONE, 0), troubled(dict.fromkeys(Arm, 1e-6), 0), crowded(NONE)):
        assert list(disturbed(quiet)) == []
        assert "slowed down" not in html(quiet, tmp_path)


def test_the_page_has_a_row_for_each_benchmark_and_the_terminal_a_line(tmp_path: Path) -> None:
    page = html(troubled(), tmp_path)
    assert row("dgemm", "1.00%", "3.00%", "0.00%") in page
    assert row("stream", "0", "14", "0") in page
    assert row("dgemm", "0", "0", "0") not in page
    assert "container 3.0%" in shown(troubled())


def test_others_on_the_cpus_are_told_by_arm(tmp_path: Path) -> None:
    busy = crowded({Arm.BARE: 0.75, Arm.CONTAINER: 0.25, Arm.CONTROL: 0.0})
    said = "Other processes of the node, or its kernel, ran on the samples' CPUs: bare metal 75.0%, container 25.0%, control 0.0%"
    assert list(disturbed(busy)) == [f"{said}; up to 75.0% of one sample."]
    assert row("dgemm", "75.00%", "25.00%", "0.00%") in html(busy, tmp_path)


@pytest.mark.parametrize(("share", "told"), [(LEAST_OTHERS * 0.99, False), (LEAST_OTHERS, True)])
def test_what_the_daemons_take_of_a_small_node_is_not_spoken_of(tmp_path: Path, share: float, told: bool) -> None:
    result = crowded({**NONE, Arm.CONTAINER: share})
    assert bool(list(disturbed(result))) == ("other processes or the kernel" in html(result, tmp_path)) == told


def test_a_report_from_before_is_read_and_does_not_know_of_others() -> None:
    body = json.loads(crowded(NONE).to_json())
    for sample in body["samples"]:
        del sample["others"]
    result = Result.from_json(json.dumps(body).encode())
    assert {sample.others for sample in result.samples} == {-1.0}
    assert list(disturbed(result)) == []
