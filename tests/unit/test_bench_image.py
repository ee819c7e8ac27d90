"""Benchmarks with the files of an image: what runs where, and what is said of an image that lacks something."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hpcsched.bench import inside
from hpcsched.bench.kit import bring, make
from hpcsched.bench.loading import LIBRARIES, is_dynamic, loading
from hpcsched.bench.own import entry, prepare
from hpcsched.bench.own_program import Own
from hpcsched.bench.page_words import bounds
from hpcsched.bench.result import Result
from hpcsched.bench.runner import run
from hpcsched.bench.suite import folder
from hpcsched.bench.telling import lead
from hpcsched.errors import NotFound
from hpcsched.model.container import Mount
from hpcsched.model.job import JobSpec
from hpcsched.testing.jobs import KIT, STARTER, FakeJobs

READ_ONLY = Mount("/cache", "/cache", read_only=True)
PROGRAMS = {"kernel": "/cache/stream-1", "launcher": "/usr/bin/mpirun"}


def measured(*names: str, jobs: FakeJobs | None = None, **options: Any) -> tuple[Result, list[JobSpec]]:
    jobs = jobs or FakeJobs()
    found = run(jobs, names, pairs=2, seed=1, clock=jobs.clock, image="rocky9", **options)
    return found, jobs.specs


def samples(specs: list[JobSpec]) -> list[JobSpec]:
    return [spec for spec in specs if "--settings" in spec.command]


def lacking(why: str) -> FakeJobs:
    def edit(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        return {"absent": why} if "hpcsched.bench.inside" in spec.command else answer

    return FakeJobs(edit=edit)


def compiled(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
    return {"settings": PROGRAMS} if "--prepare" in spec.command else answer


def test_both_arms_have_the_files_of_the_image_and_the_report_names_it() -> None:
    result, specs = measured("dgemm")
    assert result.image == "rocky9"
    assert {(spec.image, spec.mounts) for spec in samples(specs)} == {("rocky9", (READ_ONLY,))}
    assert {spec.runtime for spec in samples(specs)} == {"lxc", "baremetal"}
    assert "both with the files of image rocky9" in lead(result)
    assert any("rocky9" in line and "overlay" in line for line in bounds(result))


def test_what_is_compiled_is_so_on_the_node_and_runs_in_the_image_with_the_nodes_python_and_libraries() -> None:
    _, specs = measured("stream", jobs=FakeJobs(edit=compiled))
    prepare, kit, look, *rest = specs
    assert (prepare.image, "--prepare" in prepare.command) == ("host", True)
    assert (kit.image, kit.command[-2:]) == ("host", tuple(PROGRAMS.values()))
    assert (look.image, look.command[-3:]) == ("rocky9", ("--programs", *PROGRAMS.values()))
    assert {spec.command[:3] for spec in rest} == {(*KIT["start"], str(folder() / "stream.py"))}


def test_what_python_modules_do_is_prepared_and_measured_with_the_images_own_python() -> None:
    _, specs = measured("fft")
    kit, look, prepare, *rest = specs
    assert kit.image == "host"
    assert look.command[-5:] == ("--modules", "numpy", "scipy", "--version", "3.11")
    assert {spec.command[:3] for spec in (prepare, *rest)} == {("/usr/bin/python3", "-I", STARTER)}
    assert {spec.image for spec in (look, prepare, *rest)} == {"rocky9"}


def test_ones_own_program_is_looked_for_in_the_image_with_its_mounts() -> None:
    own = Own(("./app",), workdir="/work", mounts=("/data",))
    _, specs = measured(entries=(entry(own),))
    kit, prepare, *rest = specs
    assert (kit.image, kit.mounts) == ("host", ())
    assert {spec.image for spec in (prepare, *rest)} == {"rocky9"}
    assert {spec.mounts for spec in (prepare, *rest)} == {(READ_ONLY, Mount("/data", "/data", read_only=False))}


def test_a_benchmark_that_the_image_cannot_run_is_named_and_the_others_go_on() -> None:
    result, specs = measured("dgemm", "noise", jobs=lacking("the image's Python has no numpy: install it there"))
    assert result.absent == {"dgemm": "the image's Python has no numpy: install it there"}
    assert result.failed == {}
    assert {spec.name for spec in samples(specs)} == {"bench-noise"}


def looked(lacking: dict[str, str], spared: dict[str, Any]) -> FakeJobs:
    """An image in which programs of the node are not."""

    def edit(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        if "hpcsched.bench.inside" in spec.command:
            return {"lacking": lacking}
        metrics = [{"name": name, "unit": "GB/s"} for name in ("host_bandwidth", "host_iperf3")]
        settings = {"kernel": "/cache/net-1", "iperf3": "/usr/bin/iperf3", "places": []}
        prepared = {"settings": settings, "metrics": metrics, "lacks": ["links"], "spared": spared}
        return prepared if "--prepare" in spec.command else answer

    return FakeJobs(edit=edit)


def test_a_program_that_a_benchmark_can_do_without_costs_only_its_own_metrics() -> None:
    spared = {"iperf3": {"what": "iperf3 beside it", "metrics": ["host_iperf3"]}}
    result, specs = measured("net", jobs=looked({"/usr/bin/iperf3": "it is not in the image"}, spared))
    assert (result.absent, result.failed) == ({}, {})
    assert [one.metric.name for one in result.comparisons] == ["host_bandwidth"]
    assert result.lacks == {"net": ("links", "iperf3 beside it: it is not in the image")}
    assert {json.loads(spec.command[-1])["settings"]["iperf3"] for spec in samples(specs)} == {""}


def test_without_a_program_that_it_needs_a_benchmark_is_absent() -> None:
    result, specs = measured("net", jobs=looked({"/usr/bin/iperf3": "it is not in the image"}, {}))
    assert result.absent == {"net": f"it is not in the image, {inside.OR_ELSE}"}
    assert samples(specs) == []


def test_with_the_nodes_own_files_nothing_is_mounted_or_looked_for() -> None:
    jobs = FakeJobs()
    assert run(jobs, ("stream",), pairs=2, seed=1, clock=jobs.clock).image == "host"
    assert {(spec.image, spec.mounts) for spec in jobs.specs} == {("host", ())}
    assert len(jobs.specs) == 1 + 3 * 3


def test_in_an_image_a_program_is_missed_there_and_not_on_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / LIBRARIES).mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(NotFound, match="no folder /nowhere in this image"):
        prepare(Own(("./app",), workdir="/nowhere"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kit") / "cache"


def ran(command: list[str]) -> str:
    """Without any variable of ours."""
    return subprocess.run(command, env={}, cwd="/", capture_output=True, text=True, check=True).stdout


def test_a_kit_runs_a_script_with_nothing_but_its_own_files(cache: Path) -> None:
    kit = make(cache, folder())
    assert "measures memory bandwidth" in " ".join(ran([*kit.start, f"{kit.scripts}/stream.py", "--help"]).lower().split())
    code = [*kit.start[:4], "-I", "-c", "import sys, hashlib, ctypes; print(sys.prefix, *sys.path)"]
    assert {Path(path).is_relative_to(cache) for path in ran(code).split()} == {True}
    mapped = ran([*kit.start[:4], "-I", "-c", "print(open('/proc/self/maps').read())"])
    assert {line.split()[5].startswith(str(cache)) for line in mapped.splitlines() if " r-xp " in line and "/" in line} == {True}


def test_a_kit_is_made_once_and_another_python_can_start_what_is_in_it(cache: Path) -> None:
    kit, names = make(cache, folder()), sorted(path.name for path in cache.iterdir())
    assert make(cache, folder()) == kit
    assert sorted(path.name for path in cache.iterdir()) == names
    assert "usage: inside" in ran([sys.executable, "-I", kit.starter, "-m", "hpcsched.bench.inside", "--help"])


def test_a_program_beside_a_kit_is_started_with_the_libraries_in_it(cache: Path) -> None:
    program = next(path for path in (Path("/usr/bin/env"), Path("/bin/env")) if is_dynamic(path))
    kit = make(cache, folder(), [program])
    (cache / "kernel").write_bytes(program.read_bytes())
    code = "import sys; from hpcsched.bench.loading import loading; print(loading(sys.argv[1]))"
    starter = ["-I", "-c", f"import sys; sys.path.insert(0, {str(Path(kit.starter).parent)!r}); {code}"]
    assert ran([*kit.start[:4], *starter, str(cache / "kernel")]).strip() == str(kit.start[:3])
    assert ran([*kit.start[:4], *starter, str(program)]).strip() == "()"
    assert loading(str(cache / "kernel")) == ()


def test_a_program_or_a_library_that_an_image_does_not_have_is_named() -> None:
    assert inside.programs([Path("/bin/sh")]) == inside.Found()
    found = inside.programs([Path("/bin/sh"), Path("/nowhere/mpirun")])
    assert found.lacking == {"/nowhere/mpirun": "/nowhere/mpirun is not in the image, the node has it: install it there"}
    for text in ("libgomp.so.1 => not found", "x: error while loading shared libraries: libgomp.so.1: cannot open"):
        assert inside.lack(text) == "libgomp.so.1"
    assert inside.lack("/lib/libc.so.6: version `GLIBC_2.38' not found (required by x)") == "GLIBC_2.38"


def test_a_module_and_a_python_that_an_image_does_not_have_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert inside.modules(("json",), version) == inside.Found(python=str(Path(sys.executable).parent / "python3"))
    assert "has no no_such_module" in inside.modules(("json", "no_such_module"), version).absent
    assert f"Python is {version}, the harness needs 3.1:" in inside.modules(("json",), "3.1").absent
    monkeypatch.setenv("PATH", "/nowhere")
    assert "there is no python3" in inside.modules(("json",), version).absent


def test_what_it_found_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    inside.main(["--programs", "/nowhere/fio"])
    assert json.loads(capsys.readouterr().out)["lacking"]["/nowhere/fio"].startswith("/nowhere/fio is not in the image")


def test_a_kit_has_each_library_under_its_own_name_and_takes_a_newer_one(tmp_path: Path) -> None:
    libraries = tmp_path / LIBRARIES
    libraries.mkdir()
    for version in ("1.2", "1.3"):
        (tmp_path / f"libz.so.{version}").write_text(version)
        (tmp_path / "libz.so.1").unlink(missing_ok=True)
        (tmp_path / "libz.so.1").symlink_to(f"libz.so.{version}")
        for _ in range(2):
            bring(tmp_path / "libz.so.1", libraries)
        assert (libraries / "libz.so.1").resolve() == libraries / f"libz.so.{version}"
        assert (libraries / "libz.so.1").read_text() == version
