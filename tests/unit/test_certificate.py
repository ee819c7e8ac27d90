"""Certificates: what a report gives, who signed it, what a change to a single byte does."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcsched.bench.certificate import Signed, Signer, canonical, certificate_of, fingerprint, parse_key
from hpcsched.bench.result import Node, Result
from hpcsched.bench.runner import run
from hpcsched.errors import ConfigError, InvalidValue
from hpcsched.model.certificate import Certificate
from hpcsched.sched.certified import changed, condensed, facts_for, stale
from hpcsched.testing.jobs import FakeJobs, Model

FACTS = (("image host", "abc"), ("image rocky9", "def"), ("kernel", "6.1"))


def report(**model: float) -> Result:
    jobs = FakeJobs(Model(**model))
    found = run(jobs, ("stream", "dgemm"), pairs=8, seed=1, clock=jobs.clock)
    return dataclasses.replace(found, nodes=(Node("n1", "Model CPU", 2, 16 << 30, FACTS),))


def made(**model: float) -> Certificate:
    result = report(**model)
    return certificate_of(result, result.comparisons, 2e9, "0.1")


def signed(tmp_path: Path) -> Signed:
    return Signer(tmp_path / "key.pem").sign(made())


def test_a_certificate_names_each_metric_with_its_interval_and_verdict() -> None:
    found = made()
    assert [figure.name for figure in found.figures] == [
        "stream.copy",
        "stream.scale",
        "stream.add",
        "stream.triad",
        "dgemm.gflops",
    ]
    assert all(figure.low <= figure.ratio <= figure.high and figure.verdict == "equivalent" for figure in found.figures)
    assert found.node == "n1"


def test_it_hangs_on_the_node_and_on_its_own_image_and_on_no_other() -> None:
    assert dict(made().facts) == {"image host": "abc", "kernel": "6.1"}


def test_one_of_another_image_hangs_on_that_images_digest() -> None:
    found = dataclasses.replace(report(), image="rocky9")
    assert dict(certificate_of(found, found.comparisons, 2e9, "0.1").facts) == {"image rocky9": "def", "kernel": "6.1"}


def test_an_image_of_which_the_node_has_no_digest_is_not_certified() -> None:
    found = dataclasses.replace(report(), image="/srv/root")
    with pytest.raises(InvalidValue, match=r"no digest of image /srv/root, .* measure it by its name"):
        certificate_of(found, found.comparisons, 2e9, "0.1")


def test_a_report_without_a_sample_is_not_certified() -> None:
    found = dataclasses.replace(report(), nodes=())
    with pytest.raises(InvalidValue, match=r"nothing was measured"):
        certificate_of(found, found.comparisons, 2e9, "0.1")


def test_overhead_is_the_unfavourable_end_of_the_interval() -> None:
    figure = made(container=0.9, noise=0.001).figures[0]
    assert 0.095 < 1 - figure.ratio < figure.overhead < 0.105
    slower = dataclasses.replace(figure, higher_is_better=False, low=1.05, high=1.12)
    assert slower.overhead == pytest.approx(0.12)


def test_what_changes_a_fact_makes_it_stale_and_says_what() -> None:
    found = condensed(made(), "id")
    assert stale(found, FACTS) == ""
    assert stale(found, (("image host", "abc"), ("kernel", "6.2"))) == "kernel was 6.1, is 6.2"
    assert stale(found, (("kernel", "6.1"),)) == "image host was abc, is not there"
    assert stale(found, (*FACTS, ("driver nvidia", "570"))) == "driver nvidia was not there, is 570"


def test_another_image_that_changes_leaves_it_valid() -> None:
    assert stale(condensed(made(), "id"), (("image host", "abc"), ("image rocky9", "new"), ("kernel", "6.1"))) == ""
    assert facts_for(FACTS, "rocky9") == (("image rocky9", "def"), ("kernel", "6.1"))


def test_the_worst_metric_stands_for_its_benchmark() -> None:
    figures = {figure.name: figure.value for figure in condensed(made(), "id").figures}
    ours = [value for name, value in figures.items() if name.startswith("overhead.stream.")]
    assert len(ours) == 4
    assert figures["overhead.stream"] == max(ours)


def test_a_burdened_container_certifies_nothing() -> None:
    with pytest.raises(InvalidValue, match="burdened on purpose"):
        certificate_of(dataclasses.replace(report(), handicap="one core fewer"), (), 2e9, "0.1")


def test_a_report_without_intervals_certifies_nothing() -> None:
    with pytest.raises(InvalidValue, match="at least 6 pairs"):
        certificate_of(report(), (), 2e9, "0.1")


def test_what_was_signed_can_be_read_back_and_checked(tmp_path: Path) -> None:
    found = signed(tmp_path)
    again = Signed.from_json(found.to_json())
    again.check()
    assert again == found
    assert again.id == found.id


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return signed(tmp_path_factory.mktemp("key"))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_change_of_any_character_is_refused(found: Signed, data: st.DataObject) -> None:
    body = found.to_json().decode()
    at = data.draw(st.integers(0, len(body) - 1))
    other = data.draw(st.sampled_from('0123456789abcxyz {}":,'))
    changed = body[:at] + other + body[at + 1 :]
    try:
        read = Signed.from_json(changed.encode())
    except InvalidValue:
        return
    if (read.certificate, read.key, read.signature) != (found.certificate, found.key, found.signature):
        with pytest.raises(InvalidValue):
            read.check()


def test_another_key_does_not_pass_for_ours(tmp_path: Path) -> None:
    found = signed(tmp_path)
    forged = dataclasses.replace(found, key=Signer(tmp_path / "other.pem").public)
    with pytest.raises(InvalidValue, match="changed after it was signed"):
        forged.check()


def test_the_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    assert Signer(file).public == Signer(file).public
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    Signer(file)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Signer(file)


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text("nonsense")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="cannot use"):
        Signer(file)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"certificate": 1}', b"\xff", b"{" * 10_000])
def test_what_is_no_certificate_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(InvalidValue, match="no certificate") as error:
        Signed.from_json(body)
    assert "\n" not in str(error.value)


def test_a_key_is_written_and_read_as_text(tmp_path: Path) -> None:
    key = Signer(tmp_path / "key.pem").public
    assert parse_key(fingerprint(key)) == parse_key(key.hex()) == key
    with pytest.raises(InvalidValue, match="bad key"):
        parse_key("ed25519:12")


def test_what_is_signed_does_not_depend_on_how_the_file_is_laid_out(tmp_path: Path) -> None:
    found = signed(tmp_path)
    loose = json.dumps(json.loads(found.to_json()), indent=7, sort_keys=True).encode()
    again = Signed.from_json(loose)
    again.check()
    assert canonical(again.certificate) == canonical(found.certificate)


def test_facts_of_a_node_that_differ_are_named() -> None:
    assert changed(FACTS, FACTS) == ""
    assert changed(FACTS, (*FACTS[:2], ("kernel", "6.2"))) == "kernel was 6.1, is 6.2"
