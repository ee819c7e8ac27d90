"""HPC Challenge (`hpcc`, a Debian package) beside our own benchmarks, where somebody installed it: its input, and its figures.

Formats: HPL's input file (https://netlib.org/benchmark/hpl/tuning.html) with HPC Challenge's lines for PTRANS; `NAME=value`
lines in its output.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcsched.bench import mpi
from hpcsched.bench.about import Metric, Size
from hpcsched.bench.kernel import digest
from hpcsched.bench.program import NO_SPEED, run
from hpcsched.errors import HpcschedError, MissingTool, WrongResult

HPL = "hpcc_hpl"
FIGURES = {
    HPL: ("HPL_Tflops", 1e3, Metric(HPL, "GFLOP/s")),
    "hpcc_dgemm": ("StarDGEMM_Gflops", 1.0, Metric("hpcc_dgemm", "GFLOP/s")),
    "hpcc_triad": ("StarSTREAM_Triad", 1.0, Metric("hpcc_triad", "GB/s")),
    "hpcc_randomaccess": ("MPIRandomAccess_GUPs", 1.0, Metric("hpcc_randomaccess", "GUP/s", margin=0.03)),
}
"""Name in its output, factor to our unit, metric. `dgemm` and `triad` are of one process while all run."""
ORDER_ON_ONE_CORE = 2000
RESIDUAL_BOUND = 16.0
ERRORS_ALLOWED = 0.01
LIMIT_S = 1500.0


@dataclass(frozen=True, slots=True)
class Beside:
    """`settings` None: it is not run, and `lacks` says why."""

    settings: dict[str, Any] | None = None
    metrics: tuple[Metric, ...] = ()
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    values: dict[str, float] = field(default_factory=dict)
    config: dict[str, str | int | float | bool] = field(default_factory=dict)


def find(size: Size, cores: int) -> Beside:
    program = shutil.which("hpcc")
    if program is None:
        return Beside(lacks=("hpcc beside it: not installed (apt install hpcc)",))
    if size is not Size.FULL:
        return Beside(lacks=("hpcc beside it: takes minutes a sample, so it runs with --size full alone",))
    try:
        found = mpi.find_launcher()
    except MissingTool as error:
        return Beside(lacks=(f"hpcc beside it: {error.line}",))
    order = int(ORDER_ON_ONE_CORE * cores ** (1 / 3))
    settings = {"program": program, "mpi": found.name, "launcher": found.launcher, "processes": cores, "order": order}
    return Beside(settings, tuple(metric for _, _, metric in FIGURES.values()))


def measure(settings: Mapping[str, Any] | None) -> Figures:
    """All its tests, which have no switch. Raises WrongResult when it or we find one of its results wrong."""
    if settings is None:
        return Figures()
    with tempfile.TemporaryDirectory(prefix="hpcsched-hpcc-") as folder:
        found = read_output(_output(settings, Path(folder)))
    check(found)
    values = {name: float(found[key]) * factor for name, (key, factor, _) in FIGURES.items()}
    program = digest(Path(settings["program"]))
    return Figures(values, {"hpcc_order": settings["order"], "hpcc_processes": settings["processes"], "hpcc_program": program})


def _output(settings: Mapping[str, Any], folder: Path) -> str:
    starter = mpi.Mpi(settings["mpi"], settings["launcher"])
    (folder / "hpccinf.txt").write_text(input_file(settings["order"], settings["processes"]))
    run([*starter.command(settings["processes"]), settings["program"]], starter.env(), LIMIT_S, folder)
    try:
        return (folder / "hpccoutf.txt").read_text()
    except OSError as error:
        raise HpcschedError(f"hpcc left no result: {error.strerror}") from None


def grid(processes: int) -> tuple[int, int]:
    """Rows and columns, as square as they can be, not more rows than columns."""
    rows = next(rows for rows in range(math.isqrt(processes), 0, -1) if processes % rows == 0)
    return rows, processes // rows


def input_file(order: int, processes: int) -> str:
    rows, columns = grid(processes)
    hpl = ("HPL", "-", "HPL.out", "8 device", "1", f"{order} N", "1", "96 NB", "0 row-major", "1", f"{rows} P", f"{columns} Q")
    factors = ("1", "2 right", "1", "4 NBMIN", "1", "2 NDIV", "1", "1 Crout", "1", "1 broadcast", "1", "1 depth")
    rest = ("2 swap mix", "64 threshold", "0 L1 transposed", "0 U transposed", "1 equilibration", "8 alignment")
    ptrans = ("-", "0 more N", "1200", "0 more NB", "96")
    return "\n".join((*hpl, "16.0 threshold", *factors, *rest, *ptrans, ""))


def read_output(text: str) -> dict[str, str]:
    """Raises WrongResult when a figure is missing."""
    found = {name: value for name, sign, value in (line.strip().partition("=") for line in text.splitlines()) if sign}
    missing = [key for key, _, _ in FIGURES.values() if not _is_number(found.get(key, ""))]
    if missing:
        raise WrongResult(f"hpcc printed no {', '.join(missing)}: {NO_SPEED}")
    return found


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def check(found: Mapping[str, str]) -> None:
    """Its own verdict, HPL's residual and the share of lost updates. Raises WrongResult."""
    if found.get("Success") != "1":
        raise WrongResult(f"hpcc says that one of its tests failed: {NO_SPEED}")
    if not residual(found) <= RESIDUAL_BOUND:
        raise WrongResult(f"HPL's residual in hpcc is {residual(found):g}, allowed {RESIDUAL_BOUND:g}: {NO_SPEED}")
    if not float(found.get("MPIRandomAccess_ErrorsFraction", "nan")) <= ERRORS_ALLOWED:
        raise WrongResult(f"hpcc's RandomAccess lost more than {ERRORS_ALLOWED:.0%} of its updates: {NO_SPEED}")


def residual(found: Mapping[str, str]) -> float:
    """From the norms that it prints; NaN when one is missing."""
    names = ("RnormI", "eps", "AnormI", "XnormI", "BnormI", "N")
    r, eps, a, x, b, order = (float(found.get(f"HPL_{name}", "nan")) for name in names)
    return r / (eps * (a * x + b) * order)
