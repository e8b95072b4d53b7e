"""Where two documents differ, by JSON pointer."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard_kit.trials.comparing import Difference, differences

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(document=DOCUMENTS)
def test_a_document_does_not_differ_from_itself_however_it_is_written(document: object):
    assert differences(document, json.loads(json.dumps(document))) == ()


@given(one=DOCUMENTS, other=DOCUMENTS)
def test_documents_that_differ_do_so_somewhere_and_the_other_way_round_in_the_same_places(one: object, other: object):
    there, back = differences(one, other), differences(other, one)

    assert bool(there) is (json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True))
    assert [each.pointer for each in there] == [each.pointer for each in back]


@given(document=st.dictionaries(st.text(min_size=1, max_size=4), DOCUMENTS, min_size=1, max_size=4), data=st.data())
def test_what_was_changed_is_what_is_pointed_at(document: dict[str, Any], data: st.DataObject):
    name = data.draw(st.sampled_from(sorted(document)))
    changed = copy.deepcopy(document)
    changed[name] = "something that no document holds"
    escaped = name.replace("~", "~0").replace("/", "~1")

    assert differences(document, changed) == (Difference(pointer=f"/{escaped}", how="other value"),)
    assert differences(document, changed, ignore=[f"/{escaped}"]) == ()


@pytest.mark.parametrize(
    ("serving", "candidate", "found"),
    [
        ({"a": 1}, {}, [("/a", "serving only")]),
        ([1], [1, 2], [("/1", "candidate only")]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [("/a/0/b", "other value")]),
        (1, True, [("", "other value")]),
        (1, 1.0, []),
        ({"a/b": 1, "c~d": 2}, {"a/b": 2, "c~d": 3}, [("/a~1b", "other value"), ("/c~0d", "other value")]),
        ({"a": None}, {}, [("/a", "serving only")]),
    ],
)
def test_what_is_there_on_one_side_only_is_told_from_what_has_another_value(
    serving: object, candidate: object, found: list[tuple[str, str]]
):
    assert [(each.pointer, each.how) for each in differences(serving, candidate)] == found


def test_ignoring_a_member_does_not_ignore_one_whose_name_begins_alike():
    assert differences({"usage": 1, "usages": 1}, {"usage": 2, "usages": 2}, ignore=["/usage"]) == (
        Difference(pointer="/usages", how="other value"),
    )
