"""Kinds of cores of a hybrid processor, out of hwloc's XML."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import Element

from hpcsched.hardware.attributes import info, mask
from hpcsched.model.topology import Core

_NAMES = (("CoreType", "{}"), ("LinuxCapacity", "capacity {}"), ("FrequencyMaxMHz", "{} MHz"))
MOST_KINDS = 32


def with_kinds(root: Element, cores: tuple[Core, ...]) -> tuple[tuple[Core, ...], tuple[str, ...]]:
    """The cores, each with the index of its kind, and the names of the kinds; none where all cores are alike.

    hwloc writes kinds by rising performance (hwloc/cpukinds.h) as far as it can rank them. Cores that it gives none, beside
    others of several kinds, come first as `unknown`.
    """
    blocks = [(mask(item, "cpuset", absent=0), item) for item in root.iterfind("cpukind")][:MOST_KINDS]
    places = [next((at for at, (pus, _) in enumerate(blocks) if pus & core.pus.mask), -1) for core in cores]
    present = sorted(set(places))
    if len([place for place in present if place >= 0]) < 2:
        return cores, ()
    kinds = tuple(replace(core, kind=present.index(place)) for core, place in zip(cores, places, strict=True))
    return kinds, tuple("unknown" if place < 0 else _name(blocks[place][1], place) for place in present)


def _name(item: Element, place: int) -> str:
    """What the kernel or the processor calls it, or that in which the kinds differ."""
    found = (text.format(value) for name, text in _NAMES if (value := info(item, name)))
    return next(found, f"kind {place}")
