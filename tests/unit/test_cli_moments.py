"""Times as people write them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from hpcsched.cli.moments import parse_moment
from hpcsched.errors import InvalidValue

NOW = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC, a Tuesday; 23:13:20 in Berlin."""


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("now", "2023-11-14T23:13:20"),
        ("now+90", "2023-11-14T23:14:50"),
        ("now+1h", "2023-11-15T00:13:20"),
        ("now + 2 hours", "2023-11-15T01:13:20"),
        ("+1h", "2023-11-15T00:13:20"),
        ("NOW+1week", "2023-11-21T23:13:20"),
        ("23:14", "2023-11-14T23:14:00"),
        ("23:13:20", "2023-11-15T23:13:20"),
        ("16:00", "2023-11-15T16:00:00"),
        ("4:30pm", "2023-11-15T16:30:00"),
        ("12:05 am", "2023-11-15T00:05:00"),
        ("noon", "2023-11-15T12:00:00"),
        ("midnight", "2023-11-15T00:00:00"),
        ("teatime", "2023-11-15T16:00:00"),
        ("tomorrow", "2023-11-15T00:00:00"),
        ("today", "2023-11-14T00:00:00"),
        ("11/13", "2024-11-13T00:00:00"),
        ("11/20-8:00", "2023-11-20T08:00:00"),
        ("02/29/24", "2024-02-29T00:00:00"),
        ("2024-02-29", "2024-02-29T00:00:00"),
        ("2024-07-01T16:00", "2024-07-01T16:00:00"),
        ("2024-07-01 16:00:30", "2024-07-01T16:00:30"),
        ("2024-07-01T16:00+02:00", "2024-07-01T16:00:00"),
        ("2024-07-01T14:00:00Z", "2024-07-01T16:00:00"),
    ],
)
def test_a_moment_is_read_in_local_time(text: str, local: str) -> None:
    assert datetime.fromtimestamp(parse_moment(text, NOW)).isoformat() == local


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "soon",
            "24:00",
            "13:60",
            "13pm",
            "13:00pm",
            "0:30am",
            "now-1h",
            "now+1 fortnight",
            "now+",
            "1700000000",
            "16",
            "13/01",
        ),
        *("02/29/23", "11/20-99:00", "2024-02-30", "2024-07-01T1600Q", "9" * 5000, "2099-01-01", "now+999999999w", "0001-01-01"),
    ],
)
def test_what_is_no_moment_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse_moment(text, NOW)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
