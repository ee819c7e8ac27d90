"""What the memory modules can pass at most, from the firmware's tables (SMBIOS 3.7, section 7.18: type 17, Memory Device)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcsched.bench.about import Limit
from hpcsched.bench.machine import SYS

MEMORY_DEVICE, END = 17, 127
EXTENDED = 0xFFFF
UNKNOWN = (0, EXTENDED)


@dataclass(frozen=True, slots=True)
class Module:
    """`width`: data bits; `speed`: 10^6 transfers per second as configured, 0 if the firmware does not say."""

    width: int
    speed: int

    @property
    def bandwidth(self) -> float:
        """GB/s."""
        return self.width / 8 * self.speed / 1e3


def memory_limit(sys: Path = SYS) -> Limit | None:
    """GB/s of all modules together; None where the firmware does not say, or not to this user (it is for root alone).

    No memory is faster. It may be slower: two modules on one channel share its speed.
    """
    try:
        found = modules((sys / "firmware/dmi/tables/DMI").read_bytes())
    except OSError:
        return None
    if not found or not all(module.bandwidth for module in found):
        return None
    kinds = Counter(found)
    told = " + ".join(f"{count} x {kind.width} bit x {kind.speed} MT/s" for kind, count in sorted(kinds.items(), key=str))
    return Limit(sum(module.bandwidth for module in found), f"memory modules in SMBIOS (type 17): {told}")


def modules(table: bytes) -> tuple[Module, ...]:
    """Those that are plugged in."""
    devices = (body for kind, body in _structures(table) if kind == MEMORY_DEVICE and len(body) > 0x21)
    return tuple(_module(body) for body in devices if _word(body, 0x0C))


def _module(body: bytes) -> Module:
    width, speed = _word(body, 0x0A), _word(body, 0x20)
    if speed == EXTENDED and len(body) >= 0x5C:
        speed = int.from_bytes(body[0x58:0x5C], "little")
    return Module(0 if width in UNKNOWN else width, 0 if speed in UNKNOWN else speed)


def _word(body: bytes, offset: int) -> int:
    return int.from_bytes(body[offset : offset + 2], "little")


def _structures(table: bytes) -> Iterator[tuple[int, bytes]]:
    """Each structure's type and formatted part; strings follow it, and two zero bytes end them."""
    at = 0
    while at + 4 <= len(table) and table[at] != END and table[at + 1] >= 4:
        length = table[at + 1]
        yield table[at], table[at : at + length]
        end = table.find(b"\0\0", at + length)
        at = end + 2 if end >= 0 else len(table)
