"""What a benchmark takes from the node, over small copies of /proc and /sys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpcsched.bench.environment import OF_THE_CONTAINER, collect
from hpcsched.bench.kernel import build, digest
from hpcsched.bench.machine import core_count, last_level_cache, memory_available
from hpcsched.bench.suite import choose, find, folder
from hpcsched.errors import HpcschedError, InvalidValue, MissingTool, NotFound
from hpcsched.model.idset import IdSet

HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def cpu(root: Path, number: int, siblings: str, cache: str) -> None:
    base = root / f"devices/system/cpu/cpu{number}"
    write(base / "topology/thread_siblings_list", siblings)
    for index, (level, kind, size, shared) in enumerate(
        [("1", "Data", "32K", siblings), ("1", "Instruction", "32K", siblings), ("3", "Unified", "16M", cache)]
    ):
        for name, text in (("level", level), ("type", kind), ("size", size), ("shared_cpu_list", shared)):
            write(base / f"cache/index{index}/{name}", text)


@pytest.fixture
def two_caches(tmp_path: Path) -> Path:
    """Four cores of two threads each; two cores share a cache."""
    for number in range(8):
        cpu(tmp_path, number, f"{number % 4},{number % 4 + 4}", "0-1,4-5" if number % 4 < 2 else "2-3,6-7")
    return tmp_path


def test_two_threads_of_one_core_count_once(two_caches: Path) -> None:
    assert core_count(IdSet.parse("0-7"), two_caches) == 4
    assert core_count(IdSet.parse("0,4"), two_caches) == 1
    assert core_count(IdSet.parse("0,5"), two_caches) == 2


def test_only_caches_that_the_bound_cores_share_count(two_caches: Path) -> None:
    assert last_level_cache(IdSet.parse("0-7"), two_caches) == 32 << 20
    assert last_level_cache(IdSet.parse("0,5"), two_caches) == 16 << 20


def test_a_kernel_that_names_no_caches_and_no_siblings_is_no_error(tmp_path: Path) -> None:
    assert last_level_cache(IdSet.parse("0-3"), tmp_path) == 0
    assert core_count(IdSet.parse("0-3"), tmp_path) == 4


@pytest.mark.parametrize(
    ("line", "file", "limit", "wanted"),
    [
        ("4:memory:/job/7", "memory/job/7/memory.limit_in_bytes", str(1 << 30), 1 << 30),
        ("4:memory:/job/7", "memory/job/memory.limit_in_bytes", str(1 << 30), 1 << 30),
        ("4:cpuset:/job/7", "memory/job/7/memory.limit_in_bytes", str(1 << 30), 8 << 30),
        ("0::/job/7", "job/7/memory.max", str(2 << 30), 2 << 30),
        ("0::/job/7", "job/7/memory.max", "max", 8 << 30),
        ("0::/job/7", "job/7/memory.max", str(1 << 50), 8 << 30),
    ],
)
def test_memory_is_what_is_free_or_the_cgroup_s_limit_if_that_is_less(
    tmp_path: Path, line: str, file: str, limit: str, wanted: int
) -> None:
    write(tmp_path / "proc/meminfo", f"MemTotal: 99999999 kB\nMemAvailable: {8 << 20} kB")
    write(tmp_path / "proc/self/cgroup", line)
    write(tmp_path / "sys/fs/cgroup" / file, limit)
    assert memory_available(tmp_path / "proc", tmp_path / "sys") == wanted


def test_the_fingerprint_names_what_the_kernel_shows_and_leaves_out_the_rest(tmp_path: Path) -> None:
    write(tmp_path / "proc/self/status", "Cpus_allowed_list:\t0-3\nMems_allowed_list:\t1\nSeccomp:\t2\nVmRSS:\t5 kB")
    write(tmp_path / "sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never")
    write(tmp_path / "sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Retpolines")
    write(tmp_path / "sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected")
    found = collect(tmp_path)
    wanted = {"cpus": "0-3", "mems": "1", "seccomp": "2", "thp": "madvise", "mitigations": "spectre_v2: Mitigation: Retpolines"}
    assert wanted.items() <= found.items()
    assert "governor" not in found
    assert "VmRSS" not in found


def test_the_fingerprint_of_this_process_is_the_same_twice_and_knows_its_cpus() -> None:
    assert collect() == collect()
    assert IdSet.parse(collect()["cpus"]) == IdSet.of(os.sched_getaffinity(0))
    assert set(collect()) & OF_THE_CONTAINER >= {"seccomp", "capabilities", "limit_memlock"}


def test_a_kernel_is_compiled_once_and_again_when_its_source_changes(tmp_path: Path) -> None:
    source, cache = tmp_path / "hello.c", tmp_path / "cache"
    source.write_text(HELLO)
    first = build(source, cache)
    made = first.stat().st_mtime_ns
    assert build(source, cache) == first
    assert first.stat().st_mtime_ns == made
    source.write_text(HELLO.replace("hello", "other"))
    second = build(source, cache)
    assert digest(second) != digest(first)
    assert sorted(cache.iterdir()) == sorted([first, second])


def test_a_source_that_does_not_compile_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text("int main(void) { return nothing; }\n")
    with pytest.raises(HpcschedError, match=r"cannot compile bad\.c: .*nothing") as refused:
        build(tmp_path / "bad.c", tmp_path / "cache")
    assert "\n" not in str(refused.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_node_without_a_compiler_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="apt install gcc"):
        build(tmp_path / "any.c", tmp_path / "cache")


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_cache_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "hello.c").write_text(HELLO)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(mode)
    with pytest.raises(HpcschedError, match="no folder of ours alone"):
        build(tmp_path / "hello.c", tmp_path / "cache")


def test_a_cache_behind_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hello.c").write_text(HELLO)
    (tmp_path / "real").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "real")
    with pytest.raises(HpcschedError, match="no folder of ours alone"):
        build(tmp_path / "hello.c", tmp_path / "cache")


def test_the_bundled_benchmarks_are_found_and_describe_themselves() -> None:
    abouts = {entry.about.name: entry.about for entry in find()}
    assert [metric.name for metric in abouts["stream"].metrics] == ["copy", "scale", "add", "triad"]
    assert abouts["stream"].margin == 0.005
    assert abouts["dgemm"].margin == 0.01


def test_names_are_taken_in_the_order_asked_for_and_once() -> None:
    assert [entry.about.name for entry in choose(("stream", "dgemm", "stream"))] == ["stream", "dgemm"]


def test_a_folder_elsewhere_is_found_by_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPCSCHED_BENCHMARKS", str(tmp_path))
    assert find() == ()
    with pytest.raises(NotFound, match="there are: none"):
        choose(("stream",))
    monkeypatch.setenv("HPCSCHED_BENCHMARKS", str(tmp_path / "none"))
    with pytest.raises(NotFound, match="HPCSCHED_BENCHMARKS"):
        folder()


@pytest.mark.parametrize("text", ["", "import nothing_of_that_name\n", "this is no Python\n", "ABOUT = 1\n"])
def test_a_file_that_is_no_benchmark_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(InvalidValue, match=r"mine\.py"):
        find(tmp_path)
