"""What canaries have learnt outlives the controller, and its loss stops nobody."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from hpcsched.bench.drift import Reading
from hpcsched.bench.watch import Rules, Watch
from hpcsched.controller.canary_store import FILE, CanaryStore


def learnt() -> Watch:
    watch = Watch(Rules())
    for hour in range(30):
        watch.see("n1", "class", "", hour * 3600.0)
        watch.hear("n1", [Reading("stream.triad", 19.0 + hour % 3, "GB/s")], hour * 3600.0)
    return watch


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    store, node = CanaryStore(tmp_path), learnt().nodes["n1"]
    store.keep(msgspec.json.encode(node), "n1")
    store.keep_prepared("n1 class stream", "{}")
    assert CanaryStore(tmp_path).load() == ([node], {"n1 class stream": "{}"})


def test_a_damaged_file_is_said_and_nothing_is_known(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 100)
    assert CanaryStore(tmp_path).load() == ([], {})
    assert "not kept" in caplog.text


def test_a_folder_that_is_gone_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    CanaryStore(tmp_path / "gone").keep(b"{}", "n1")
    assert "not kept" in caplog.text
