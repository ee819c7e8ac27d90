"""The files of a report."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hpcsched.bench.report import write_csv, write_json
from hpcsched.bench.tidy import COLUMNS
from hpcsched.errors import HpcschedError
from tests.benchreports import measured
from tests.benchwide import wide, write


def test_the_csv_has_a_row_for_each_sample_and_metric(tmp_path: Path) -> None:
    suite = wide(write(tmp_path), pairs=9)
    write_csv(suite, tmp_path / "samples.csv")
    with (tmp_path / "samples.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert tuple(found[0]) == COLUMNS
    values = {(int(row["order"]), row["metric"]): float(row["value"]) for row in found}
    assert values == {(sample.order, name): value for sample in suite.samples for name, value in sample.values.items()}
    warm = {sample.order for sample in suite.samples if sample.warmup}
    assert {int(row["order"]) for row in found if row["warmup"] == "1"} == warm
    outlying = {(order, one.metric.name) for one in suite.comparisons for order in one.checks.outliers}
    assert {(int(row["order"]), row["metric"]) for row in found if row["outlier"] == "1"} == outlying
    assert outlying


def test_a_failed_sample_has_one_row_with_its_error(tmp_path: Path) -> None:
    write_csv(measured(fails=lambda order, spec: "it, broke\n" if order == 9 else ""), tmp_path / "samples.csv")
    with (tmp_path / "samples.csv").open(newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["error"]]
    assert "it, broke" in row["error"]
    assert (row["metric"], row["value"], row["throttled"]) == ("", "", "")


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(HpcschedError, match=r"cannot write .*: No such file or directory"):
        write_json(measured(1), tmp_path / "none" / "report.json")
