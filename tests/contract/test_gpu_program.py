"""The GPU program on a stand-in that is the host itself, and through the makers' compilers where they are installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from hpcsched.bench.suite import folder

STAND_IN = Path(__file__).parents[1] / "gpu/stand_in.h"
SOURCE = "src/gpu.cu"
COMPILE_LIMIT_S = 300


def made(text: str, into: Path) -> Path:
    """The program for the stand-in."""
    tool = shutil.which("g++")
    if tool is None:
        pytest.skip("no g++: apt install g++")
    (into / "gpu.cu").write_text(text)
    flags = ["-std=c++20", "-O0", "-Wall", "-Wextra", "-Werror", "-pthread", "-include", str(STAND_IN), "-x", "c++"]
    command = [tool, *flags, str(into / "gpu.cu"), "-o", str(into / "gpu")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMPILE_LIMIT_S)
    assert done.returncode == 0, done.stderr
    return into / "gpu"


def call(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False, timeout=COMPILE_LIMIT_S)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made((folder() / SOURCE).read_text(), tmp_path_factory.mktemp("gpu"))


def test_the_program_describes_each_gpu(program: Path) -> None:
    found = json.loads(call(program).stdout)
    assert found == {"name": "stand-in", "pci": "0000:01:00.0", "memory": 1 << 30, "clock": 1e9, "width": 8}


def test_the_program_verifies_and_times_each_part(program: Path) -> None:
    done = call(program, "0", "65536", "128", "1", "0:0,1:0")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"to_0", "from_0", "to_1", "from_1", "launch", "triad", "product"}
    assert all(0 < seconds < 1e9 for seconds in found.values())


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("a[i] = b[i] + 3.0 * c[i];", "a[i] = b[i] + 3.0 * c[i] + (i == 77);", "after the triad"),
        ("sum[i][j] += left", "sum[i][j] += (k == 16 && s == 3 ? 1.001 : 1.0) * left", "product of the matrices"),
        ("double from = copied(back,", "out[5]++;\n    double from = copied(back,", "copy to the GPU and back"),
    ],
)
def test_a_wrong_result_of_a_gpu_has_no_speed(right: str, wrong: str, said: str, tmp_path: Path) -> None:
    text = (folder() / SOURCE).read_text()
    assert text.count(right) == 1
    done = call(made(text.replace(right, wrong), tmp_path), "0", "65536", "128", "1", "0:0")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert said in done.stderr


@pytest.mark.parametrize(
    "arguments", [("0", "65536", "128", "0", "0:0"), ("0", "x", "128", "1", "0:0"), ("0", "65536", "128", "1", "0")]
)
def test_a_bad_argument_is_refused_in_one_line(arguments: tuple[str, ...], program: Path) -> None:
    done = call(program, *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("tool", "flags"),
    [("nvcc", ("-arch=sm_90", "-Werror", "all-warnings")), ("hipcc", ("-x", "hip", "--offload-arch=gfx90a", "-Wall", "-Werror"))],
)
def test_the_program_compiles_for_real_gpus(
    tool: str, flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"no {tool} on this machine")
    monkeypatch.setenv("HIP_PLATFORM", "amd")
    command = [found, *flags, "-c", str(folder() / SOURCE), "-o", str(tmp_path / "gpu.o")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=COMPILE_LIMIT_S)
    assert done.returncode == 0, done.stderr
