"""`hpcsched bench`: what its commands print, byte for byte where scripts rely on it. After a wanted change:
HPCSCHED_UPDATE_GOLDEN=1 pytest.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.shell_completion import ShellComplete

from hpcsched.bench.result import Result
from hpcsched.bench.schema import schema_text
from hpcsched.bench.suite import VARIABLE
from hpcsched.cli.bench import command
from hpcsched.cli.context import Context
from hpcsched.cli.main import invoke
from hpcsched.cli.output import FORMS
from hpcsched.testing.jobs import FakeJobs
from tests.benchwide import wide, write

GOLDEN = Path(__file__).parents[1] / "golden" / "cli"
SCHEMA = Path(__file__).parents[2] / "docs" / "bench.schema.json"


class Client(FakeJobs):
    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def context() -> Context:
    return Context(connect=lambda address: Client())  # type: ignore[arg-type,return-value]


@pytest.fixture(autouse=True)
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two of the made-up benchmarks."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    write(folder)
    for file in folder.iterdir():
        if file.stem not in ("latency", "stream"):
            file.unlink()
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


@pytest.fixture
def file(suite: Path, tmp_path: Path) -> Path:
    """Of a run whose figures are always the same."""
    path = tmp_path / "run.json"
    path.write_bytes(wide(suite, pairs=7).to_json())
    return path


def check(name: str, printed: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("HPCSCHED_UPDATE_GOLDEN"):
        path.write_text(printed)
    assert printed == path.read_text()


@pytest.mark.parametrize("form", FORMS)
def test_the_list_is_as_before(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["bench", "list", "--output", form]) == 0
    check(f"bench-list.{form}", capsys.readouterr().out)


@pytest.mark.parametrize("form", ["table", "plain"])
def test_the_report_is_as_before(form: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["bench", "report", str(file), "--output", form]) == 0
    check(f"bench-report.{form}", capsys.readouterr().out)


def test_the_long_report_is_as_before(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["bench", "report", str(file), "--long"]) == 0
    check("bench-report-long.table", capsys.readouterr().out)


def test_the_json_of_a_report_is_the_run_itself(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["bench", "report", str(file), "--output", "json"]) == 0
    assert Result.from_json(capsys.readouterr().out.encode()) == Result.read(file)


def test_a_report_writes_its_page_and_its_table(file: Path, tmp_path: Path) -> None:
    page, table = tmp_path / "page.html", tmp_path / "samples.csv"
    assert invoke(["bench", "report", str(file), "--html", str(page), "--csv", str(table)]) == 0
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert table.read_text().startswith("order,block,benchmark,metric,")


def test_a_run_writes_all_that_it_is_asked_for(context: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {kind: tmp_path / f"run.{kind}" for kind in ("json", "html", "csv")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    assert invoke(["bench", "run", "stream", "--pairs", "7", "--budget", "0", *options], context) == 0
    assert all(path.stat().st_size for path in files.values())
    assert Result.read(files["json"]).wanted.pairs == 7
    captured = capsys.readouterr()
    assert "Of 4 metrics" in captured.out
    assert "warm-up" in captured.err


@pytest.mark.parametrize(
    ("options", "pairs", "budget_s", "precision"),
    [
        ((), 15, 60.0, 0.0),
        (("--size", "normal"), 100, 900.0, 0.0),
        (("--pairs", "9", "--budget", "0", "--precision", "0.2"), 9, 0.0, 0.002),
        (("--pairs", "9", "--all-pairs"), 9, 60.0, -1.0),
    ],
)
def test_what_is_measured_at_most_depends_on_the_size(
    options: tuple[str, ...], pairs: int, budget_s: float, precision: float, context: Context, tmp_path: Path
) -> None:
    file = tmp_path / "run.json"
    assert invoke(["bench", "run", "stream", "--json", str(file), *options], context) == 0
    wanted = Result.read(file).wanted
    assert (wanted.pairs, wanted.budget_s, wanted.precision) == (pairs, budget_s, pytest.approx(precision))


def test_a_file_that_cannot_be_written_is_said_before_anything_is_measured(
    context: Context, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(["bench", "run", "stream", "--html", str(tmp_path / "none" / "page.html")], context) != 0
    captured = capsys.readouterr()
    assert "name a file in a folder that exists" in captured.err
    assert "warm-up" not in captured.err


def test_what_no_node_could_be_certified_for_is_refused_before_anything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client()
    context = Context(connect=lambda address: client)  # type: ignore[arg-type,return-value]
    assert invoke(["bench", "run", "stream", "--image", "rocky9", "--certify"], context) == 2
    assert "none of the nodes has a digest of image rocky9" in capsys.readouterr().err
    assert client.specs == []


def test_a_shell_is_offered_the_names_of_benchmarks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    complete = ShellComplete(command, {}, "hpcsched", "_HPCSCHED_COMPLETE")
    assert [item.value for item in complete.get_completions(["run"], "s")] == ["stream"]
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    assert complete.get_completions(["run"], "s") == []


def test_the_schema_in_the_documents_is_that_of_the_types(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["bench", "schema"]) == 0
    assert capsys.readouterr().out == schema_text()
    assert SCHEMA.read_text() == schema_text(), "run: hpcsched bench schema > docs/bench.schema.json"


def test_a_run_is_what_the_schema_promises(file: Path) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    whole = json.loads(file.read_bytes())
    jsonschema.validate(whole, schema)
    for broken in (without(whole, "seed"), {**whole, "schema": 1}, {**whole, "size": "tiny"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def without(whole: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in whole.items() if key != name}
