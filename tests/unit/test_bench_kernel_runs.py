"""Kernels as programs: how they are called, what their ends mean, what the compiler made of them; and the memory modules."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hpcsched.bench.kernel import _kind, build, digest, identity, run, stores
from hpcsched.bench.machine import (
    allowed_nodes,
    by_node,
    cache_sizes,
    distances,
    line_size,
    memory_free,
    one_of_each_core,
    unbound_nodes,
)
from hpcsched.bench.modules import Module, memory_limit, modules
from hpcsched.errors import HpcschedError, WrongResult
from hpcsched.model.idset import IdSet


def program(folder: Path, script: str) -> Path:
    path = folder / "kernel"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def test_a_kernel_gets_its_arguments_and_a_thread_for_each_cpu(tmp_path: Path) -> None:
    script = r"""printf '{"said": "%s %s", "places": "%s", "threads": %s}' "$1" "$2" "$OMP_PLACES" "$OMP_NUM_THREADS" """
    found = run(program(tmp_path, script), 5, "huge", cpus=IdSet.of((3, 9)))
    assert found == {"said": "5 huge", "places": "{3},{9}", "threads": 2}


def test_a_kernel_that_finds_itself_wrong_has_no_speed(tmp_path: Path) -> None:
    with pytest.raises(WrongResult, match=r"^two lines met: this run has no speed$"):
        run(program(tmp_path, "echo two lines met >&2; exit 3"))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no memory >&2; exit 1", "kernel ended with exit code 1: no memory"),
        ("exit 2", "kernel ended with exit code 2: it said nothing"),
        ("kill -9 $$", "kernel ended by signal 9"),
        ("echo nonsense", "kernel printed no result: nonsense"),
        ("""echo '{"threads": 1}'""", "ran 1 threads on 2 cores: unset OMP_THREAD_LIMIT"),
    ],
)
def test_a_kernel_that_cannot_run_says_why(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(HpcschedError, match=said) as refused:
        run(program(tmp_path, script), cpus=(0, 1))
    assert not isinstance(refused.value, WrongResult)


def test_a_kernel_that_is_gone_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(HpcschedError, match="run with --prepare on this node first"):
        run(tmp_path / "none")


def test_how_a_kernel_was_compiled_is_known_with_it_also_from_the_cache(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    for _ in range(2):
        made = build(tmp_path / "main.c", tmp_path / "cache", ("-O2", "-Wall"))
        assert identity(made)["program"] == digest(made)
        assert identity(made)["compiled"].endswith(": -O2 -Wall")
        assert identity(made)["compiled"][0].isalpha()


def test_a_changed_header_makes_another_program(tmp_path: Path) -> None:
    (tmp_path / "one.h").write_text("enum { CODE = 1 };\n")
    (tmp_path / "main.c").write_text('#include "one.h"\nint main(void) { return CODE; }\n')
    first = build(tmp_path / "main.c", tmp_path / "cache")
    (tmp_path / "one.h").write_text("enum { CODE = 2 };\n")
    assert build(tmp_path / "main.c", tmp_path / "cache") != first


def test_the_compiler_s_stores_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "s.c").write_text(
        "#include <string.h>\n#define APART __attribute__((noinline, noclone))\n"
        "APART void plain(double *a, long n) { for (long i = 0; i < n; i++) a[i] = (double)i; }\n"
        "APART void copied(char *a, const char *b, long n) { memcpy(a, b, (size_t)n); }\n"
        "static char one[64], other[64]; static double d[8];\n"
        "int main(int n, char **v) { (void)v; plain(d, n); copied(one, other, n); return one[0]; }\n"
    )
    found = stores(build(tmp_path / "s.c", tmp_path / "cache", ("-O2", "-fno-builtin-memcpy")), ("plain", "copied", "none"))
    if not found:
        pytest.skip("no objdump (binutils) here")
    assert found == {"plain": "ordinary", "copied": "memcpy", "none": "inlined"}


@pytest.mark.parametrize("line", ["vmovntpd %ymm0,(%rax)", "movntdq %xmm1,(%rdi)", "stnp d0, d1, [x0]"])
def test_stores_past_the_caches_are_named(line: str) -> None:
    assert _kind(f"copy._omp_fn.0>:\n  1b: {line}") == "non-temporal"


@pytest.fixture
def two_nodes(tmp_path: Path) -> Path:
    """Two NUMA nodes of two cores with two threads each, and a third node of memory alone."""
    for cpu in range(8):
        base = tmp_path / f"devices/system/cpu/cpu{cpu}"
        write(base / "topology/thread_siblings_list", f"{cpu % 4},{cpu % 4 + 4}")
        for index, (level, kind, size) in enumerate([("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "2M")]):
            write(base / f"cache/index{index}/level", level)
            write(base / f"cache/index{index}/type", kind)
            write(base / f"cache/index{index}/size", size)
            write(base / f"cache/index{index}/coherency_line_size", "128")
    write(tmp_path / "devices/system/node/online", "0-1,3")
    write(tmp_path / "devices/system/node/has_memory", "0-1,3")
    write(tmp_path / "devices/system/cpu/online", "0-7")
    for node, cpus, distance in ((0, "0-1,4-5", "10 21 14"), (1, "2-3,6-7", "21 10 24"), (3, "", "14 24 10")):
        write(tmp_path / f"devices/system/node/node{node}/cpulist", cpus)
        write(tmp_path / f"devices/system/node/node{node}/distance", distance)
    return tmp_path


def test_each_core_has_one_thread_and_each_node_its_own(two_nodes: Path) -> None:
    assert one_of_each_core(IdSet.parse("0-7"), two_nodes) == IdSet.parse("0-3")
    assert one_of_each_core(IdSet.parse("1,4-6"), two_nodes) == IdSet.parse("1,4,6")
    assert by_node(IdSet.parse("0-2,4"), two_nodes) == {0: IdSet.parse("0-1,4"), 1: IdSet.parse("2")}
    assert by_node(IdSet.parse("3"), two_nodes) == {1: IdSet.parse("3")}


def test_the_cores_of_a_node_without_memory_belong_to_none(two_nodes: Path) -> None:
    write(two_nodes / "devices/system/node/has_memory", "1,3")
    assert by_node(IdSet.parse("0-7"), two_nodes) == {1: IdSet.parse("2-3,6-7")}


def test_nodes_of_which_no_core_is_bound_are_known_where_they_have_cores_and_memory(two_nodes: Path) -> None:
    assert unbound_nodes(IdSet.parse("0-7"), two_nodes) == IdSet()
    assert unbound_nodes(IdSet.parse("0,5"), two_nodes) == IdSet.of((1,))
    assert unbound_nodes(IdSet.parse("0"), two_nodes / "none") == IdSet()


def test_distances_belong_to_nodes_that_are_online(two_nodes: Path) -> None:
    assert distances(0, two_nodes) == {0: 10, 1: 21, 3: 14}
    assert distances(2, two_nodes) == {}


def test_the_free_memory_of_a_node_is_its_own(two_nodes: Path) -> None:
    write(
        two_nodes / "devices/system/node/node1/meminfo",
        "Node 1 MemTotal:  900 kB\nNode 1 MemFree:         64 kB\nNode 1 MemUsed: 836 kB",
    )
    assert memory_free(1, two_nodes) == 64 << 10
    assert memory_free(0, two_nodes) == 0


def test_a_core_knows_its_caches_and_the_length_of_a_line(two_nodes: Path) -> None:
    assert cache_sizes(0, two_nodes) == {1: 48 << 10, 2: 2 << 20}
    assert line_size(0, two_nodes) == 128


def test_a_kernel_that_names_nothing_has_one_node_and_lines_of_64_bytes(tmp_path: Path) -> None:
    assert by_node(IdSet.parse("0-3"), tmp_path) == {0: IdSet.parse("0-3")}
    assert one_of_each_core(IdSet.parse("0-3"), tmp_path) == IdSet.parse("0-3")
    assert (cache_sizes(0, tmp_path), line_size(0, tmp_path), distances(0, tmp_path)) == ({}, 64, {})
    assert allowed_nodes(tmp_path) == IdSet.of((0,))


def test_memory_comes_from_the_nodes_that_the_kernel_allows(tmp_path: Path) -> None:
    write(tmp_path / "self/status", "Name:\tx\nMems_allowed_list:\t0-1,3")
    assert allowed_nodes(tmp_path) == IdSet.parse("0-1,3")


def device(size: int = 0x4000, width: int = 64, speed: int = 4800, extended: int = 0) -> bytes:
    """A structure of type 17 as SMBIOS 3.7 lays it out, with two strings."""
    body = bytearray(0x5C)
    struct.pack_into("<BBH", body, 0, 17, len(body), 0x1100)
    struct.pack_into("<HHH", body, 0x08, 80, width, size)
    struct.pack_into("<H", body, 0x20, speed)
    struct.pack_into("<I", body, 0x58, extended)
    return bytes(body) + b"DIMM_A1\0BANK 0\0\0"


OTHER = bytes((4, 6, 0, 0, 1, 2)) + b"\0\0"
END = bytes((127, 4, 0xFF, 0xFE)) + b"\0\0"


def limit_of(folder: Path, *structures: bytes) -> object:
    path = folder / "firmware/dmi/tables/DMI"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(structures) + END + device())
    return memory_limit(folder)


def test_the_modules_that_are_plugged_in_bound_the_bandwidth(tmp_path: Path) -> None:
    found = limit_of(tmp_path, OTHER, device(), device(size=0), device(), OTHER)
    assert found is not None
    assert found.value == pytest.approx(76.8)  # type: ignore[attr-defined]
    assert "2 x 64 bit x 4800 MT/s" in found.source  # type: ignore[attr-defined]


def test_a_speed_above_65535_stands_in_the_extended_field() -> None:
    assert modules(device(speed=0xFFFF, extended=70400)) == (Module(64, 70400),)


@pytest.mark.parametrize("unknown", [device(speed=0), device(width=0xFFFF), device(speed=0xFFFF)])
def test_a_module_whose_speed_is_unknown_leaves_no_limit(tmp_path: Path, unknown: bytes) -> None:
    assert limit_of(tmp_path, device(), unknown) is None


@pytest.mark.parametrize("table", [b"", b"\x11", device()[:20], b"\0" * 8, device()[:0x5C]])
def test_a_table_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, table: bytes) -> None:
    assert len(modules(table)) <= 1
    assert memory_limit(tmp_path) is None
