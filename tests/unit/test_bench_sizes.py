"""How much work the programs choose, and what the cores could do at most; over small copies of /proc and /sys."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy
import pytest

from hpcsched.bench.about import Size
from hpcsched.bench.peak import peak
from hpcsched.bench.suite import folder
from hpcsched.model.idset import IdSet

GIB = 1 << 30


def benchmark(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"of_a_test_{name}", folder() / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cpu(root: Path, number: int, siblings: str, kilohertz: str, driver: str = "intel_pstate") -> None:
    base = root / f"devices/system/cpu/cpu{number}"
    for name, text in (
        ("topology/thread_siblings_list", siblings),
        ("cpufreq/cpuinfo_max_freq", kilohertz),
        ("cpufreq/scaling_driver", driver),
    ):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(text + "\n")


def flags(root: Path, text: str) -> Path:
    file = root / "cpuinfo"
    file.write_text(f"processor\t: 0\nflags\t\t: {text}\n\nprocessor\t: 1\nflags\t\t: {text}\n")
    return file


def test_the_peak_is_cores_times_their_own_frequency_times_operations_per_cycle(tmp_path: Path) -> None:
    for number in (0, 2):
        cpu(tmp_path, number, "0,2", "4000000")
    cpu(tmp_path, 1, "1", "3000000")
    found = peak(IdSet.parse("0-2"), tmp_path, flags(tmp_path, "fpu sse2 avx fma avx2 avx512f"))
    assert found is not None
    assert found.value == pytest.approx(7 * 32)
    assert "2 cores, 3.50 GHz at most (cpufreq), 32 operations per cycle at most (avx512f)" in found.source


@pytest.mark.parametrize(("text", "operations"), [("sse2", 4), ("sse2 avx", 8), ("sse2 avx fma avx2", 16)])
def test_narrower_vectors_have_a_lower_peak(text: str, operations: int, tmp_path: Path) -> None:
    cpu(tmp_path, 0, "0", "1000000")
    found = peak(IdSet.parse("0"), tmp_path, flags(tmp_path, text))
    assert found is not None
    assert found.value == pytest.approx(operations)


def test_a_frequency_without_the_boost_in_it_is_no_limit_unless_the_boost_is_off(tmp_path: Path) -> None:
    cpu(tmp_path, 0, "0", "2000000", "acpi-cpufreq")
    assert peak(IdSet.parse("0"), tmp_path, flags(tmp_path, "fma")) is None
    (tmp_path / "devices/system/cpu/cpufreq").mkdir()
    (tmp_path / "devices/system/cpu/cpufreq/boost").write_text("0\n")
    assert peak(IdSet.parse("0"), tmp_path, flags(tmp_path, "fma")) is not None


def test_nothing_is_said_where_one_core_s_frequency_or_the_vectors_are_unknown(tmp_path: Path) -> None:
    cpu(tmp_path, 0, "0", "2000000")
    assert peak(IdSet.parse("0-1"), tmp_path, flags(tmp_path, "fma")) is None
    assert peak(IdSet.parse("0"), tmp_path, flags(tmp_path, "asimd sve")) is None
    assert peak(IdSet.parse("0"), tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize("name", ["dgemm", "hpl"])
def test_matrices_grow_with_the_cores_and_stay_within_half_of_the_memory(name: str) -> None:
    order = benchmark(name).order
    assert order(8, 999 * GIB, Size.QUICK) == pytest.approx(2 * order(1, 999 * GIB, Size.QUICK), abs=64)
    assert order(1, 999 * GIB, Size.FULL) > order(1, 999 * GIB, Size.NORMAL) > order(1, 999 * GIB, Size.QUICK)
    assert 2 * 8 * order(64, GIB, Size.FULL) ** 2 <= GIB / 2
    assert order(1, 0, Size.QUICK) == 128


def test_transforms_stay_within_half_of_the_memory() -> None:
    fft = benchmark("fft")
    assert fft.line(4, 999 * GIB, Size.FULL) == 1 << 24
    assert 16 * 4 * 64 * fft.line(64, GIB, Size.FULL) <= GIB / 2
    assert 16 * 4 * fft.edge(64, GIB, Size.FULL) ** 3 <= GIB / 2
    assert fft.edge(8, 999 * GIB, Size.NORMAL) == 448
    assert fft.edge(1, 0, Size.QUICK) == 32


def test_operations_are_counted_as_the_field_counts_them() -> None:
    assert benchmark("hpl").operations(1000) == pytest.approx(2 / 3 * 1e9 + 1.5e6)
    assert benchmark("fft").operations(1024) == 5 * 1024 * 10


def test_the_residual_of_hpl_is_small_for_a_solution_and_large_beside_it() -> None:
    hpl, chance = benchmark("hpl"), numpy.random.default_rng(1)
    a, b = numpy.asfortranarray(chance.random((200, 200)) - 0.5), chance.random(200) - 0.5
    x = numpy.linalg.solve(a, b)
    norm = hpl.norm_of(numpy, a)
    assert norm == pytest.approx(numpy.linalg.norm(a, numpy.inf))
    assert hpl.residual(numpy, a, norm, x, b) < 1
    x[3] *= 1 + 1e-9
    assert hpl.residual(numpy, a, norm, x, b) > 16


def test_a_transform_that_does_nothing_passes_its_inverse_and_not_its_sum() -> None:
    fft, chance = benchmark("fft"), numpy.random.default_rng(1)
    data = chance.random((2, 4096)) + 0j
    assert fft.inverse_error(numpy, data, data, 4096) == 0
    assert fft.coefficient_error(numpy, data, data, (1,)) > 16
    assert fft.coefficient_error(numpy, data, numpy.fft.fft(data), (1,)) < 16
