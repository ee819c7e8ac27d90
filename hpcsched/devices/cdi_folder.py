"""All CDI files of a node: which devices they name, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hpcsched.devices.cdi_edits import check
from hpcsched.devices.cdi_file import CdiFile, Edits, NamedDevice, cdi_files, read_cdi
from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure


@dataclass(frozen=True, slots=True)
class Entry:
    """One device: its qualified name `vendor.com/class=name`, the file, its edits shared by all of that file, and its own."""

    id: str
    kind: str
    path: str
    shared: Edits
    own: Edits

    @property
    def edits(self) -> tuple[Edits, Edits]:
        return self.shared, self.own

    @property
    def whose(self) -> str:
        return f"CDI file {self.path}"


@dataclass(frozen=True, slots=True)
class Found:
    """`entries` by qualified name, in the order of the files; `problems` by file, of whatever kind it may be."""

    entries: dict[str, Entry]
    problems: dict[str, DeviceFailure]


def read_folders(tree: Tree, folders: Sequence[str], wanted: Callable[[str], bool]) -> Found:
    """Devices of the kinds wanted. A later folder overrides an earlier one; of two in one folder neither counts."""
    entries: dict[str, Entry] = {}
    problems: dict[str, DeviceFailure] = {}
    for folder in dict.fromkeys(tree.resolved(folder) for folder in folders):
        entries |= _read_folder(tree, folder, wanted, problems)
    return Found(entries, problems)


def _read_folder(tree: Tree, folder: str, wanted: Callable[[str], bool], problems: dict[str, DeviceFailure]) -> dict[str, Entry]:
    found: dict[str, list[Entry]] = {}
    for path in cdi_files(tree, folder):
        try:
            for entry in _entries(path, read_cdi(tree, path), wanted):
                found.setdefault(entry.id, []).append(entry)
        except DeviceFailure as error:
            problems[path] = error
    for entry_id, (first, *others) in found.items():
        for other in others:
            problems[other.path] = DeviceFailure(f"CDI files {first.path} and {other.path} both name {entry_id}", "take one away")
    return {entry_id: entries[0] for entry_id, entries in found.items() if len(entries) == 1}


def _entries(path: str, file: CdiFile, wanted: Callable[[str], bool]) -> Iterator[Entry]:
    if wanted(file.kind):
        check([file.container_edits, *(device.container_edits for device in file.devices)], f"CDI file {path}")
        yield from (_entry(path, file, device) for device in file.devices)


def _entry(path: str, file: CdiFile, device: NamedDevice) -> Entry:
    return Entry(f"{file.kind}={device.name}", file.kind, path, file.container_edits, device.container_edits)
