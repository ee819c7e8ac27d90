"""Settings from TOML: what is taken, what is refused, and the tables of node tunings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpcsched.cli.main import invoke
from hpcsched.config import AgentConfig, ControllerConfig, Tuning, keys, load
from hpcsched.errors import ConfigError
from hpcsched.hardware.cgroup_partition import KINDS
from hpcsched.sched.binding import SPREADS


def agent(tmp_path: Path, text: str) -> AgentConfig:
    path = tmp_path / "hpcsched.toml"
    path.write_text(text)
    return load(path, "agent", AgentConfig)


def test_without_any_table_the_built_in_tunings_are_there_and_none_is_the_sites(tmp_path: Path) -> None:
    config = agent(tmp_path, "")
    assert [name for name, _ in config.tunings] == ["hpc", "none"]
    assert config.tuning == ""
    assert config == AgentConfig()


def test_hpc_has_the_performance_governor_huge_pages_no_balancing_and_interrupts_elsewhere() -> None:
    hpc = dict(AgentConfig().tunings)["hpc"]
    assert hpc == Tuning("performance", "always", 0, None, "housekeeping")


def test_a_table_of_the_file_joins_the_built_in_ones_and_may_be_the_sites(tmp_path: Path) -> None:
    config = agent(tmp_path, '[agent]\ntuning = "quiet"\n[tuning.quiet]\nnuma_balancing = 0\nperf_event_paranoid = -1\n')
    assert dict(config.tunings)["quiet"] == Tuning(numa_balancing=0, perf_event_paranoid=-1)
    assert config.tuning == "quiet"
    assert "hpc" in dict(config.tunings)


def test_a_table_of_the_file_takes_the_place_of_a_built_in_one(tmp_path: Path) -> None:
    assert dict(agent(tmp_path, '[tuning.hpc]\ngovernor = "schedutil"\n').tunings)["hpc"] == Tuning(governor="schedutil")


def test_the_controllers_table_may_stand_beside_tunings(tmp_path: Path) -> None:
    path = tmp_path / "hpcsched.toml"
    path.write_text('[controller]\npolicy = "mine"\n[tuning.quiet]\nnuma_balancing = 0\n')
    assert load(path, "controller", ControllerConfig).policy == "mine"


def test_the_words_that_settings_take_are_those_that_the_agent_knows() -> None:
    choices = {key.name: key.metadata["choices"] for key in keys(AgentConfig)}
    assert set(choices["cpu_partition"]) == set(KINDS)
    assert set(choices["reserved_spread"]) == set(SPREADS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tuning.a]\ngovernor = "fast"', "[tuning.a] governor: 'fast' is not one of performance"),
        ("[tuning.a]\ngovernor = 1", "[tuning.a] governor: 1 is not of type str"),
        ("[tuning.a]\nnuma_balancing = 4", "[tuning.a] numa_balancing: 4 is outside 0 to 3"),
        ("[tuning.a]\nnuma_balancing = true", "[tuning.a] numa_balancing: True is not of type int"),
        ("[tuning.a]\nperf_event_paranoid = -2", "perf_event_paranoid: -2 is outside -1 to 4"),
        ('[tuning.a]\nirq_affinity = "0-3"', "irq_affinity: '0-3' is not one of housekeeping"),
        ("[tuning.a]\nswappiness = 1", "[tuning.a] has an unknown key 'swappiness'; known: governor"),
        ("[tuning]\na = 1", "[tuning.a] is not a table"),
        ("tuning = 1", "[tuning] is not a table"),
        ('[tuning."a b"]\n', "bad name 'a b'"),
        ('[agent]\ncpu_partition = "isolate"', "[agent] cpu_partition: 'isolate' is not one of member, root, isolated"),
        ('[agent]\nreserved_spread = "last"', "[agent] reserved_spread: 'last' is not one of first, numa"),
        ('[agent]\ntuning = "quiet"', "[agent] tuning: there is no table [tuning.quiet]; known: hpc, none"),
        ('[agent]\ntunings = ["hpc"]', "[agent] has an unknown key 'tunings'"),
        (
            "[tunings.a]\n",
            "unknown table [tunings]; known: [controller], [canary], [agent], [tuning.NAME], [priority], [partition.NAME]",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_table_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        agent(tmp_path, text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_config_show_lists_what_each_tuning_sets_and_whether_it_is_built_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "hpcsched.toml"
    path.write_text("[tuning.quiet]\nnuma_balancing = 0\n")
    assert invoke(["config", "show", "--config", str(path), "--output", "json"]) == 0
    shown = {(key["table"], key["key"]): (key["value"], key["default"]) for key in json.loads(capsys.readouterr().out)}
    assert shown["tuning.quiet", "numa_balancing"] == (0, False)
    assert shown["tuning.hpc", "transparent_hugepage"] == ("always", True)
    assert ("tuning.quiet", "governor") not in shown
    assert ("agent", "tunings") not in shown


REFUSED = [
    ('[agent]\ndisk_free = "x"', "[agent] disk_free: bad size 'x'"),
    ('[agent]\ncpus = "zz"', "[agent] cpus = 'zz': bad id range 'zz'"),
    ('[agent]\nreserved_memory = "auot"', "[agent] reserved_memory: bad size 'auot'"),
    ('[agent]\ncdi_dirs = ["cdi"]', "[agent] cdi_dirs: 'cdi' is no absolute path"),
    ('[agent]\nfeatures = ["a&b"]', "[agent] features: bad word 'a&b'"),
    ('[agent]\ncontroller = "here"', "[agent] controller: bad address 'here'"),
    ('[controller]\npolicy = "backfill"', "[controller] policy: there is no 'backfill'; known: "),
    ('[controller]\nlisten = "http://x"', "[controller] listen: bad address 'http://x'"),
    (
        '[controller]\nlisten = "tcp://0.0.0.0:5"',
        "[controller] listen: at 0.0.0.0:5 anyone who reaches it could run jobs as root",
    ),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_config_check_refuses_what_a_daemon_would_not_start_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path = tmp_path / "hpcsched.toml"
    path.write_text(text)
    assert invoke(["config", "check", "--config", str(path)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_a_daemon_with_such_settings_says_the_same_and_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path = tmp_path / "hpcsched.toml"
    table = text[1 : text.index("]")]
    path.write_text(f'{text}\nstate_dir = "{tmp_path}/state"\n')
    assert invoke([table, "--config", str(path)]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_config_check_accepts_what_daemons_start_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hpcsched.toml"
    path.write_text(
        '[controller]\nlisten = "tcp://0.0.0.0:5"\ninsecure = true\n'
        '[agent]\ncontroller = "tcp://head:5"\ncpus = "0-3,9999"\nreserved_memory = "2G"\ndisk_free = "1G"\n'
    )
    assert invoke(["config", "check", "--config", str(path)]) == 0
    assert capsys.readouterr().out == "ok\n"


def test_config_check_refuses_a_bad_tuning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hpcsched.toml"
    path.write_text("[tuning.quiet]\nnuma_balancing = 9\n")
    assert invoke(["config", "check", "--config", str(path)]) == 1
    assert "[tuning.quiet] numa_balancing: 9 is outside 0 to 3" in capsys.readouterr().err
