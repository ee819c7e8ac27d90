"""The tests of this folder run in the guests of `make test-numa` alone."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.daemons import Daemons, daemons
from tests.numa.gpus import describe, gpus

SITE = """
[partition.all]
default = true
[partition.shared]
shared = true
[qos.frozen]
preempt_mode = "suspend"
[qos.urgent]
preempt = ["frozen"]
"""

if "HPCSCHED_NUMA_GUEST" not in os.environ:
    collect_ignore_glob = ["test_*.py"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--agent", action="append", default=[], metavar="LINE", help="of the agent's settings")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Daemons]:
    """A controller and an agent that owns the whole guest; a test that ends one of them starts it again."""
    if gpus():
        describe()
    keys = "\n".join(pytestconfig.getoption("--agent"))
    with daemons(tmp_path_factory.mktemp("c"), agent_keys=keys, site=SITE) as both:
        yield both
