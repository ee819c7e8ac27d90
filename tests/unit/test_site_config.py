"""Tables of what a site settles: what is taken, what is refused, and the example in docs/site.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hpcsched.cli.main import invoke
from hpcsched.config import ControllerConfig, load
from hpcsched.config.site import TABLES
from hpcsched.errors import ConfigError
from hpcsched.model.site import Account, Limits, Partition, PartitionState, PreemptMode, Qos, Site, Weights

DOCUMENT = Path(__file__).parents[2] / "docs" / "site.md"


def site(tmp_path: Path, text: str) -> Site:
    path = tmp_path / "hpcsched.toml"
    path.write_text(text)
    return load(path, "controller", ControllerConfig).site


def test_without_tables_nothing_is_settled(tmp_path: Path) -> None:
    assert site(tmp_path, "") == Site()


def test_the_documented_example_is_read_whole(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert example is not None
    found = site(tmp_path, example[1])
    assert found.weights == Weights(1000, 10_000, 500, 2000, 1000, 7 * 86400)
    assert (found.half_life_s, found.max_overtake_s, found.max_array) == (14 * 86400.0, 2 * 86400.0, 100_000)
    batch = Limits(max_time_s=172_800, max_nodes_per_job=64, max_submit_per_user=500)
    assert found.partitions[0] == Partition("batch", ("n[0-9]*", "+epyc"), True, default_time_s=3600, limits=batch)
    urgent = Qos("urgent", 1.0, ("normal",), usage_factor=2.0, limits=Limits(max_nodes=32, max_node_hours=10_000.0))
    assert found.qos[1] == urgent
    assert found.qos[0].preempt_mode is PreemptMode.REQUEUE
    assert found.accounts[1] == Account("physics", "science", 2, (("alice", 2), ("bob", 1)))
    assert found.accounts[2].users == (("carol", 1), ("dave", 1))


def test_the_document_names_every_table_and_the_limits() -> None:
    text = DOCUMENT.read_text()
    keys = [name.removesuffix("_s") for name in Limits.__slots__]
    assert [name for name in [*keys, *(f"[{table.partition('.')[0]}" for table in TABLES)] if name not in text] == []


def test_states_and_durations_are_read(tmp_path: Path) -> None:
    found = site(tmp_path, '[partition.a]\nstate = "DRAIN"\nmax_time = "90m"\ndefault_time = 0\n[priority]\nmax_overtake = 0\n')
    assert found.partitions[0].state is PartitionState.DRAIN
    assert (found.partitions[0].limits.max_time_s, found.max_overtake_s) == (5400, 0.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[priority]\nage = -1", "[priority] age: -1 is outside 0 to"),
        (
            "[priority]\nage = 2147483648\nqos = 1",
            "[priority]: the weights are 2147483649 together, at most 2147483648: divide them all by the same number",
        ),
        ('[priority]\nhalf_life = "soon"', "[priority] half_life: bad duration 'soon'"),
        ("[priority]\nhalf_life = 7", "[priority] half_life: 7 is no duration: write it in quotes"),
        ("[priority]\nhalf_life = 0", "[priority] half_life: it must be longer than 0"),
        ("[priority]\nmax_age = 0", "[priority] max_age: it must be longer than 0"),
        ("[priority]\nweight = 1", "[priority] has an unknown key 'weight'; known: age, fair_share"),
        ("priority = 1", "[priority] is not a table"),
        ("[partition]\nname = 1", "[partition.name] is not a table"),
        ('[partition."a b"]', "[partition]: bad name 'a b'"),
        ('[partition.a]\nstate = "OFF"', "[partition.a] state: 'OFF' is not one of UP, DOWN, DRAIN, INACTIVE"),
        ("[partition.a]\npriority = 2", "[partition.a] priority: 2.0 is outside 0 to 1"),
        ("[partition.a]\nmax_jobs = true", "[partition.a] max_jobs: True is not of type int"),
        ("[partition.a]\nmin_nodes = 0", "[partition.a] min_nodes: 0 is outside 1 to"),
        ("[partition.a]\nmin_nodes = 3\nmax_nodes_per_job = 2", "min_nodes: 3 is above max_nodes_per_job, 2"),
        ('[partition.a]\nmax_time = "1h"\ndefault_time = "2h"', "[partition.a] default_time: it is longer than max_time"),
        ('[partition.a]\nnodes = ["+"]', "[partition.a] nodes: bad name '+'"),
        ('[partition.a]\nnodes = ["+epyc&ib"]', "[partition.a] nodes: bad name '+epyc&ib'"),
        ("[partition.a]\ndefault = true\n[partition.b]\ndefault = true", "[partition.b] default: [partition.a] is the default"),
        ('[partition.a]\nallow_qos = ["x"]', "[partition.a] allow_qos: there is no table [qos.x]; known: none"),
        ('[partition.a]\nallow_accounts = ["x"]\n[account.b]', "there is no table [account.x]; known: b"),
        ('[qos.a]\npreempt = ["a"]', "[qos.a] preempt: it comes back"),
        (
            '[qos.a]\npreempt = ["b"]\n[qos.b]\npreempt = ["c"]\n[qos.c]\npreempt = ["a"]',
            "[qos.a] preempt: it comes back",
        ),
        ('[qos.a]\npreempt = ["b"]', "[qos.a] preempt: there is no table [qos.b]; known: a"),
        ('[qos.a]\npreempt_mode = "kill"', "[qos.a] preempt_mode: 'kill' is not one of off, cancel, requeue, suspend"),
        ("[qos.a]\nusage_factor = nan", "[qos.a] usage_factor: nan is outside 0 to 1000"),
        ('[account.a]\nparent = "b"', "[account.a] parent: there is no table [account.b]; known: a"),
        ('[account.a]\nparent = "a"', "[account.a] parent: it comes back to itself: a < a"),
        (
            '[account.a]\nparent = "b"\n[account.b]\nparent = "c"\n[account.c]\nparent = "b"',
            "parent: it comes back to itself: a < b < c < b",
        ),
        (
            "".join(f'[account.a{number}]\nparent = "a{number + 1}"\n' for number in range(40)) + "[account.a40]",
            "[account.a0] parent: it is deeper than 32 accounts",
        ),
        ("[account.a]\nshares = 0", "[account.a] shares: 0 is outside 1 to 1000000"),
        ("[account.a]\nusers = { ada = 0 }", "[account.a] users: ada: 0 is outside 1 to"),
        ('[account.a]\nusers = "ada"', "[account.a] users: 'ada' is no table of shares: write it like { alice = 2, bob = 1 }"),
        ("[account.a]\nusers = { ada = true }", "is no table of shares"),
        ("[controller]\nmax_array = 0", "[controller] max_array: 0 is outside 1 to"),
    ],
)
def test_what_is_wrong_is_named_with_its_file_table_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        site(tmp_path, text)
    assert said in str(error.value)
    assert str(error.value).startswith(str(tmp_path))
    assert "\n" not in str(error.value)


def test_config_check_refuses_a_bad_table_and_takes_a_good_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hpcsched.toml"
    path.write_text('[qos.a]\npreempt = ["b"]\n')
    assert invoke(["config", "check", "--config", str(path)]) == 1
    assert "there is no table [qos.b]" in capsys.readouterr().err
    path.write_text('[qos.a]\npreempt = ["b"]\n[qos.b]\n')
    assert invoke(["config", "check", "--config", str(path)]) == 0


def test_config_show_lists_what_each_table_sets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hpcsched.toml"
    path.write_text('[partition.a]\nmax_time = "2h"\n[account.x]\nusers = { ada = 2 }\n')
    assert invoke(["config", "show", "--config", str(path), "--output", "json"]) == 0
    shown = {(key["table"], key["key"]): (key["value"], key["default"]) for key in json.loads(capsys.readouterr().out)}
    assert shown["partition.a", "max_time"] == ("2:00:00", False)
    assert shown["account.x", "users"] == ({"ada": 2}, False)
    assert shown["priority", "half_life"] == ("7-00:00:00", True)
    assert ("partition.a", "max_jobs") not in shown


def test_what_config_show_prints_is_a_file_that_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert example is not None
    before = site(tmp_path, example[1])
    assert invoke(["config", "show", "--config", str(tmp_path / "hpcsched.toml"), "--output", "plain"]) == 0
    tables: dict[str, list[str]] = {}
    for table, key, value in (line.split("\t") for line in capsys.readouterr().out.splitlines()):
        tables.setdefault(table, []).append(f"{key} = {value}")
    text = "".join(f"[{table}]\n" + "\n".join(lines) + "\n" for table, lines in tables.items())
    assert site(tmp_path, text + "[account.science]\n" * ("account.science" not in tables)) == before
