"""What a call loads: the command line must be quick to start."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hpcsched.cli.commands import ENTRIES, SECTIONS
from hpcsched.cli.main import cli, invoke

HEAVY = ("grpc", "rich", "numpy", "scipy", "matplotlib", "msgspec", "psutil", "asyncio", "google.protobuf")
SHOW = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def _loaded(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", f"{code}\n{SHOW}"], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["jobs", "--help"], ["submit", "--help"], ["receipt", "--help"]])
def test_help_and_version_load_nothing_heavy(args: list[str]) -> None:
    loaded = _loaded(f"from hpcsched.cli.main import invoke; assert invoke({args!r}) == 0")
    assert loaded.isdisjoint(HEAVY)


def test_help_imports_no_subcommand() -> None:
    loaded = _loaded("from hpcsched.cli.main import invoke; invoke(['--help'])")
    assert not [entry.module for entry in ENTRIES.values() if f"hpcsched.cli.{entry.module}" in loaded]


def test_completing_a_name_imports_no_subcommand() -> None:
    completing = {"_HPCSCHED_COMPLETE": "bash_complete", "COMP_WORDS": "hpcsched re", "COMP_CWORD": "1"}
    code = (
        f"import os; os.environ.update({completing!r})\n"
        "from hpcsched.cli.main import invoke\n"
        "try: invoke([])\n"
        "except SystemExit: pass"
    )
    loaded = _loaded(code)
    assert "click.shell_completion" in loaded
    assert not [entry.module for entry in ENTRIES.values() if f"hpcsched.cli.{entry.module}" in loaded]


@pytest.mark.parametrize("name", ENTRIES)
def test_each_subcommand_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke([name, "--help"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"Usage: hpcsched {name}")
    assert f"hpcsched {name}" in printed[printed.index("Example") :]


@pytest.mark.parametrize("name", ["bench", "config", "journal"])
def test_each_command_of_a_group_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    group = cli.get_command(None, name)  # type: ignore[arg-type]
    for below in group.commands:  # type: ignore[union-attr]
        assert invoke([name, below, "--help"]) == 0
        assert f"Example: hpcsched {name} {below}" in capsys.readouterr().out


def test_the_top_help_names_every_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"  {entry.name} " in printed and entry.about in printed for _, entries in SECTIONS for entry in entries)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("re", {"release", "receipt", "records", "requeue", "reservation", "resume"}), ("ho", {"hold"}), ("zz", set())],
)
def test_a_shell_is_offered_the_names_that_begin_so(typed: str, offered: set[str]) -> None:
    from click import Context

    assert {item.value for item in cli.shell_complete(Context(cli), typed)} == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_asks_hpcsched(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["completion", shell]) == 0
    assert f"_HPCSCHED_COMPLETE={shell}_complete" in capsys.readouterr().out
