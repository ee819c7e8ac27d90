"""Nouns of the model are made fast and are else as frozen dataclasses are."""

import copy
import pickle
from dataclasses import dataclass, field, fields, is_dataclass, replace

import pytest

from hpcsched.model.job import Job, JobSpec, JobState
from hpcsched.model.noun import noun


@noun(frozen=True, slots=True)
class Fast:
    name: str
    size: int = 0
    seen: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    size: int = 0
    seen: float = field(default=0.0, compare=False)


def test_a_noun_is_a_dataclass_that_can_be_replaced():
    assert is_dataclass(Fast)
    assert [item.name for item in fields(Fast)] == ["name", "size", "seen"]
    assert replace(Fast("a", 1), size=2) == Fast("a", 2)


def test_nouns_are_equal_and_hash_as_frozen_ones_do():
    assert Fast("a", 1, 5.0) == Fast("a", 1, 6.0) != Fast("a", 2)
    assert hash(Fast("a", 1, 5.0)) == hash(Fast("a", 1)) == hash(Frozen("a", 1))
    assert {JobSpec(user="ann"): 1}[JobSpec(user="ann")] == 1


def test_a_noun_has_no_room_for_another_field():
    with pytest.raises(AttributeError):
        Fast("a").other = 1


def test_nouns_can_be_copied_and_pickled():
    job = Job(1, JobSpec(command=("true",)), "r", JobState.PENDING, 1.0)
    assert copy.deepcopy(job) == pickle.loads(pickle.dumps(job)) == job
