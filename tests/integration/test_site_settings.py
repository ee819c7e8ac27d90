"""A controller with a site's tables, over its socket, and again with others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from hpcsched.client import Client
from hpcsched.config import ControllerConfig, load
from hpcsched.controller.server import controller
from hpcsched.errors import Infeasible, InvalidValue, QueueFull
from hpcsched.model.job import JobSpec, JobState

T = TypeVar("T")
TABLES = """
[partition.batch]
default = true
max_time = "2h"
[partition.old]
[qos.normal]
max_submit = 3
[account.physics]
shares = 2
users = { ada = 1 }
"""


def ask(tmp_path: Path, tables: str, question: Callable[[Client], T]) -> T:
    """The answer of a controller with these tables, which is stopped then."""
    path = tmp_path / "hpcsched.toml"
    path.write_text(f'[controller]\nlisten = "unix://{tmp_path}/s.sock"\nstate_dir = "{tmp_path}/state"\n{tables}')
    config = load(path, "controller", ControllerConfig)

    def asked() -> T:
        with Client(config.listen) as client:
            return question(client)

    async def run() -> T:
        async with controller(config):
            return await asyncio.to_thread(asked)

    return asyncio.run(run())


def spec(**given: object) -> JobSpec:
    return JobSpec(command=("true",), **{"user": "ada", **given})  # type: ignore[arg-type]


def test_a_job_gets_the_sites_defaults_and_the_listings_show_it(tmp_path: Path) -> None:
    def question(client: Client) -> None:
        job = client.job(client.submit(spec()))
        assert (job.spec.partition, job.spec.account, job.spec.qos, job.spec.time_limit_s) == ("batch", "physics", "normal", 7200)
        assert [(item.partition.name, item.waiting) for item in client.partitions()] == [("batch", 1), ("old", 0)]
        assert [(item.qos.name, item.waiting) for item in client.qos()] == [("normal", 1)]
        assert [(item.account, item.user, item.factor, item.level) for item in client.shares()] == [
            ("physics", "", 0.0, None),
            ("physics", "ada", 1.0, None),
        ]

    ask(tmp_path, TABLES, question)


def test_what_the_site_does_not_take_is_refused_by_name(tmp_path: Path) -> None:
    def question(client: Client) -> None:
        with pytest.raises(Infeasible, match=r"max_time of \[partition.batch\] is 2:00:00"):
            client.submit(spec(time_limit_s=7201))
        with pytest.raises(InvalidValue, match="accounts of 'eve': none"):
            client.submit(spec(user="eve"))
        for _ in range(3):
            client.submit(spec())
        with pytest.raises(QueueFull, match=r"max_submit of \[qos.normal\] is 3"):
            client.submit(spec())

    ask(tmp_path, TABLES, question)


def test_a_controller_with_other_tables_keeps_the_jobs(tmp_path: Path) -> None:
    job_id = ask(tmp_path, TABLES, lambda client: client.submit(spec(partition="old")))
    job = ask(tmp_path, "", lambda client: client.job(job_id))
    assert (job.state, job.spec.partition) == (JobState.PENDING, "old")
    assert ask(tmp_path, TABLES, lambda client: client.job(job_id)).spec == job.spec


def test_a_wish_for_equal_speed_is_kept_and_one_for_a_figure_that_there_is_not_is_refused(tmp_path: Path) -> None:
    def question(client: Client) -> None:
        job = client.job(client.submit(spec(nodes=2, equal_speed="stream.triad")))
        assert job.spec.equal_speed == "stream.triad"
        for ask_for in (client.submit, client.explain):
            with pytest.raises(InvalidValue, match="no benchmark measures"):
                ask_for(spec(nodes=2, equal_speed="stream.traid"))

    ask(tmp_path, "", question)
    ask(tmp_path, "", lambda client: client.job(1).spec.equal_speed == "stream.triad" or pytest.fail("it is not kept"))
