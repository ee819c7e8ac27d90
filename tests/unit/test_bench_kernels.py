"""How much work the benchmarks in C choose, and what they make of what their kernels print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import cg, gups, latency, noise, stream, syscall
from hpcsched.bench.about import Limit, Size
from hpcsched.bench.prepared import Prepared
from hpcsched.errors import HpcschedError, WrongResult
from hpcsched.model.idset import IdSet

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
PLENTY = 1 << 42
caches = st.integers(0, 8 * GIB)
memories = st.integers(64 * MIB, PLENTY)
SMALL_NODE = {1: 32 * KIB, 2: 1 * MIB, 3: 36 * MIB}


def prepared(monkeypatch: pytest.MonkeyPatch, cache: int, size: Size, nodes: dict[int, IdSet] | None = None) -> Prepared:
    """Of stream, on a node with that much last-level cache."""
    monkeypatch.setattr(stream, "last_level_cache", lambda cpus: cache)
    monkeypatch.setattr(stream, "memory_available", lambda: PLENTY)
    monkeypatch.setattr(stream, "by_node", lambda cpus: nodes or {0: cpus})
    monkeypatch.setattr(stream, "build", lambda source, folder: stream.SOURCE)
    monkeypatch.setattr(stream, "stores", lambda kernel, names: dict.fromkeys(names, "ordinary"))
    monkeypatch.setattr(stream, "memory_limit", lambda: Limit(307.2, "modules"))
    return stream.prepare(size, Path())


@given(caches, memories)
def test_a_quick_sample_takes_about_a_gib_at_most_whatever_caches_there_are(cache: int, memory: int) -> None:
    assert 24 * stream.elements(cache, memory, Size.QUICK) < GIB
    assert 8 << gups.log2_entries(cache, memory, Size.QUICK) <= GIB
    assert cg.edge(cache, memory, Size.QUICK) ** 3 * cg.BYTES_PER_ROW < 1.1 * GIB
    assert latency.memory_set({3: cache}, memory, Size.QUICK) <= 256 * MIB


@given(caches, memories, st.sampled_from(list(Size)))
def test_no_size_takes_more_than_six_tenths_of_the_free_memory(cache: int, memory: int, size: Size) -> None:
    assert 24 * stream.elements(cache, memory, size) <= 0.6 * memory
    assert 8 << gups.log2_entries(cache, memory, size) <= 0.6 * memory
    assert cg.edge(cache, memory, size) ** 3 * cg.BYTES_PER_ROW <= 0.6 * memory
    assert 1.1 * latency.memory_set({3: cache}, memory, size) <= 0.6 * memory


@pytest.mark.parametrize("size", [Size.NORMAL, Size.FULL])
@given(cache=st.integers(0, 2 * GIB))
def test_with_memory_enough_a_longer_run_is_several_times_its_caches(size: Size, cache: int) -> None:
    assert 8 * stream.elements(cache, PLENTY, size) >= stream.CACHE_FACTOR[size] * cache - 8
    assert 8 << gups.log2_entries(cache, PLENTY, size) >= gups.CACHE_FACTOR[size] * cache
    assert latency.memory_set({3: cache}, PLENTY, size) >= latency.CACHE_FACTOR[size] * cache


def test_arrays_too_small_for_the_caches_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded, whole = (prepared(monkeypatch, 480 * MIB, size) for size in (Size.QUICK, Size.NORMAL))
    assert (bounded.settings["four_cache_sizes"], whole.settings["four_cache_sizes"]) == (False, True)
    assert stream.CAVEAT in bounded.lacks
    assert stream.CAVEAT not in whole.lacks


def test_each_of_several_numa_nodes_has_a_triad_and_a_single_one_says_it_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "memory_free", lambda node: PLENTY)
    two = prepared(monkeypatch, MIB, Size.QUICK, {0: IdSet.of((0,)), 2: IdSet.of((1,))})
    names = [metric.name for metric in two.metrics or ()]
    assert names == ["copy", "scale", "add", "triad", "triad_node0", "triad_node2"]
    assert two.settings["nodes"] == [0, 2]
    assert not {stream.ONE_NODE, stream.FULL_NODE} & set(two.lacks)
    assert stream.ONE_NODE in prepared(monkeypatch, MIB, Size.QUICK).lacks


def test_arrays_of_a_node_stay_within_the_free_memory_of_the_fullest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "memory_free", {0: 100 * MIB, 2: GIB}.get)
    full = prepared(monkeypatch, 32 * MIB, Size.QUICK, {0: IdSet.of((0,)), 2: IdSet.of((1,))})
    assert 24 * full.settings["elements_of_a_node"] <= 60 * MIB < 24 * full.settings["elements"] // 2
    assert stream.FULL_NODE in full.lacks
    assert stream.elements_of_a_node(1 << 24, [GIB, GIB]) == 1 << 23
    assert stream.elements_of_a_node(1 << 24, []) == 1 << 24


def test_the_modules_limit_the_bandwidth_of_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepared(monkeypatch, MIB, Size.QUICK).limits == dict.fromkeys(stream.BYTES_PER_ELEMENT, Limit(307.2, "modules"))


ANSWER = {"copy": 1.0, "scale": 1.0, "add": 1.0, "triad": 0.5, "threads": 2, "error": 0.0, "misplaced": -1}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"error": 1e-12}, "off by 1e-12"), ({"error": float("nan")}, "off by nan"), ({"misplaced": 3}, "3 of 192 pages")],
)
def test_a_bandwidth_of_wrong_elements_or_of_another_node_s_memory_is_none(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr(stream, "run", lambda *arguments, cpus: {**ANSWER, **wrong})
    with pytest.raises(WrongResult, match=said):
        stream._run({"kernel": "k", "repeats": 5}, 1000, 0, IdSet.of((0, 1)))


@pytest.mark.parametrize(
    ("levels", "sets"),
    [
        (SMALL_NODE, {"l1_ns": 16 * KIB, "l2_ns": 512 * KIB, "l3_ns": 4 * MIB}),
        ({1: 48 * KIB, 2: 2 * MIB, 3: 105 * MIB}, {"l1_ns": 16 * KIB, "l2_ns": 1 * MIB, "l3_ns": 8 * MIB}),
        ({1: 32 * KIB, 2: 512 * KIB, 3: 32 * MIB}, {"l1_ns": 16 * KIB, "l2_ns": 256 * KIB, "l3_ns": 4 * MIB}),
        ({1: 64 * KIB, 2: 1 * MIB}, {"l1_ns": 32 * KIB, "l2_ns": 512 * KIB}),
        ({1: 64 * KIB, 2: 2 * MIB, 3: 3 * MIB}, {"l1_ns": 32 * KIB, "l2_ns": 1 * MIB}),
        ({}, {}),
    ],
)
def test_a_chase_stays_well_inside_its_cache_and_well_outside_of_the_one_below(
    levels: dict[int, int], sets: dict[str, int]
) -> None:
    assert latency.cache_sets(levels) == sets


def test_remote_memory_is_measured_once_for_each_distance_and_only_where_memory_may_come_from() -> None:
    far = {0: 10, 1: 12, 2: 32, 3: 32, 4: 254}
    assert latency.remote_nodes(far, IdSet.parse("0-4")) == {12: 1, 32: 2, 254: 4}
    assert latency.remote_nodes(far, IdSet.parse("0,3")) == {32: 3}
    assert latency.remote_nodes(far, IdSet.parse("0")) == {}
    assert latency.remote_nodes({}, IdSet.parse("0-1")) == {}


def test_remote_memory_that_is_not_measured_has_its_reason() -> None:
    one, two = IdSet.of((1,)), IdSet.of((0, 1))
    assert latency.no_remote(IdSet.of((0,)), IdSet.of((0,))) == "remote memory: there is one NUMA node"
    assert latency.no_remote(one, two) == "remote memory: this job may take memory from NUMA node 1 alone"
    assert latency.no_remote(two, two) == "remote memory: the firmware tells no distances of NUMA nodes"


def test_the_metrics_of_latency_are_those_that_the_node_has() -> None:
    settings = {"sets": {"l1_ns": 1, "l2_ns": 1}, "huge": False, "remote": {"21": 1}}
    assert [metric.name for metric in latency.metrics(settings)] == ["l1_ns", "l2_ns", "memory_small_ns", "remote21_ns"]


@pytest.mark.parametrize(
    ("share", "pages", "fine"), [(1.0, "huge", True), (0.5, "huge", False), (0.0, "small", True), (1.0, "small", False)]
)
def test_a_figure_of_other_pages_than_asked_for_is_none(
    monkeypatch: pytest.MonkeyPatch, share: float, pages: str, fine: bool
) -> None:
    settings = {"kernel": "k", "line": 64, "blocks": 1, "log2_entries": 20, "updates": 10}
    answer = {"ns": 100.0, "huge_share": share, "seconds": 1.0, "errors": 0}
    for module, call in (
        (latency, lambda: latency._ns(settings, MIB, pages, -1)),
        (gups, lambda: gups._speed(settings, pages, ())),
    ):
        monkeypatch.setattr(module, "run", lambda *arguments, cpus=(): answer)
        if fine:
            assert call() > 0
        else:
            with pytest.raises(WrongResult, match=f"asked for {pages} ones"):
                call()


def test_one_wrong_entry_in_a_hundred_is_allowed_and_more_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"kernel": "k", "log2_entries": 20, "updates": 1000}
    for errors, fine in ((10, True), (11, False)):
        monkeypatch.setattr(
            gups, "run", lambda *arguments, cpus, errors=errors: {"seconds": 1.0, "errors": errors, "huge_share": 0.0}
        )
        if fine:
            assert gups._speed(settings, "small", ()) == pytest.approx(1e-6)
        else:
            with pytest.raises(WrongResult, match="11 of 1000 entries are wrong"):
                gups._speed(settings, "small", ())


def test_a_kernel_that_gives_no_huge_pages_leaves_the_small_ones() -> None:
    settings = {"log2_entries": 25, "last_level_cache": 36 * MIB, "pages": ["small", "huge"]}
    found = gups._with_what_is_there(settings, Size.QUICK, {"huge_share": 0.4})
    assert [metric.name for metric in found.metrics or ()] == ["gups_small"]
    assert found.lacks == ("huge pages: asked for them, the kernel gave 40% of the table",)
    assert gups._with_what_is_there(settings, Size.QUICK, {"huge_share": 1.0}).lacks == ()


SOLVED = {"recurred": 1e-7, "true": 1e-7, "error": 1e-6, "iterations": 50}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"recurred": 2e-6, "true": 2e-6}, "fell to 2e-06 in 50 iterations only"),
        ({"true": 2e-7}, "b - Ax is 2e-07"),
        ({"error": 2e-4}, "off by 0.0002"),
        ({"recurred": float("nan")}, "fell to nan"),
        ({"error": float("inf")}, "off by inf"),
    ],
)
def test_a_solver_that_does_not_converge_or_fools_itself_has_no_speed(wrong: dict[str, float], said: str) -> None:
    cg._check(SOLVED, 1e-6)
    with pytest.raises(WrongResult, match=said):
        cg._check({**SOLVED, **wrong}, 1e-6)


@given(st.integers(0, 3000))
def test_the_state_of_the_work_is_found_without_doing_it(steps: int) -> None:
    state = 1
    for _ in range(steps):
        state = (state * noise.MULTIPLIER + noise.INCREMENT) % noise.MODULUS
    assert noise.state_after(steps) == state


@pytest.mark.parametrize(("shortest", "wanted"), [(50_000.0, 100_000), (200_000.0, 25_000), (0.0, 5_000_000_000)])
def test_a_quantum_is_calibrated_by_what_a_known_amount_of_work_took(shortest: float, wanted: int) -> None:
    assert noise.units(shortest) == wanted


def on_cores(monkeypatch: pytest.MonkeyPatch, count: int, static: bool = True) -> Prepared:
    def build(source: Path, cache: Path, flags: tuple[str, ...] = ()) -> Path:
        if flags == syscall.STATIC and not static:
            raise HpcschedError("cannot compile exit7.c")
        return source

    monkeypatch.setattr(syscall, "build", build)
    monkeypatch.setattr(syscall, "one_of_each_core", lambda cpus: IdSet.of(range(count)))
    return syscall.prepare(Size.QUICK, Path())


def test_one_core_alone_has_no_wake_up_across_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(on_cores(monkeypatch, 2).metrics or ()) == 5
    alone = on_cores(monkeypatch, 1)
    assert "futex_ns" not in {metric.name for metric in alone.metrics or ()}
    assert alone.lacks == ("a wake-up across cores: one core is bound",)


def test_without_a_static_library_no_new_process_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    found = on_cores(monkeypatch, 2, static=False)
    assert "spawn_us" not in {metric.name for metric in found.metrics or ()}
    assert found.lacks == ("a new process: cannot compile exit7.c",)
