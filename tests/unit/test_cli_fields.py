"""JSON keys are the field names of the messages."""

from __future__ import annotations

from typing import Any

import pytest

from hpcsched.cli.fields import plain_data
from hpcsched.testing import nouns
from hpcsched.v1 import job_pb2, node_pb2, record_pb2

CASES = [
    (nouns.failed(), job_pb2.Job.DESCRIPTOR),
    (nouns.running(), job_pb2.Job.DESCRIPTOR),
    (nouns.node(), node_pb2.Node.DESCRIPTOR),
    (nouns.equipped(), node_pb2.Node.DESCRIPTOR),
    (nouns.record(), record_pb2.Record.DESCRIPTOR),
]


@pytest.mark.parametrize(("noun", "descriptor"), CASES, ids=["failed", "running", "node", "equipped", "record"])
def test_every_key_is_a_field_and_every_field_a_key(noun: Any, descriptor: Any) -> None:
    assert _differences(plain_data(noun), descriptor) == []


def _differences(data: dict[str, Any], descriptor: Any) -> list[str]:
    fields = descriptor.fields_by_name
    wrong = [f"{descriptor.name}.{name}" for name in set(data) ^ set(fields)]
    for name in set(data) & set(fields):
        below = fields[name].message_type
        values = data[name] if isinstance(data[name], list) else [data[name]]
        wrong += [text for value in values if below and value is not None for text in _differences(value, below)]
    return wrong


def test_states_are_bare_words_ids_are_text_and_numbers_are_numbers() -> None:
    data = plain_data(nouns.failed())
    assert data["state"] == "FAILED"
    assert data["exit_code"] == 3
    assert data["signal"] is None
    assert data["bindings"][0]["node"] == "n2"
    assert data["bindings"][0]["binding"]["cpus"] == "0-1,4-5"
    assert data["bindings"][0]["binding"]["memory"] == 8 << 30
    assert data["spec"]["resources"]["hugepages"] == [{"size": 2 << 20, "count": 128}]
    assert data["parts"][0]["observed"]["hugepages"] == [{"size": 2 << 20, "limit": 256 << 20}]
    assert data["bindings"][0]["binding"]["hugepages"] == [{"numa": 0, "size": 2 << 20, "count": 128}]
    assert data["spec"]["env"] == [{"name": "OMP_NUM_THREADS", "value": "4"}]
    assert data["spec"]["script"] == "#!/bin/sh\nexit 3\n"


def test_a_job_that_waits_has_no_bindings() -> None:
    assert plain_data(nouns.waiting())["bindings"] == []


def test_a_script_that_is_no_text_is_still_printed() -> None:
    assert plain_data(b"#!/bin/sh\n\xff") == "#!/bin/sh\n\\xff"
