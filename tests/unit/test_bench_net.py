"""What is read out of iperf3's answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpcsched.bench.iperf import free_port, in_flight, received
from hpcsched.errors import WrongResult


def told(sent: int, got: int, rate: float = 8e9) -> str:
    return json.dumps({"end": {"sum_sent": {"bytes": sent}, "sum_received": {"bytes": got, "bits_per_second": rate}}})


def test_the_receiver_s_rate_counts_in_bytes() -> None:
    assert received(told(1000, 1000), 0) == 1e9
    assert received(told(1000, 900), 100) == 1e9


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (told(1000, 899), "sent 1000 bytes, and 899 arrived: this run has no speed"),
        (told(1000, 1001), "1001 arrived"),
        (told(0, 0), "0 arrived"),
        (told(1000, 1000, 0.0), "no speed"),
        (json.dumps({"error": "unable to connect to server"}), "unable to connect"),
        ("", "nothing"),
    ],
)
def test_bytes_that_did_not_arrive_have_no_speed(text: str, word: str) -> None:
    with pytest.raises(WrongResult, match=word):
        received(text, 100)


def test_what_may_be_missing_is_what_both_sockets_hold(tmp_path: Path) -> None:
    for name, text in (("rmem", "4096 131072 6291456"), ("wmem", "4096\t16384\t4194304")):
        (tmp_path / name).write_text(text + "\n")
    assert in_flight([tmp_path / "rmem", tmp_path / "wmem"]) == 10485760


def test_a_free_port_is_one_that_can_be_listened_on() -> None:
    assert 0 < free_port() < 65536
