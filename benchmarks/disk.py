#!/usr/bin/env python3
"""Files on the root and on a folder of the node: in order, at random, and metadata; 1 GB/s is 10^9 bytes per second."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from hpcsched.bench import fio
from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.kernel import build, digest, identity
from hpcsched.bench.places import Place, device_of, own_folder, places, room, too_full
from hpcsched.bench.prepared import Prepared, Settings, Spared
from hpcsched.bench.program import answer, run
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import MissingTool, Unsupported, WrongResult

UNITS = {"read": "GB/s", "write": "GB/s", "random_read": "IO/s", "random_write": "IO/s"}
STEPS = ("create", "stat", "unlink")
ABOUT = About(
    name="disk",
    stresses="files on the root and on a mounted folder of the node: data with O_DIRECT, and metadata",
    source="fio with libaio: 1 MiB in order, 4 KiB at random, each block with a checksum; small files as in mdtest",
    metrics=tuple(
        Metric(f"{place}_{name}", unit)
        for place in ("root", "bind")
        for name, unit in (*UNITS.items(), *((step, "files/s") for step in STEPS))
    ),
    margin=0.02,
)
SOURCE = Path(__file__).parent / "src" / "disk.c"
FLAGS = ("-O2", "-Wall", "-Werror")
FILE = {Size.QUICK: 64 << 20, Size.NORMAL: 512 << 20, Size.FULL: 4096 << 20}
SHARE_AT_RANDOM = {Size.QUICK: 8, Size.NORMAL: 4, Size.FULL: 4}
"""One byte in so many is read or written at random."""
LEAST = 16 << 20
FILES = 20
BATCHES = {Size.QUICK: 20, Size.NORMAL: 200, Size.FULL: 1000}
LIMIT_S = 1500.0


def prepare(size: Size, cache: Path) -> Prepared:
    """Choose the places and the sizes. Raises Unsupported when no place is a disk."""
    kernel = str(build(SOURCE, cache, FLAGS))
    found, lacks = places(os.environ)
    sizes = {place.name: room(place.folder, FILE[size], LEAST) for place in found}
    lacks.extend(too_full(place, LEAST) for place in found if not sizes[place.name])
    chosen = [place for place in found if sizes[place.name]]
    if not chosen:
        raise Unsupported("; ".join(lacks))
    tool, missing = _fio()
    settings = {
        "kernel": kernel,
        "fio": tool,
        "places": [asdict(place) for place in chosen],
        "bytes": min(sizes[place.name] for place in chosen),
        "share_at_random": SHARE_AT_RANDOM[size],
        "files": FILES,
        "batches": BATCHES[size],
    }
    mounts = tuple(place.folder for place in chosen if place.device)
    named, spared = tuple(_metrics(chosen, bool(tool))), {"fio": Spared("data", tuple(_of_data(chosen)))}
    return Prepared(settings, named, lacks=(*lacks, *missing), mounts=mounts, spared=spared)


def _fio() -> tuple[str, tuple[str, ...]]:
    try:
        return fio.find(), ()
    except MissingTool as error:
        return "", (f"data: {error.line}",)


def _of_data(chosen: Iterable[Place]) -> Iterable[str]:
    return (f"{place.name}_{name}" for place in chosen for name in UNITS)


def _metrics(chosen: Iterable[Place], data: bool) -> Iterable[Metric]:
    units = {**(UNITS if data else {}), **dict.fromkeys(STEPS, "files/s")}
    for place in chosen:
        yield from (Metric(f"{place.name}_{name}", unit) for name, unit in units.items())


def measure(settings: Settings) -> Measured:
    """Place after place, each in a folder that is gone afterwards."""
    chosen = [Place(**place) for place in settings["places"]]
    for place in chosen:
        check_device(place)
    values = {f"{place.name}_{name}": value for place in chosen for name, value in _of_place(place, settings).items()}
    return Measured(values, _config(settings, chosen))


def check_device(place: Place) -> None:
    """Two arms on two file systems would compare those. Raises WrongResult."""
    if place.device and device_of(place.folder) != place.device:
        raise WrongResult(f"{place.folder} is not the node's here: mount it (--mount {place.folder}:{place.folder}:rw)")


def _of_place(place: Place, settings: Settings) -> dict[str, float]:
    with own_folder(place.folder) as folder:
        rates = _metadata(folder, settings)
        return {**(_data(folder / "data", settings) if settings["fio"] else {}), **rates}


def _metadata(folder: Path, settings: Settings) -> dict[str, float]:
    files = settings["files"]
    seconds = answer([settings["kernel"], str(folder), str(files), str(settings["batches"])], limit_s=LIMIT_S)
    return {step: files / seconds[step] for step in STEPS}


def _data(file: Path, settings: Settings) -> dict[str, float]:
    work = fio.Work(settings["bytes"], settings["bytes"] // settings["share_at_random"])
    whole = fio.figures(run(fio.in_order(settings["fio"], file, work), limit_s=LIMIT_S))
    parts = fio.figures(run(fio.at_random(settings["fio"], file, work), limit_s=LIMIT_S))
    rates = {way: its["bw_bytes"] / 1e9 for way, its in whole.items()}
    return {**rates, **{f"random_{way}": float(its["iops"]) for way, its in parts.items()}}


def _config(settings: Settings, chosen: Iterable[Place]) -> dict[str, str | int | float | bool]:
    kept = {name: settings[name] for name in ("bytes", "share_at_random", "files", "batches")}
    where = {place.name: f"{place.folder} {place.kind} {place.device}".strip() for place in chosen}
    tool = {"fio_program": digest(Path(settings["fio"]))} if settings["fio"] else {}
    return {**kept, **where, **tool, **identity(Path(settings["kernel"]))}


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
