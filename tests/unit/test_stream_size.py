"""How large the arrays of the memory benchmark are, and what it says where that is not enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import stream
from hpcsched.bench.about import Size

MIB, GIB = 1 << 20, 1 << 30


def settings(monkeypatch: pytest.MonkeyPatch, cache: int, size: Size) -> dict[str, Any]:
    """As `--prepare` makes them on a node with that much last-level cache."""
    monkeypatch.setattr(stream, "last_level_cache", lambda cpus: cache)
    monkeypatch.setattr(stream, "memory_available", lambda: 1 << 40)
    monkeypatch.setattr(stream, "build", lambda source, folder: stream.SOURCE)
    return stream.prepare(size, Path())


@pytest.mark.parametrize("cache", [0, 36 * MIB, 480 * MIB, 4 * GIB])
def test_three_arrays_of_a_quick_run_stay_below_one_gib_whatever_caches_there_are(cache: int) -> None:
    assert 24 * stream.elements(cache, 1 << 40, Size.QUICK) < GIB


@pytest.mark.parametrize(("cache", "factor", "size"), [(36, 4, Size.QUICK), (480, 4, Size.NORMAL), (480, 16, Size.FULL)])
def test_an_array_is_several_times_the_caches_where_nothing_bounds_it(cache: int, factor: int, size: Size) -> None:
    assert 8 * stream.elements(cache * MIB, 1 << 40, size) == factor * cache * MIB


def test_three_arrays_take_at_most_six_tenths_of_the_free_memory() -> None:
    assert 24 * stream.elements(480 * MIB, GIB, Size.NORMAL) <= GIB * 6 // 10


def test_a_run_with_arrays_too_small_for_the_caches_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded, whole = (settings(monkeypatch, 480 * MIB, size) for size in (Size.QUICK, Size.NORMAL))
    assert (bounded["four_cache_sizes"], whole["four_cache_sizes"]) == (False, True)
    assert stream._config(bounded, 2)["caveat"] == stream.CAVEAT
    assert "caveat" not in stream._config(whole, 2)
