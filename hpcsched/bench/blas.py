"""The BLAS that a Python package brings or finds: how many threads it runs, and what it is."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hpcsched.bench.kernel import digest
from hpcsched.errors import HpcschedError

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "FLEXIBLAS_NUM_THREADS")
NAMES = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS", "flexiblas": "FlexiBLAS"}


@dataclass(frozen=True, slots=True)
class Blas:
    """`threads`: what the library itself says. `isa`: the kernels that it chose for this CPU, empty where it does not say."""

    name: str
    version: str
    threads: int
    isa: str
    layer: str
    file: Path

    @property
    def config(self) -> dict[str, str | int | float | bool]:
        words = {"blas": f"{self.name} {self.version}", "isa": self.isa, "threading": self.layer, "blas_file": self.file.name}
        return {"threads": self.threads, "program": digest(self.file), **{key: text for key, text in words.items() if text}}


def square(on_one_core: int, cores: int, memory: int, matrices: int) -> int:
    """Rows of square matrices: work per core stays the same; so many of them fill at most half of the free memory."""
    wanted = on_one_core * cores ** (1 / 3)
    fitting = (memory / 2 / matrices / 8) ** 0.5
    return max(int(min(wanted, fitting)) // 64 * 64, 128)


@cache
def load(module: str, threads: int) -> tuple[Any, Blas]:
    """Imports numpy or a module of scipy with that many threads for the BLAS that it brings or shares. Raises HpcschedError.

    The number is read by a library when it is loaded, so this comes before any other import of either.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    if module != "numpy":
        importlib.import_module("numpy")
    before = {info["filepath"] for info in _pools()}
    loaded = importlib.import_module(module)
    pools = _pools()
    own = [info for info in pools if info["filepath"] not in before] or pools
    if not own:
        raise HpcschedError(f"{module} runs on no BLAS that threadpoolctl knows (OpenBLAS, MKL, BLIS, FlexiBLAS): install one")
    return loaded, _blas(own[-1])


def _pools() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info

    return [info for info in threadpool_info() if info["user_api"] == "blas"]


def _blas(info: dict[str, Any]) -> Blas:
    kind = str(info["internal_api"])
    layer, isa = (str(info.get(key) or "") for key in ("threading_layer", "architecture"))
    return Blas(NAMES.get(kind, kind), str(info["version"] or "?"), int(info["num_threads"]), isa, layer, Path(info["filepath"]))


def fewer_threads(blas: Blas, cores: int) -> tuple[str, ...]:
    """What to say of a library that was built for fewer threads than there are cores."""
    if blas.threads >= cores:
        return ()
    return (f"{blas.name} runs {blas.threads} threads at most, this job has {cores} cores: the others stay idle",)
