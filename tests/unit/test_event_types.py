"""Types of events are wanted by their names, and by the first parts of these with ``.*`` behind."""

import pytest

from domain.event_types import WantedTypes, wanted_types
from domain.topics import TOPICS, are_any, is_type


def admitted(*wishes: str) -> set[str]:
    types = wanted_types(wishes)
    return {topic for topic in TOPICS if types.admits(topic)}


def test_without_a_wish_all_types_are_wanted() -> None:
    assert admitted() == set(TOPICS)
    assert wanted_types(()) == WantedTypes()


def test_a_name_wants_its_type_and_first_parts_all_that_begin_so() -> None:
    assert admitted("job.failed.v1") == {"job.failed.v1"}
    assert admitted("incident.*") == {topic for topic in TOPICS if topic.startswith("incident.")}
    assert admitted("incident.opened.*", "job.failed.v1") == {"incident.opened.v1", "job.failed.v1"}


def test_first_parts_want_types_that_nobody_knows_yet_but_no_other_words_that_begin_so() -> None:
    assert wanted_types(["incident.*"]).admits("incident.foreseen.v1")
    assert not wanted_types(["incident.*"]).admits("incidental.opened.v1")
    assert not wanted_types(["incident.*"]).admits("incident")
    assert not wanted_types(["job.failed.v1"]).admits("job.failed.v12")


def test_a_wish_that_is_given_twice_counts_once() -> None:
    assert wanted_types(["job.*", "job.failed.v1", "job.*"]) == WantedTypes(("job.failed.v1",), ("job.",))


@pytest.mark.parametrize("wish", ["", "*", ".*", "job", "job*", "job.", "job.**", "job.*.v1", "job.lost.v1", "lost.*"])
def test_what_no_type_has_ever_been_is_no_wish(wish: str) -> None:
    assert not is_type(wish)


def test_types_and_their_first_parts_are_wishes() -> None:
    assert all(map(is_type, ("job.*", "job.failed.*", "job.failed.v1")))
    assert are_any(WantedTypes(beginnings=("job.failed.v",)))
