"""What the agent must know after a kill -9: one small file for each container, a line for each stage.

Appending costs a tenth of a millisecond where replacing the file costs several on ext4 (its `auto_da_alloc` flushes the new one).
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hpcsched.agent.reconcile import Stage
from hpcsched.errors import RuntimeFailure, StoreCorrupt
from hpcsched.model.container import ContainerStatus, DesiredContainer
from hpcsched.state.codec import decode_value, decoder, encode_value


@dataclass(frozen=True, slots=True)
class Page:
    """`boot_id`: of the boot in which the stage was reached; `name`: of the container, unique on the node.

    `began` and `frozen_since`: when it began to run and to stand still, in seconds of the steady clock of that boot, 0: it has
    not; `frozen_s`: how long it stood still, up to then.
    """

    name: str
    desired: DesiredContainer
    stage: Stage
    status: ContainerStatus
    boot_id: str
    frozen_since: float = 0.0
    frozen_s: float = 0.0
    began: float = 0.0


_PAGE = decoder(Page)


def with_steady_times(page: Page, wall: float, steady: float) -> Page:
    """One that was written without `began` has Unix seconds; its times as the two clocks, read now, have it."""
    if page.began or not page.status.start_time:
        return page
    frozen_since = max(steady - max(0.0, wall - page.frozen_since), 1e-3) if page.frozen_since else 0.0
    return replace(page, began=steady - max(0.0, wall - page.status.start_time), frozen_since=frozen_since)


class Book:
    """Pages by job id in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def name_of(self, job_id: int) -> str:
        """A container name that no other agent of this node uses."""
        return f"job{job_id}-{zlib.crc32(str(self._folder.resolve()).encode()):08x}"

    def write(self, page: Page) -> None:
        """Whole for whoever reads after a kill -9; a power cut ends the containers as well. Raises RuntimeFailure."""
        try:
            with self._path(page.status.job_id).open("ab", buffering=0) as file:
                file.write(b"\n" + encode_value(page))
        except OSError as error:
            raise RuntimeFailure(f"cannot write the agent's notes in {self._folder}: {error.strerror}") from None

    def drop(self, job_id: int) -> None:
        self._path(job_id).unlink(missing_ok=True)

    def read(self) -> list[Page]:
        """All pages by job id; a page that cannot be read is set aside as `*.bad`, its container counts as unknown."""
        pages = [_read(path) for path in sorted(self._folder.glob("job*.json"))]
        return [page for page in pages if page is not None]

    def _path(self, job_id: int) -> Path:
        return self._folder / f"job{job_id}.json"


def _read(path: Path) -> Page | None:
    """The last whole line; a kill or a full disk may have torn one."""
    for line in reversed(path.read_bytes().splitlines()):
        with suppress(StoreCorrupt):
            return decode_value(_PAGE, line, str(path))
    path.replace(path.with_suffix(".bad"))
    return None
