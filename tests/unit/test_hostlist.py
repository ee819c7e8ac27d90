"""Lists of node names as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcsched.errors import InvalidValue
from hpcsched.model.hostlist import expand


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", ("n1",)),
        ("n1,n2,n1", ("n1", "n2")),
        ("n[1-3]", ("n1", "n2", "n3")),
        ("n[08-10,20]-ib,login", ("n08-ib", "n09-ib", "n10-ib", "n20-ib", "login")),
        (" a.b-c_d ", ("a.b-c_d",)),
    ],
)
def test_ranges_in_brackets_stand_for_several_names(text: str, names: tuple[str, ...]) -> None:
    assert expand(text) == names


@pytest.mark.parametrize("text", ["", ",", "n1,", "n[", "n[]", "n[3-1]", "n[1-]", "n[a]", "n[1-2][3]", "n 1", "n[0-200000]", "]"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"list of nodes|names more than"):
        expand(text)


@given(st.text(alphabet="n12[]-,x ", max_size=12))
def test_any_text_is_either_read_to_names_without_brackets_or_refused(text: str) -> None:
    try:
        assert all(name and not set(name) & set("[], ") for name in expand(text))
    except InvalidValue:
        pass
