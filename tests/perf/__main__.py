"""`make perf`: every measurement beside its floor or its peer, in the same run. Names as arguments choose some.

Each module `perf_*.py` here has `measure() -> list[tuple[str, str]]`: what was measured, and the figure in words.
"""

import importlib
import sys
import time
from pathlib import Path


def main(chosen: list[str]) -> None:
    names = sorted(path.stem for path in Path(__file__).parent.glob("perf_*.py"))
    for name in names:
        if not chosen or name.removeprefix("perf_") in chosen:
            began = time.monotonic()
            rows = importlib.import_module(f"tests.perf.{name}").measure()
            print(f"\n{name.removeprefix('perf_')} ({time.monotonic() - began:.0f} s)", flush=True)
            for label, figure in rows:
                print(f"  {label:<66} {figure}", flush=True)


main(sys.argv[1:])
