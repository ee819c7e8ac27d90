"""What a benchmark takes from the node, over small copies of /proc and /sys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from hpcsched.bench.environment import OF_THE_CONTAINER, collect
from hpcsched.bench.handicap import Handicap, busy, memory_node, seccomp
from hpcsched.bench.kernel import build, digest
from hpcsched.bench.libraries import hashes, mapped, needed, programs
from hpcsched.bench.machine import core_count, last_level_cache, memory_available
from hpcsched.bench.suite import choose, find, folder
from hpcsched.errors import HpcschedError, InvalidValue, MissingTool, NotFound
from hpcsched.model.idset import IdSet
from tests.integration.daemons import eventually

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
    assert set(collect()) & OF_THE_CONTAINER >= {"seccomp", "capabilities", "speculation_store_bypass"}


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
    assert sorted(path for path in cache.iterdir() if not path.suffix) == sorted([first, second])


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


def test_files_of_one_name_are_told_apart_by_their_content(tmp_path: Path) -> None:
    bodies = (b"x" * 3_000_000, b"x" * 3_000_001, b"y" + b"x" * 2_999_999, b"x" * 2_999_999 + b"y", b"x" * 10, b"x" * 9 + b"y")
    file = tmp_path / "libm.so"
    found = []
    for body in (*bodies, *bodies):
        file.write_bytes(body)
        found.append(hashes([file])["library libm.so"])
    assert found[: len(bodies)] == found[len(bodies) :]
    assert len(set(found)) == len(bodies)


def test_extension_modules_are_one_entry(tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.cpython-311-x86_64-linux-gnu.so" for name in "ab"]
    for file in files:
        file.write_text(file.name)
    one, both = hashes(files[:1]), hashes(files)
    assert set(one) == set(both) == {"python extensions"}
    assert one != both


def test_what_this_process_has_mapped_is_hashed() -> None:
    assert any(name.startswith("library libc.so") for name in collect())
    assert mapped() == sorted(set(mapped()))


def test_libraries_of_a_program_are_those_that_its_loader_would_map(tmp_path: Path) -> None:
    (tmp_path / "threads.c").write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads(); }\n")
    program = build(tmp_path / "threads.c", tmp_path / "cache")
    assert any(path.name.startswith("libgomp") for path in needed(program))
    assert any(name.startswith("library libgomp") for name in collect(programs=[program]))
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    assert needed(script) == []
    assert not (tmp_path / "ran").exists()


def test_a_static_program_is_not_run_to_see_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "made.c").write_text(
        f'#include <stdio.h>\nint main(void) {{ fclose(fopen("{tmp_path}/ran", "w")); return 0; }}\n'
    )
    assert needed(build(tmp_path / "made.c", tmp_path / "cache", ("-static",))) == []
    assert not (tmp_path / "ran").exists()


def test_programs_are_the_settings_that_name_one(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("")
    settings = {"kernel": str(tool), "data": str(tmp_path / "none"), "count": 3, "name": "sh"}
    assert programs(settings) == []
    tool.chmod(0o755)
    assert programs(settings) == [tool]


@pytest.mark.parametrize("policy", ["default", "bind:1", "prefer (many):0-1,7"])
def test_the_memory_policy_is_in_the_fingerprint_in_the_words_of_numa_maps(policy: str, tmp_path: Path) -> None:
    line = "file=/usr/bin/python3.11 mapped=2 N1=2 kernelpagesize_kB=4"
    write(tmp_path / "proc/self/numa_maps", f"55d0fe3da000 {policy} {line}\n55d0fe3db000 default {line}")
    assert collect(tmp_path)["memory_policy"] == policy


def test_variables_that_change_a_speed_are_in_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MALLOC_ARENA_MAX", "LD_BIND_NOW", "GLIBC_TUNABLES", "HPCSCHED_JOB_ID", "COMPLETELY_OMP"):
        monkeypatch.setenv(name, "1")
    found = {name for name in collect() if name.startswith("$")}
    assert {"$OMP_NUM_THREADS", "$MALLOC_ARENA_MAX", "$LD_BIND_NOW", "$GLIBC_TUNABLES"} <= found
    assert not {"$HPCSCHED_JOB_ID", "$COMPLETELY_OMP"} & found


def test_of_the_boot_options_those_that_change_a_speed_are_in_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path / "proc/cmdline", "root=/dev/sda1 mitigations=off password=x isolcpus=2-3 quiet intel_idle.max_cstate=1")
    assert collect(tmp_path)["boot_options"] == "mitigations=off isolcpus=2-3 intel_idle.max_cstate=1"


def under(*burden: str, shows: str) -> str:
    """A file of /proc/self of a command that was started under a handicap."""
    command = [sys.executable, "-m", "hpcsched.bench.handicap", *burden, "--", "cat", f"/proc/self/{shows}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        pytest.skip(done.stderr.strip())
    return done.stdout


def test_a_seccomp_filter_is_there_when_the_command_runs() -> None:
    assert "Seccomp:\t2" in under("seccomp", "50", shows="status")


def test_stores_are_not_passed_when_the_command_runs() -> None:
    assert "Speculation_Store_Bypass:\tthread vulnerable" not in under("no-store-bypass", "", shows="status")


def test_memory_comes_from_the_node_named_when_the_command_runs() -> None:
    maps = under("memory", "0", shows="numa_maps").splitlines()
    assert maps
    assert all(line.split()[1] == "bind:0" for line in maps)


def test_the_busy_loops_beside_a_command_end_with_it() -> None:
    command = [sys.executable, "-m", "hpcsched.bench.handicap", "busy", "1.1", "--", "cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as cat:
        process = psutil.Process(cat.pid)
        eventually(lambda: process.name() == "cat", "the command runs")
        beside = process.children()
        assert len(beside) == 2 * len(os.sched_getaffinity(0))
        assert cat.stdin
        cat.stdin.close()
    eventually(lambda: not any(map(goes_on, beside)), "the loops have ended")


def goes_on(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


OUT_OF_BOUNDS = [
    lambda: busy(0.0),
    lambda: busy(9.0),
    lambda: memory_node(-1),
    lambda: memory_node(1024),
    lambda: seccomp(0),
    lambda: seccomp(5000),
]


@pytest.mark.parametrize("make", OUT_OF_BOUNDS)
def test_a_handicap_out_of_bounds_is_refused(make: Callable[[], Handicap]) -> None:
    with pytest.raises(InvalidValue):
        make()
