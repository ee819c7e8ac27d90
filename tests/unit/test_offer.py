"""What an agent's settings keep from jobs, and settings that make no sense."""

from __future__ import annotations

from shutil import which

import pytest

from hpcsched.agent import offer
from hpcsched.agent.offer import reserved_memory
from hpcsched.config import AgentConfig
from hpcsched.errors import ConfigError
from hpcsched.model.units import GIB, MIB


@pytest.mark.parametrize(
    ("total", "kept"),
    [(1 * GIB, 256 * MIB), (100 * MIB, 50 * MIB), (100 * GIB, 2 * GIB), (1024 * GIB, 4 * GIB), (0, 0)],
)
def test_auto_keeps_two_per_cent_within_its_bounds_and_never_more_than_half(total: int, kept: int) -> None:
    assert reserved_memory("auto", total) == kept


def test_a_size_is_kept_as_it_is() -> None:
    assert reserved_memory("3G", 4 * GIB) == 3 * GIB
    assert reserved_memory("3G", 0) == 3 * GIB


@pytest.mark.parametrize(("text", "words"), [("x", "bad size 'x'"), ("-1", "bad size '-1'"), ("4G", "leaves nothing of 4G")])
def test_memory_that_cannot_be_kept_is_refused_by_its_key(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        reserved_memory(text, 4 * GIB)
    assert str(caught.value).startswith("[agent] reserved_memory")
    assert words in str(caught.value)


@pytest.mark.skipif(not which("lstopo-no-graphics"), reason="hwloc is not installed")
@pytest.mark.parametrize("cpus", ["x", "0-", "0-99999", "65000"])
def test_cpus_that_are_no_list_or_not_there_are_refused_by_their_key(cpus: str) -> None:
    with pytest.raises(ConfigError, match=r"^\[agent\] cpus = "):
        offer.make(AgentConfig(cpus=cpus))
