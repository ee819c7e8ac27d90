from pathlib import Path

from hpcsched.model.job import JobState
from hpcsched.state.draw import states_markdown
from hpcsched.state.transitions import JOB_TABLE, REASONS, JobStep


def test_the_document_is_what_the_tables_say() -> None:
    document = Path(__file__).parents[2] / "docs" / "states.md"
    assert document.read_text() == states_markdown(), "draw docs/states.md again, its second line says how"


def test_every_state_can_be_reached_and_no_ended_job_goes_on() -> None:
    reached = {JobState.PENDING, *JOB_TABLE.values()}
    assert reached == set(JobState)
    assert {state for state, _ in JOB_TABLE} == {state for state in JobState if not state.ended}


def test_every_end_has_a_reason() -> None:
    ends = {step for (_, step), state in JOB_TABLE.items() if state.ended}
    assert ends == set(REASONS)
    assert {step for _, step in JOB_TABLE} == set(JobStep)
